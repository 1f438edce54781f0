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
    for target in re.findall(r"\]\(([^)#]+)", page.read_text("utf-8")):
        if not target.startswith(("http:", "https:")):
            assert (page.parent / target).exists(), target


def test_the_readme_example_runs(capsys):
    (example,) = snippets(ROOT / "README.md")
    assert len([line for line in example.splitlines() if line.strip()]) <= 15
    scope: dict[str, object] = {}
    exec(example, scope)
    learner = scope["learner"]
    assert len(learner.labelled) == 100
    accuracy = float(re.search(r"'accuracy': ([\d.]+)", capsys.readouterr().out)[1])
    assert accuracy > 0.8  # 100 random labels give about 0.87, chance is 0.1


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
    assert len(printed) == 3
    assert "rmse" in printed[-1]
    assert "nll" in printed[-1]


def test_nothing_is_left_to_do():
    for path in [*PAGES, *(ROOT / "src").rglob("*.py")]:
        assert not re.search(r"\b(TODO|FIXME|XXX)\b", path.read_text("utf-8")), path
