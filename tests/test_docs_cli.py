"""The pages about the command line and the specs name all that there is, and nothing else."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer

from askwell.cli import app
from askwell.experiment.spec import Spec, TrainingSpec
from askwell.experiment.spec_files import builtin, parse

DOCS = Path(__file__).parents[1] / "docs"
CLI = (DOCS / "cli.md").read_text("utf-8")
SPECS = (DOCS / "specs.md").read_text("utf-8")


def commands(command: Any, path: str = "askwell") -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its path as it is typed."""
    inner = getattr(command, "commands", {})
    if path == "askwell" or not inner:
        yield path, command
    for name, child in inner.items():
        yield from commands(child, f"{path} {name}")


COMMANDS = dict(commands(typer.main.get_command(app)))
OPTIONS = {
    (path, name)
    for path, command in COMMANDS.items()
    for option in command.params
    if option.param_type_name == "option"
    for name in (*option.opts, *option.secondary_opts)
}


def section(path: str) -> str:
    """The part of the page about a command: `askwell data fetch` is under `askwell data`."""
    if path == "askwell":
        return CLI
    heading = " ".join(path.split()[:2])
    return CLI.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def rows(page: str) -> list[list[str]]:
    """The cells of every row of every table, heads and rules included."""
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in page.splitlines()
        if line.startswith("|")
    ]


def test_the_walk_finds_the_commands():
    assert {"askwell", "askwell run", "askwell report", "askwell data fetch"} <= set(COMMANDS)
    assert {("askwell run", "--set"), ("askwell run", "-j"), ("askwell", "--version")} <= OPTIONS


@pytest.mark.parametrize("path", sorted(set(COMMANDS) - {"askwell"}))
def test_every_command_is_listed_and_shown_by_example(path):
    assert f"| [`{path}`](#{'-'.join(path.split()[:2])}) |" in CLI
    assert f"$ {path}" in section(path)


@pytest.mark.parametrize(("path", "option"), sorted(OPTIONS))
def test_every_option_is_explained(path, option):
    assert re.search(rf"`(askwell )?{option}\b[^`]*`", section(path))


def test_every_option_on_the_page_exists():
    known = {name for _, name in OPTIONS} | {"--help"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", CLI)) <= known


def test_every_example_of_the_page_is_of_a_known_command():
    shown = re.findall(r"^\$ (askwell[a-z ]*)", CLI, re.MULTILINE)
    assert len(shown) >= 10
    for example in shown:
        assert any(example.startswith(path) for path in set(COMMANDS) - {"askwell"}), example


KEYS, _, TRAINING = SPECS.partition("The table `[training]`:")


@pytest.mark.parametrize(
    ("kind", "prefix", "page"),
    [
        (Spec, "", KEYS),
        (TrainingSpec, "training.", TRAINING.partition("\n## ")[0]),
    ],
    ids=["spec", "training"],
)
def test_every_key_is_explained_with_its_default(kind, prefix, page):
    explained = {
        cells[0].strip("`"): cells[1] for cells in rows(page) if re.fullmatch("`[a-z_]+`", cells[0])
    }
    defaults = Spec("x").as_dict()
    defaults = defaults["training"] if prefix else defaults
    assert list(explained) == [f.name for f in fields(kind) if f.name != "training"]
    assert explained.pop("name", "the file's name") == "the file's name"
    for key, written in explained.items():
        assert tomllib.loads(f"value = {written.strip('`')}")["value"] == defaults[key], key


def test_the_complete_example_is_complete_and_parses():
    (example,) = re.findall(r"```toml\n(.*?)```", SPECS, re.DOTALL)
    table = tomllib.loads(example)
    spec = parse(table, "file")
    assert spec.name == "letters"
    assert len(spec.all_arms) * len(spec.seeds) == 15
    assert set(table) == {f.name for f in fields(Spec)}
    assert set(table["training"]) == {f.name for f in fields(TrainingSpec)}


def test_every_builtin_spec_is_mentioned():
    assert [name for name in builtin() if f"`{name}`" not in SPECS] == []
