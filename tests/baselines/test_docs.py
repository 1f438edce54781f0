"""The page on baselines is true: its example runs, its table names what there is."""

import re

from askwell.baselines import BASELINES
from askwell.baselines.width import MULTIPLES
from tests.test_docs import ROOT, snippets

PAGE = ROOT / "docs" / "baselines.md"


def test_the_example_runs(capsys):
    (example,) = snippets(PAGE)
    exec(example, {})
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [int(labels) for labels, _ in lines] == [10, 15, 20]
    assert float(lines[-1][1]) > 0.9


def test_every_baseline_and_every_width_is_named():
    text = PAGE.read_text("utf-8")
    assert all(f"`{name}`" in text for name in BASELINES)
    assert re.search(", ".join(map(str, MULTIPLES[:-1])) + f" and {MULTIPLES[-1]} medians", text)
