import dataclasses
import io

import pytest
from rich.console import Console

from askwell.experiment import notes, paper, prose, setting_tables, tables
from askwell.experiment.report import first_asked, page, summary_table, write_report
from askwell.records import Chain, Run
from tests.experiment.pages import check, images_of, read
from tests.experiment.synthetic import chain_of, make_run, regression_run

HOSTILE = ("<script>alert(1)</script>", '"><img src=x>', "$a$", "ünï & co")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    run = make_run(("random", "bald", "bald/deterministic"), steps=40, seeds=(0, 1))
    directory = tmp_path_factory.mktemp("run") / "made"
    assert write_report(run, directory, images=images_of(run)) == directory / "report.html"
    return run, directory


def test_the_page_is_self_contained_and_names_every_arm(written):
    run, directory = written
    parsed = check((directory / "report.html").read_text(encoding="utf-8"))
    for chain in run.chains:
        assert chain.arm in parsed.text
    assert len(parsed.all("img")) == 60
    assert len(parsed.all("svg")) == 4
    assert "20 initial + acquired" in parsed.text
    assert "410 + 100 = 510" in parsed.text
    for key in ("pool_subset", "training.epochs", "versions.torch", "a synthetic <CPU>"):
        assert key in parsed.text


def test_files_are_complete_and_nothing_is_left_over(written):
    run, directory = written
    stems = ("learning_curves", "first_images")
    assert {p.name for p in directory.iterdir()} == {
        "report.html",
        *(f"{name}.csv" for name in ("steps", "summary", "seeds", "comparisons")),
        *(f"{stem}.{kind}" for stem in stems for kind in ("png", "svg")),
    }
    steps = read(directory / "steps.csv")
    assert len(steps) == sum(len(chain.steps) for chain in run.chains)
    assert float(steps[5]["accuracy"]) == run.chains[0].steps[5].metrics["accuracy"]
    assert steps[0]["labels_with_validation"] == "120"
    summary = read(directory / "summary.csv")
    assert [row["arm"] for row in summary] == ["random", "bald", "bald/deterministic"]
    assert summary[0]["seeds"] == "2"
    assert float(summary[1]["saving_at_10_percent"]) > 1


def test_writing_again_replaces(tmp_path):
    run = make_run(("bald",), seeds=(0,), steps=1)
    (tmp_path / "report.html").write_text("old")
    write_report(run, tmp_path)
    assert (tmp_path / "report.html").read_text(encoding="utf-8") != "old"
    assert not (tmp_path / "first_images.png").exists()


def test_images_of_an_earlier_report_are_not_left_beside_one_without(tmp_path):
    run = make_run(("bald",), seeds=(0,), steps=2)
    write_report(run, tmp_path, images=images_of(run))
    (tmp_path / "mine.png").write_text("not ours")
    write_report(run, tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert not {"first_images.png", "first_images.svg"} & names
    assert "mine.png" in names


def unfinished() -> Run:
    run = make_run(("random", "bald"), seeds=(0, 1), steps=12)
    cut = dataclasses.replace(run.chains[2], steps=run.chains[2].steps[:4])
    waiting = dataclasses.replace(run.chains[3], steps=())
    return dataclasses.replace(run, chains=(*run.chains[:2], cut, waiting))


EDGES = {
    "one arm, no classes": make_run(("bald",), seeds=(0,), steps=3, classes=()),
    "one step, no random": make_run(("bald", "max_entropy"), seeds=(0,), steps=1),
    "regression": regression_run(),
    "unfinished": unfinished(),
    "not begun": Run({"name": "x"}, {}, ("a", "b"), (Chain("bald", 0, (), (), ()),)),
    "empty": Run({}, {}, (), ()),
}


@pytest.mark.parametrize("run", EDGES.values(), ids=EDGES.keys())
def test_every_kind_of_run_has_a_report(run, tmp_path):
    parsed = check(write_report(run, tmp_path).read_text(encoding="utf-8"))
    assert prose.headline(run) in parsed.text
    assert len(read(tmp_path / "steps.csv")) == sum(len(chain.steps) for chain in run.chains)
    Console(width=100, file=io.StringIO()).print(summary_table(run))


def test_an_unfinished_run_says_how_far_it_is():
    text = " ".join(notes.notes(unfinished()))
    assert "bald, seed 0: 50 of 130 labels" in text
    assert "bald, seed 1: not begun" in text
    assert prose.headline(unfinished()).startswith("So far")


def test_everything_is_escaped():
    run = make_run(("random", "bald"), seeds=(0,), steps=3, classes=(*HOSTILE, *"456789"))
    spec = {**run.spec, "name": "<i>name</i>", "note": HOSTILE[0]}
    text = page(dataclasses.replace(run, spec=spec), images=images_of(run))
    parsed = check(text)
    assert not parsed.all("i")
    for name in (*HOSTILE, "<i>name</i>"):
        assert name in parsed.text
    assert any(HOSTILE[1] in (image["alt"] or "") for image in parsed.all("img"))


def test_the_papers_numbers_stand_only_beside_mnist():
    arms = ("random", "bald", "bald/deterministic")
    table = tables.crossing_table(make_run(arms, steps=4))
    assert table is not None
    assert table.header.count("paper") == 2
    at = [i for i, head in enumerate(table.header) if head == "paper"]
    assert [[row[i] for i in at] for row in table.rows] == [
        ["255", "835"],
        ["145", "335"],
        ["–"] * 2,
    ]
    for other in (make_run(steps=4, dataset="digits"), make_run(steps=4, classes=("3", "8"))):
        table = tables.crossing_table(other)
        assert table is not None
        assert "paper" not in table.header
    assert set(paper.TABLE_2) < set(paper.TABLE_1)


def test_table_2_stands_beside_a_thousand_labels():
    chain = chain_of("variation_ratios", 0, [0.9, 0.98], initial=20, size=980)
    run = dataclasses.replace(make_run(steps=1), chains=(chain,))
    table = tables.final_table(run)
    assert table is not None
    assert (table.header[-1], table.rows[0][-1]) == ("paper (%)", "98.36")
    short = tables.final_table(make_run(steps=4))
    assert short is not None
    assert "paper (%)" not in short.header


def saved(random: int, bald: int, seeds: int = 2, steps: int = 12) -> Run:
    """Random and BALD reach 5 % error at these steps."""
    chains = [
        chain_of(arm, seed, [0.85 if t < at else 0.96 for t in range(steps)])
        for arm, at in (("random", random), ("bald", bald))
        for seed in range(seeds)
    ]
    return dataclasses.replace(make_run(steps=steps), chains=tuple(chains))


def test_the_headline_says_what_the_numbers_say():
    assert prose.headline(saved(8, 3)) == (
        "bald needed 50 ± 0 labels to reach 5 % test error and stay there; random needed 100 ± 0, "
        "2.00 times as many (95 % interval 2.00 to 2.00, 2 seeds). No test can establish a "
        "difference with 2 seeds."
    )
    one = prose.headline(saved(8, 3, seeds=1))
    assert one.endswith("(no interval, 1 seed). One seed: the difference may be chance.")
    assert prose.headline(saved(8, 3, seeds=6)).endswith("2.00 to 2.00, 6 seeds).")
    assert "random needed > 130, at least 2.60 times as many" in prose.headline(saved(99, 3))
    assert prose.headline(saved(3, 8)).endswith("No labels were saved.")
    assert prose.headline(saved(99, 99)).startswith("With 130 labels, ")
    assert prose.headline(Run({}, {}, (), ())) == "Nothing has been measured yet."


def test_what_makes_a_run_differ_from_the_papers_is_noted():
    run = make_run(steps=1)
    odd = {**run.spec, "pool_subset": 2000, "pool_size": 5000, "test_size": 500, "label_noise": 0.1}
    text = " ".join(notes.notes(dataclasses.replace(run, spec=odd)))
    for part in ("2000 random images", "5000 images", "500 images of the test set", "10 %"):
        assert part in text


def test_one_seed_has_no_spread_and_says_so():
    run = saved(8, 3, seeds=1)
    assert "One seed" in notes.notes(run)[0]
    table = tables.crossing_table(run)
    assert table is not None
    assert not any("±" in cell for row in table.rows for cell in row)


def test_censored_cells():
    chains = [*saved(9, 3).chains[:1], *saved(99, 3).chains[1:]]
    table = tables.crossing_table(dataclasses.replace(saved(9, 3), chains=tuple(chains)))
    assert table is not None
    at = table.header.index("5 %, sustained")
    assert [row[at] for row in table.rows] == ["≥ 120", "50 ± 0"]
    table = tables.crossing_table(saved(99, 3))
    assert table is not None
    assert table.rows[0][at] == "> 130"


def test_weight_decay_is_told_in_spans():
    table = setting_tables.weight_decay_table(make_run(("bald",), seeds=(4,), steps=6))
    assert table is not None
    assert table.rows == (("bald", "4", "0.05 (20–40), 0.5 (50–70)"),)


def test_first_asked_follows_the_order_of_asking():
    run = make_run(("bald",), seeds=(0, 1), steps=4)
    asked = first_asked(run)["bald"]
    flat = [i for step in run.chains[0].steps for i in step.acquired]
    assert [item for item, _ in asked] == flat[:20]
    assert [label for _, label in asked] == [str(i % 10) for i in flat[:20]]


@pytest.mark.parametrize("run", [make_run(steps=100), saved(99, 3), saved(9, 99), regression_run()])
def test_the_terminal_table_fits_into_100_columns(run):
    console = Console(width=100, record=True, file=io.StringIO())
    table = summary_table(run)
    assert console.measure(table).maximum <= 100
    console.print(table)
    text = console.export_text()
    assert all(chain.arm in text for chain in run.chains)


def unchosen(run: Run) -> Run:
    """The same with one candidate for the weight decay: nothing was tried on validation images."""
    chains = [
        dataclasses.replace(c, steps=tuple(
            dataclasses.replace(s, training=dataclasses.replace(s.training, validation={}))
            for s in c.steps
        ))
        for c in run.chains
    ]  # fmt: skip
    return dataclasses.replace(run, chains=tuple(chains))


def test_a_weight_decay_is_called_chosen_only_where_it_was():
    run = make_run(("random", "bald"), steps=4)
    one = "there was one, so none was chosen"
    for found, words in ((run, "chosen on the 100 validation images"), (unchosen(run), one)):
        table = setting_tables.weight_decay_table(found)
        assert table is not None
        assert words in table.caption
        assert words in check(page(found)).text


def test_validation_labels_that_chose_nothing_are_said_to_be_unused():
    run = make_run(("random", "bald"), steps=4)
    chose, idle = notes.labels_sentence(run), notes.labels_sentence(unchosen(run))
    assert "add the 100 validation labels of each seed for all (up to 50 + 100 = 150 here)" in chose
    assert "used for nothing" not in chose
    assert "100 validation labels besides, which were set aside and used for nothing" in idle
    assert "(up to 50 + 100 = 150 here)" in idle
    without = dataclasses.replace(run, spec={**run.spec, "validation": 0})
    assert "validation" not in notes.labels_sentence(without)
