"""The page and files of every kind of run: regression, AUC with test splits, many arms, …"""

import dataclasses
import io

import pytest
from rich.console import Console

from askwell.experiment import comparison_tables, paper, prose, tables
from askwell.experiment.report import page, summary_table, write_report
from askwell.records import Run
from tests.experiment.pages import check, read
from tests.experiment.synthetic import (
    MANY_ARMS,
    chain_of,
    make_run,
    melanoma_run,
    regression_run,
)


def table_2_run(**spec: object) -> Run:
    chains = [
        chain_of(arm, seed, [0.9, 0.97, end - seed / 1000], size=490)
        for arm, end in (("random", 0.95), ("bald", 0.98))
        for seed in range(3)
    ]
    run = make_run(steps=1)
    changed = {**run.spec, "validation": 5000, "budget": 1000, **spec}
    return dataclasses.replace(run, spec=changed, chains=tuple(chains))


KINDS = {
    "regression": regression_run(range(3), 8),
    "regression, one seed": regression_run((0,), 8),
    "two test splits": melanoma_run(),
    "one seed of two splits": melanoma_run((0,)),
    "one seed": make_run(("random", "bald"), seeds=(3,), steps=5),
    "thirty seeds": make_run(("random", "bald"), seeds=range(30), steps=5),
    "many arms": make_run(MANY_ARMS, classes=("3", "8"), steps=6),
    "table 2": table_2_run(),
}


@pytest.mark.parametrize("run", KINDS.values(), ids=KINDS)
def test_every_kind_of_run_has_a_whole_page_and_a_table(run):
    parsed = check(page(run))
    assert prose.headline(run) in parsed.text
    console = Console(width=100, file=io.StringIO())
    assert console.measure(summary_table(run)).maximum <= 100


def test_files_that_a_run_no_longer_has_are_removed(tmp_path):
    always = {"report.html", "learning_curves.png", "learning_curves.svg"}
    always |= {"steps.csv", "summary.csv", "seeds.csv"}
    melanoma = melanoma_run((0, 1), steps=3, splits=1)
    write_report(melanoma, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == always | {
        "positives.png",
        "positives.svg",
        "comparisons.csv",
    }
    assert len(read(tmp_path / "seeds.csv")) == len(melanoma.chains)
    write_report(make_run(("bald",), seeds=(0,), steps=2), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == always


def test_regression_has_no_crossings_and_no_classes():
    run = KINDS["regression"]
    assert tables.crossing_table(run) is None
    assert comparison_tables.saving_table(run) is None
    assert tables.balance_table(run) is None
    parsed = check(page(run))
    for absent in ("accuracy", "Crossings", "error (%)", "evenness"):
        assert absent not in parsed.text
    assert "mean RMSE" in parsed.text


def test_auc_with_splits_has_panels_means_and_positives():
    parsed = check(page(melanoma_run()))
    assert len(parsed.all("svg")) == 4  # curves, means of all splits, positives, time
    assert "Images of the class malignant acquired" in parsed.text
    assert "± 1 standard error" in parsed.text
    assert "accuracy" not in parsed.text
    assert len(check(page(melanoma_run((0, 2, 4)))).all("svg")) == 3


def test_auc_stands_beside_accuracy_where_there_are_two_classes():
    run = make_run(("random", "bald"), seeds=(0,), steps=3, classes=("3", "8"))
    chains = tuple(
        dataclasses.replace(
            chain,
            steps=tuple(
                dataclasses.replace(s, metrics={"accuracy": 0.8, "auc": 0.7}) for s in chain.steps
            ),
        )
        for chain in run.chains
    )
    both = dataclasses.replace(run, chains=chains)
    assert len(check(page(both)).all("svg")) == 5
    assert "AUC" not in prose.headline(both)
    auc = dataclasses.replace(both, spec={**run.spec, "primary_metric": "auc"})
    assert "mean test AUC of 70.00 %" in prose.headline(auc)
    assert tables.crossing_table(auc) is None


def test_table_2_has_our_error_the_papers_and_the_semi_supervised_methods():
    table = comparison_tables.table_2(table_2_run())
    assert table is not None
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["random"] == ("1000", "5.10 ± 0.10", "3", "4.66")
    assert rows["bald"] == ("1000", "2.10 ± 0.10", "3", "1.80")
    assert rows["variation_ratios"] == ("–", "–", "–", "1.64")
    assert len(rows) == len(paper.TABLE_2) + len(paper.TABLE_2_SEMI_SUPERVISED)
    ladder = "semi-supervised: Ladder Network Γ-model (Rasmus et al., 2015)"
    assert rows[ladder] == ("–", "–", "–", "1.53")
    final = tables.final_table(table_2_run())
    assert final is not None
    assert "paper (%)" not in final.header


def test_table_2_takes_the_last_step_before_a_thousand_labels():
    chain = chain_of("bald", 0, [0.9, 0.95, 0.96, 0.97], size=400)
    table = comparison_tables.table_2(dataclasses.replace(table_2_run(), chains=(chain,)))
    assert table is not None
    assert table.rows[0] == ("bald", "820", "4.00", "1", "1.80")


@pytest.mark.parametrize(
    ("spec", "shown"),
    [
        ({}, True),
        ({"validation": 100}, False),
        ({"validation": 100, "name": "table2-mine"}, True),
        ({"budget": 500}, False),
        ({"dataset": "fashion_mnist", "name": "table2"}, False),
    ],
)
def test_table_2_stands_only_beside_runs_like_it(spec, shown):
    assert (comparison_tables.table_2(table_2_run(**spec)) is not None) == shown
