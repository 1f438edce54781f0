"""The signed-rank test, Holm's correction, and arms against random over the whole curve."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, wilcoxon

from askwell.experiment import comparison_tables, csv_files, notes, prose
from askwell.experiment.comparisons import (
    comparisons,
    holm,
    posterior_comparisons,
    seeds_needed,
    signed_rank_p,
    smallest_p,
)
from askwell.experiment.report import page
from askwell.experiment.savings import bootstrap_interval
from askwell.records import Run
from tests.experiment.pages import check
from tests.experiment.synthetic import make_run, melanoma_run, of_metric, regression_run


def brute_force_p(differences: list[int]) -> float:
    """All 2^n sign flips of the differences: how many have a rank sum as far from its mean."""
    array = np.array([d for d in differences if d])
    ranks = rankdata(np.abs(array))
    middle = ranks.sum() / 2
    seen = abs(ranks[array > 0].sum() - middle)
    flips = itertools.product((0, 1), repeat=len(array))
    return float(np.mean([abs(np.dot(flip, ranks) - middle) >= seen for flip in flips]))


@given(st.lists(st.integers(-6, 6), min_size=1, max_size=8))
def test_p_is_the_share_of_all_sign_flips_with_ties_and_zeros(differences):
    assert signed_rank_p(differences) == pytest.approx(brute_force_p(differences), abs=1e-12)


@pytest.mark.parametrize("n", [1, 5, 12, 30, 50, 51])
def test_p_is_scipys_where_there_are_no_ties(n):
    sample = np.random.default_rng(n).normal(0.3, 1, n)
    method = "exact" if n <= 50 else "auto"
    assert signed_rank_p(sample) == pytest.approx(wilcoxon(sample, method=method).pvalue)


def test_no_difference_is_no_evidence():
    assert signed_rank_p([0.0, 0.0]) == signed_rank_p([]) == signed_rank_p([1.0]) == 1
    assert signed_rank_p([0.0, 1.0, 2.0, 3.0]) == signed_rank_p([1.0, 2.0, 3.0]) == 0.25


@pytest.mark.parametrize("n", [1, 3, 5, 6, 10, 30])
def test_differences_all_on_one_side_give_the_smallest_p(n):
    for sign in (1, -1):
        assert signed_rank_p(sign * np.arange(1, n + 1)) == pytest.approx(smallest_p(n, 1))


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.04, 0.01]) == pytest.approx([0.04, 0.02])
    assert holm([0.5, 0.6]) == [1, 1]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_rejects_what_its_step_down_procedure_rejects(p):
    adjusted = holm(p)
    for level in (0.01, 0.05, 0.3):
        rejected = set()
        for step, i in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
            if p[i] * (len(p) - step) > level:
                break
            rejected.add(i)
        assert {i for i, value in enumerate(adjusted) if value <= level} == rejected


@pytest.mark.parametrize(("arms", "seeds"), [(1, 6), (2, 7), (4, 8), (10, 9)])
def test_the_seeds_that_a_test_needs(arms, seeds):
    assert seeds_needed(arms) == seeds
    assert smallest_p(seeds, arms) <= 0.05 < smallest_p(seeds - 1, arms)


def of(chains, **spec) -> Run:
    return Run({"dataset": "x", **spec}, {}, (), tuple(chains))


def test_differences_are_of_the_areas_within_seeds():
    chains = [
        of_metric("bald", 1, "rmse", [4.0, 2.0]),
        of_metric("bald", 0, "rmse", [5.0, 4.0]),
        of_metric("bald", 7, "rmse", [5.0, 4.0]),
        of_metric("random", 0, "rmse", [5.0, 5.0]),
        of_metric("random", 1, "rmse", [4.0, 4.0]),
    ]
    (found,) = comparisons(of(chains))
    assert found.areas == {1: 3.0, 0: 4.5, 7: 4.5}
    assert found.differences == {1: -1.0, 0: -0.5}
    assert (found.mean, found.better, found.p, found.adjusted) == (-0.75, 2, 0.5, 0.5)
    assert found.interval == bootstrap_interval([-1.0, -0.5])
    assert found.smallest == 0.5
    assert (found.baseline, found.baseline_areas) == ("random", {0: 5.0, 1: 4.0})


def test_an_unfinished_run_is_compared_over_what_all_have():
    run = regression_run(range(3), 6)
    short = dataclasses.replace(run.chains[0], steps=run.chains[0].steps[:4])
    cut = dataclasses.replace(run, chains=(short, *run.chains[1:]))
    whole = dataclasses.replace(
        run, chains=tuple(dataclasses.replace(c, steps=c.steps[:4]) for c in run.chains)
    )
    for ours, expected in zip(comparisons(cut), comparisons(whole), strict=True):
        assert ours.differences == expected.differences
    one = dataclasses.replace(run.chains[0], steps=run.chains[0].steps[:1])
    only = dataclasses.replace(run, chains=(one, *run.chains[1:]))
    assert all(c.mean is None and c.p is None for c in comparisons(only))
    assert comparison_tables.comparison_table(only) is None
    assert "With 10 labels" in prose.headline(only)


def test_without_random_nothing_is_compared():
    run = make_run(("bald", "variation_ratios"), steps=4)
    assert comparisons(run) == []
    assert comparison_tables.comparison_table(run) is None
    assert any("no random arm" in note for note in notes.notes(run))


def words(run: Run) -> dict[str, str]:
    table = comparison_tables.comparison_table(run)
    assert table is not None
    return {row[0]: row[-1] for row in table.rows}


def test_what_the_test_says_in_words():
    assert words(regression_run(range(8), 12)) == {
        "predictive_variance": "better than random",
        "total_predictive_variance": "better than random",
    }
    assert set(words(regression_run(range(6), 12)).values()) == {"too few seeds to tell"}
    assert words(melanoma_run(range(6))) == {"bald": "better than random"}
    losing = [
        of_metric(arm, seed, "auc", [0.5, up + seed / 100])
        for arm, up in (("bald", 0.5), ("random", 0.7))
        for seed in range(6)
    ]
    run = dataclasses.replace(of(losing, primary_metric="auc"), classes=("a", "b"))
    assert words(run) == {"bald": "worse than random"}
    assert prose.headline(run).endswith("Nothing was gained over random acquisition.")
    mixed = [
        of_metric(arm, seed, "auc", [0.5, 0.5 + (0.1 * (-1) ** seed if arm == "bald" else 0)])
        for arm in ("bald", "random")
        for seed in range(6)
    ]
    assert words(of(mixed, primary_metric="auc")) == {"bald": "difference not established"}


def test_too_few_seeds_are_named_with_what_would_do():
    text = " ".join(notes.notes(regression_run(range(5), 6)))
    assert "with 5 seeds and 2 arms against random" in text
    assert "cannot fall below 0.12" in text
    assert "From 7 seeds on" in text
    assert "Too few seeds" not in " ".join(notes.notes(regression_run(range(7), 6)))


def test_the_table_says_which_side_is_better():
    table = comparison_tables.comparison_table(regression_run(range(6), 12))
    assert table is not None
    assert "Below 0 the arm is better" in table.caption
    cells = dict(zip(table.header, table.rows[0], strict=True))
    assert cells["difference in mean RMSE"].startswith("−")
    assert cells["better seeds"] == "6 of 6"
    table = comparison_tables.comparison_table(make_run())
    assert table is not None
    assert "Above 0 the arm is better" in table.caption
    assert table.rows[0][1].startswith("+")


def figure_2(seeds: int, steps: int = 6) -> Run:
    """Two functions with dropout and without, and no random arm."""
    chains = [
        of_metric(f"{name}{posterior}", seed, "accuracy", heights)
        for name, lead in (("bald", 0.04), ("max_entropy", 0.02))
        for posterior, better in (("", 1), ("/deterministic", 0))
        for seed in range(seeds)
        for heights in [
            [0.5 + 0.08 * t + better * t * lead / 10 * (seed + 1) for t in range(steps)]
        ]
    ]
    return of(chains)


def test_dropout_is_compared_with_the_deterministic_network_function_by_function():
    run = figure_2(3)
    assert comparisons(run) == []
    bald, entropy = posterior_comparisons(run)
    assert (bald.arm, bald.baseline) == ("bald", "bald/deterministic")
    assert (entropy.arm, entropy.baseline) == ("max_entropy", "max_entropy/deterministic")
    # The difference grows by lead / 10 · (seed + 1) a step, so its mean over 5 steps is 2.5 of it.
    assert bald.differences == pytest.approx({s: 0.01 * (s + 1) for s in range(3)})
    assert (bald.better, bald.p, bald.adjusted) == (3, 0.25, 0.5)
    assert bald.interval == bootstrap_interval(list(bald.differences.values()))
    assert bald.saving.mean is not None
    assert bald.saving.mean >= 1
    assert posterior_comparisons(make_run(("bald", "random"), steps=4)) == []


def test_it_has_a_table_a_headline_and_rows_of_numbers():
    run = figure_2(3)
    table = comparison_tables.posterior_table(run)
    assert table is not None
    assert [row[0] for row in table.rows] == ["bald", "max_entropy"]
    assert table.rows[0][1] == "+2.00 (1.00 to 3.00)"
    assert table.rows[0][-1] == "too few seeds to tell"
    assert "With 3 seeds p cannot be below 0.25, however large" in table.caption
    assert "6 seeds are the fewest that can give 0.05 or less" in table.caption
    assert prose.headline(run) == (
        "Over the curve from 10 to 35 labels, the mean test accuracy with dropout minus that of "
        "the deterministic network is in per cent points: bald +2.00 (1.00 to 3.00) and "
        "max_entropy +1.00 (0.50 to 1.50) (3 seeds). No test can establish a difference with 3 "
        "seeds."
    )
    rows = csv_files.comparison(run)
    assert [(row["arm"], row["baseline"]) for row in rows] == [
        ("bald", "bald/deterministic"),
        ("max_entropy", "max_entropy/deterministic"),
    ]
    check(page(run))
    assert comparison_tables.posterior_table(make_run(("bald", "random"), steps=4)) is None


def test_with_seeds_enough_it_can_be_established():
    table = comparison_tables.posterior_table(figure_2(7))
    assert table is not None
    assert table.rows[0][-1] == "better than bald/deterministic"
    assert "cannot be below" not in table.caption


def test_a_headline_of_few_points_says_so_and_one_of_none_claims_nothing():
    few = figure_2(6, steps=3)
    assert prose.headline(few).endswith("(6 seeds). The shortest curve has only 3 points.")
    begun = figure_2(6, steps=1)
    assert prose.headline(begun) == (
        "With 10 labels no arm has asked for an image yet: all have trained on the same ones."
    )
