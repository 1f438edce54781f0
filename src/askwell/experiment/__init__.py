"""From a specification to a report.

    spec → runner → records on disk → statistics → figures, tables, prose → report

What to run:

* `spec`: the specification; `arms`: acquisition function × posterior, or a baseline.
* `spec_files`: TOML, built-in specs, changed keys; `spec_checks`: what cannot run on any data.
* `smoke`: any spec, tiny.

Running it:

* `data`: the data set, cut to size; `inputs`: images, or kept features of them.
* `starts`: the split of each seed, and whether the spec fits the data.
* `workbench`: one step, a pure function of the records before it.
* `runner`: every step of every chain; `workers`: here or in processes side by side.
* `progress`: what a person sees meanwhile.
* `machine`, `quota`: the processor, and how much of it is ours.

Records:

* `journal`: a run directory; `growth`: one that is taken up with more to do; `reuse`: of others.
* `chain_lines`: records as JSON; `disk`: files whole, synced, locked.

Numbers:

* `metrics`: test metrics, how they are written, which one leads.
* `facts`: what a run is and how far; `splits`: seeds by test set.
* `statistics`: curves over seeds, areas, class balance, time; `positives`: of one class.
* `crossings`: labels to an error; `savings`: against random acquisition, with intervals.
* `comparisons`: whole curves of two arms, paired by seed, with a test.
* `paper`: the numbers that Gal, Islam & Ghahramani (2017) published.

The report:

* `writing`: how numbers are written; `prose`: the headline; `notes`: before you believe it.
* `tables`: results; `comparison_tables`: arms beside each other; `setting_tables`: time, settings.
* `curve_figures`, `figures`: Matplotlib figures; `drawing`: how they look and are written.
* `csv_files`: raw numbers; `report`: one HTML page of it all; `terminal`: one table.
"""
