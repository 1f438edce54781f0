"""The documentation is true: its Python runs, its links lead somewhere."""

import re
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])


def snippets(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_and_pictures_lead_somewhere(page):
    prose = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#]+)", prose):
        if not target.startswith(("http:", "https:")):
            assert (page.parent / target).exists(), target


def test_the_readme_example_prints_what_the_page_says(capsys):
    page = (ROOT / "README.md").read_text("utf-8")
    (example,) = snippets(ROOT / "README.md")
    assert len([line for line in example.splitlines() if line.strip()]) <= 20
    scope: dict[str, object] = {}
    exec(example, scope)
    assert len(scope["learner"].labelled) == 100
    printed = accuracies(capsys.readouterr().out)
    said = accuracies(page.partition("```python")[2].partition("```")[2])
    assert list(printed) == list(said) == ["variation_ratios", "random"]
    # Another processor's rounding asks for a few other images: of 500, one is right or wrong with
    # a standard deviation of √(0.9 · 0.1 / 500) = 0.013.
    assert printed == pytest.approx(said, abs=0.03)
    assert printed["variation_ratios"] > printed["random"] + 0.03


def accuracies(text: str) -> dict[str, float]:
    found = re.findall(r"^ *(variation_ratios|random): (0\.\d+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in found}


def test_the_posterior_page_runs():
    torch.manual_seed(0)
    (example,) = snippets(ROOT / "docs" / "posterior.md")
    scope: dict[str, object] = {}
    exec(example, scope)
    assert scope["log_probs"].shape == (8, 100, 10)


def test_the_learner_page_runs(capsys):
    scope: dict[str, object] = {}
    for example in snippets(ROOT / "docs" / "learner.md"):
        exec(example, scope)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 4
    for line in printed[-2:]:
        assert "rmse" in line
        assert "nll" in line


def test_nothing_is_left_to_do():
    for path in [*PAGES, *(ROOT / "src").rglob("*.py")]:
        assert not re.search(r"\b(TODO|FIXME|XXX)\b", path.read_text("utf-8")), path
