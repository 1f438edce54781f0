"""Test splits are averaged apart; positives; what melanoma and regression reports say."""

import dataclasses

import numpy as np
import pytest

from askwell.experiment import comparison_tables, csv_files, facts, notes, prose, splits, tables
from askwell.experiment.metrics import primary_metric
from askwell.experiment.positives import positives_acquired, positives_curve
from askwell.experiment.report import page
from askwell.experiment.statistics import curve, final
from askwell.records import Chain, Run
from tests.experiment.pages import check
from tests.experiment.synthetic import chain_of, make_run, melanoma_run, of_metric, regression_run

MELANOMA = melanoma_run()


def test_seeds_go_to_the_split_of_their_remainder():
    parts = splits.by_split(melanoma_run(range(7), splits=3))
    assert {n: sorted({c.seed for c in part.chains}) for n, part in parts.items()} == {
        1: [0, 3, 6],
        2: [1, 4],
        3: [2, 5],
    }
    for spec in ({}, {"test_splits": 0}, {"test_splits": 1}):
        assert splits.by_split(dataclasses.replace(MELANOMA, spec=spec)) == {}


def test_no_spread_stands_beside_several_splits():
    assert [(g.arm, g.split, len(g.chains), g.spread) for g in splits.groups(MELANOMA)] == [
        ("bald", "1", 3, "error"),
        ("bald", "2", 3, "error"),
        ("bald", "all", 6, "none"),
        ("random", "1", 3, "error"),
        ("random", "2", 3, "error"),
        ("random", "all", 6, "none"),
    ]
    assert [g.split for g in splits.groups(melanoma_run((0, 2)))] == ["1", "1"]
    assert [g.cells for g in splits.groups(make_run(("bald",), steps=1))] == [("bald",)]


def test_arms_are_compared_over_the_seeds_that_all_have_begun():
    """Bald began all seeds, random only those of the easy split: no arm looks better for that."""
    begun = tuple(
        dataclasses.replace(c, steps=c.steps[:2] if c.arm == "bald" or c.seed in (1, 3) else ())
        for c in MELANOMA.chains
    )
    run = dataclasses.replace(MELANOMA, chains=begun)
    pooled = {g.arm: [c.seed for c in g.chains] for g in splits.groups(run) if g.split == "all"}
    assert pooled == {"bald": [1, 3], "random": [1, 3]}
    assert [g.split for g in splits.groups(run) if g.arm == "random"] == ["2", "all"]
    ends = [
        final([c for c in begun if c.arm == arm and c.seed in (1, 3)], "auc")
        for arm in ("bald", "random")
    ]
    best = max(end.mean for end in ends if end is not None)
    names = {"bald": "bald", "random": "max_entropy"}  # without random the ends are what is told
    alone = tuple(dataclasses.replace(c, arm=names[c.arm]) for c in begun)
    text = prose.headline(dataclasses.replace(run, chains=alone))
    assert f"{100 * best:.2f} % (2 seeds)" in text
    apart = tuple(c for c in begun if c.seed == (1 if c.arm == "random" else 0))
    none = dataclasses.replace(run, chains=apart)
    assert "all" not in [g.split for g in splits.groups(none)]
    assert prose.headline(none).endswith("no label count in common yet.")
    check(page(none))


def test_the_final_table_has_each_split_with_its_standard_error():
    table = tables.final_table(MELANOMA)
    assert table is not None
    assert table.header[:4] == ("arm", "test split", "labels", "AUC (%)")
    chains = [c for c in MELANOMA.chains if c.arm == "bald" and c.seed % 2 == 1]
    end = final(chains, "auc")
    assert end is not None
    assert end.std is not None
    assert table.rows[1][:4] == (
        "bald",
        "2",
        "350",
        f"{100 * end.mean:.2f} ± {100 * end.std / 3**0.5:.2f}",
    )
    assert table.rows[2][1] == "all"
    assert not any("±" in cell for cell in table.rows[2])


def test_the_papers_auc_values_are_named_as_the_papers():
    table = tables.final_table(MELANOMA)
    assert table is not None
    at = table.header.index("AUC (%)")
    assert [(row[0], row[at]) for row in table.rows[-2:]] == [
        ("paper, all labels, its split 1", "71.0 ± 0.3"),
        ("paper, all labels, its split 2", "75.0 ± 1.0"),
    ]
    assert {len(row) for row in table.rows} == {len(table.header)}
    assert "other splits" in table.caption
    other = dataclasses.replace(MELANOMA, spec={**MELANOMA.spec, "dataset": "photos"})
    table = tables.final_table(other)
    assert table is not None
    assert not any("paper" in row[0] for row in table.rows)
    assert not any("paper" in note for note in notes.notes(other))


def test_positives_are_those_answered_before_each_step_without_the_initial_ones():
    queries = [{10: 1, 11: 0}, {12: 1, 13: 1}, {14: 0}]
    chain = of_metric("bald", 0, "auc", [0.5] * 4, initial=(1, 1, 0), queries=queries)
    labels, counts = positives_acquired(chain, 1)
    assert (labels.tolist(), counts.tolist()) == ([3, 5, 7, 8], [0, 1, 3, 3])
    assert positives_acquired(chain, 0)[1].tolist() == [0, 1, 1, 2]
    unfinished = dataclasses.replace(chain, steps=chain.steps[:2])
    assert positives_acquired(unfinished, 1)[1].tolist() == [0, 1]
    empty = Chain("bald", 0, (), (), ())
    assert positives_acquired(empty, 1)[1].size == 0


def test_the_table_of_positives_has_means_and_standard_errors():
    table = tables.positives_table(MELANOMA)
    assert table is not None
    assert "20 initial ones" in table.caption
    assert table.header == (
        "arm",
        "test split",
        *(f"{n} labels" for n in (100, 150, 200, 250, 300, 350)),
    )
    chains = [c for c in MELANOMA.chains if c.arm == "bald" and c.seed % 2 == 0]
    expected = positives_curve(chains, 1)
    assert table.rows[0][3] == f"{expected.mean[1]:.1f} ± {expected.std[1] / 3**0.5:.1f}"
    assert [row[-1] for row in table.rows[:3]] == ["50.0 ± 0.0", "50.0 ± 0.0", "50.0"]


def test_many_label_counts_are_thinned_to_ten_with_both_ends():
    table = tables.positives_table(melanoma_run(steps=33))
    assert table is not None
    assert len(table.header) == 12
    assert (table.header[2], table.header[-1]) == ("100 labels", "1700 labels")


@pytest.mark.parametrize("key", [-1, 2, None, True, "1"])
def test_without_a_positive_class_there_is_the_balance_of_classes(key):
    run = dataclasses.replace(MELANOMA, spec={**MELANOMA.spec, "positive_class": key})
    assert facts.positive_class(run) is None
    assert tables.positives_table(run) is None
    assert tables.balance_table(run) is not None
    assert tables.balance_table(MELANOMA) is None
    assert "positives_acquired" not in csv_files.steps(run)[0]


def test_a_run_to_the_end_of_the_pool_is_finished_without_a_budget():
    assert all(facts.is_finished(MELANOMA, chain) for chain in MELANOMA.chains)
    short = dataclasses.replace(MELANOMA.chains[0], steps=MELANOMA.chains[0].steps[:3])
    cut = dataclasses.replace(MELANOMA, chains=(short, *MELANOMA.chains[1:]))
    assert not facts.is_finished(cut, short)
    assert "bald, seed 0: 200 labels" in " ".join(notes.notes(cut))
    assert prose.headline(cut).startswith("So far")


def test_an_empty_pool_leaves_no_difference_in_what_was_asked_for():
    assert facts.labelled_alike(MELANOMA.chains, 350)
    assert not facts.labelled_alike(MELANOMA.chains, 300)
    assert not facts.labelled_alike(MELANOMA.chains, 100)  # the initial images only
    assert not facts.labelled_alike(MELANOMA.chains[:6], 350)  # one arm
    text = " ".join(notes.notes(MELANOMA))
    assert "With 350 labels all arms of a seed have the same images" in text
    assert "the same images" not in " ".join(notes.notes(regression_run(steps=1)))


def test_the_headline_is_of_the_whole_curve():
    text = prose.headline(MELANOMA)
    assert text.startswith("Over the curve from 100 to 350 labels, bald has a mean test AUC of ")
    assert "points higher (95 % interval " in text
    assert "±" not in text
    text = prose.headline(regression_run(range(4), 12))
    assert "predictive_variance, the best of 2 arms, has a mean test RMSE of" in text
    assert " lower (95 % interval " in text
    assert "−" not in text
    alone = dataclasses.replace(MELANOMA, chains=MELANOMA.chains[:6])
    assert prose.headline(alone).startswith("With 350 labels, bald has a test AUC of ")
    assert "±" not in prose.headline(alone)


def test_accuracy_on_several_splits_has_crossings_for_each():
    run = make_run(("random", "bald"), seeds=range(4), steps=12)
    run = dataclasses.replace(run, spec={**run.spec, "test_splits": 2})
    table = tables.crossing_table(run)
    assert table is not None
    assert [row[:2] for row in table.rows[:3]] == [
        ("random", "1"),
        ("random", "2"),
        ("random", "all"),
    ]
    assert not any("±" in cell for row in table.rows if row[1] == "all" for cell in row)
    assert comparison_tables.saving_table(run) is not None


def test_csv_files_keep_splits_apart():
    rows = csv_files.summary(MELANOMA)
    assert [(row["arm"], row["test_split"]) for row in rows[:3]] == [
        ("bald", "1"),
        ("bald", "2"),
        ("bald", "all"),
    ]
    assert rows[2]["auc_std"] is None
    assert rows[2]["area_under_curve_std"] is None
    assert isinstance(rows[0]["auc_std"], float)
    steps = csv_files.steps(MELANOMA)
    assert {(row["seed"], row["test_split"]) for row in steps} == {
        (seed, seed % 2 + 1) for seed in range(6)
    }
    assert [row["positives_acquired"] for row in steps[:6]] == positives_acquired(
        MELANOMA.chains[0], 1
    )[1].tolist()
    seeds = csv_files.seeds(MELANOMA)
    assert len(seeds) == 12
    assert seeds[0]["auc"] == MELANOMA.chains[0].steps[-1].metrics["auc"]
    (row,) = csv_files.comparison(MELANOMA)
    areas = {(r["arm"], r["seed"]): r["area_under_curve"] for r in seeds}
    differences = [areas["bald", s] - areas["random", s] for s in range(6)]
    assert row["difference"] == pytest.approx(np.mean(differences))
    assert row["p"] == 0.03125
    assert row["lower_is_better"] is False


def test_the_primary_metric_is_the_specs_or_the_kinds():
    def metric(run: Run, **spec) -> str:
        return primary_metric(dataclasses.replace(run, spec=spec)).name

    accuracy, rmse = make_run(steps=1), regression_run(steps=1)
    assert (metric(accuracy), metric(accuracy, primary_metric="")) == ("accuracy", "accuracy")
    assert metric(accuracy, primary_metric="auc") == "auc"
    assert (metric(rmse), metric(rmse, primary_metric="rmse")) == ("rmse", "rmse")
    assert metric(MELANOMA, dataset="isic2016") == "auc"  # records older than the key


def test_curves_of_one_split_are_those_of_its_seeds_alone():
    part = splits.by_split(MELANOMA)[2]
    own = [c for c in MELANOMA.chains if c.arm == "bald" and c.seed in (1, 3, 5)]
    np.testing.assert_array_equal(
        curve([c for c in part.chains if c.arm == "bald"], "auc").mean, curve(own, "auc").mean
    )


def test_scores_of_nothing_are_told():
    zero = chain_of("bald/deterministic", 0, [0.5, 0.6, 0.7], score=0.0)
    some = dataclasses.replace(
        zero,
        arm="mean_std",
        steps=(chain_of("mean_std", 0, [0.5, 0.6, 0.7], score=0.1).steps[0], *zero.steps[1:]),
    )
    unscored = chain_of("random", 0, [0.5, 0.6, 0.7])
    run = dataclasses.replace(make_run(steps=1), chains=(zero, some, unscored))
    text = notes.notes(run)
    assert "bald/deterministic: every score was exactly 0, so it asked at random." in text
    assert any(
        note.startswith("mean_std: in 1 of 2 queries every score was exactly 0") for note in text
    )
    assert not any(note.startswith("random:") for note in text)
