"""From a specification to a report.

    spec → sweep → runner → records on disk → statistics → figures, tables, prose → report

* `spec`, `sweep`, `runner`: what to run, and running it (resumable, one JSON line a step).
* `statistics`: curves over seeds, crossings of an error, areas, class balance, time.
* `savings`: labels saved against random acquisition, paired by seed, with intervals.
* `figures`: Matplotlib figures of a run; `drawing`: how they look and how they are written.
* `tables`, `prose`: the same numbers as tables and as sentences.
* `report`: one self-contained HTML page, CSV files (`csv_files`), and a table for the terminal.
* `paper`: the numbers that Gal, Islam & Ghahramani (2017) published.
"""
