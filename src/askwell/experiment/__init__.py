"""From a specification to a report.

    spec → runner → records on disk → statistics → figures, tables, prose → report

* `spec`, `spec_files`: what to run, and reading it from TOML; `data`: the data set, cut to size.
* `workbench`: one step, a pure function of the records before it.
* `runner`: every step of every chain, in processes side by side; `progress` shows them.
* `journal`: a run directory; `chain_lines`: records as JSON; `disk`: files whole, synced, locked.
* `machine`, `quota`: the processor, and how much of it is ours.
* `statistics`: curves over seeds, crossings of an error, areas, class balance, time.
* `savings`: labels saved against random acquisition, paired by seed, with intervals.
* `figures`: Matplotlib figures of a run; `drawing`: how they look and how they are written.
* `tables`, `prose`: the same numbers as tables and as sentences.
* `report`: one self-contained HTML page, CSV files (`csv_files`), and a table for the terminal.
* `paper`: the numbers that Gal, Islam & Ghahramani (2017) published.
"""
