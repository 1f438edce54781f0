"""The documentation is true: its Python runs, its links lead somewhere."""

import re
from pathlib import Path

import pytest
import torch

from askwell.datasets import DATASETS

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])


def snippets(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_and_pictures_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)", page.read_text("utf-8")):
        if not target.startswith(("http:", "https:")):
            assert (page.parent / target).exists(), target


def test_the_readme_example_runs(capsys, monkeypatch):
    if DATASETS["mnist"].state() != "ready":
        pytest.skip("MNIST is not here: `askwell data fetch mnist` brings it")
    (example,) = snippets(ROOT / "README.md")
    assert len([line for line in example.splitlines() if line.strip()]) <= 15
    # The very text, on a small part of the data and with fewer steps, to take seconds.
    load = DATASETS["mnist"].load()
    small = type(load)(load.name, load.classes, *(
        type(part)(part.images[:1000], part.labels[:1000]) for part in (load.train, load.test)
    ))  # fmt: skip
    monkeypatch.setattr(type(DATASETS["mnist"]), "load", lambda self: small)
    monkeypatch.setattr("askwell.train.recipe.Recipe.steps_for", lambda self, labels: 40)
    scope: dict[str, object] = {}
    exec(example, scope)
    learner = scope["learner"]
    assert len(learner.labelled) == 50
    accuracy = float(re.search(r"'accuracy': ([\d.]+)", capsys.readouterr().out)[1])
    assert accuracy > 0.3  # chance is 0.1; five standard deviations of 1 000 images are 0.05


def test_the_posterior_page_runs():
    torch.manual_seed(0)
    (example,) = snippets(ROOT / "docs" / "posterior.md")
    scope: dict[str, object] = {}
    exec(example, scope)
    assert scope["log_probs"].shape == (8, 100, 10)


def test_nothing_is_left_to_do():
    for path in [*PAGES, *(ROOT / "src").rglob("*.py")]:
        assert not re.search(r"\b(TODO|FIXME|XXX)\b", path.read_text("utf-8")), path
