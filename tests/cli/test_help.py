"""Help and lists: whole, by example, and without torch."""

import re
import subprocess
import sys

import pytest

from askwell.acquisition import ACQUISITIONS
from askwell.datasets import DATASETS
from askwell.experiment.spec_files import builtin
from askwell.version import __version__
from tests.cli.shell import Answer


@pytest.mark.parametrize("command", ["run", "report", "acquisitions", "data list", "data path"])
def test_help_teaches_by_example(askwell, command):
    answer = askwell(*command.split(), "--help")
    assert answer.code == 0
    assert f"Example: askwell {command}" in answer.out


def test_help_of_everything_says_where_to_start(askwell):
    answer = askwell("--help")
    assert answer.code == 0
    assert "askwell run quickstart" in answer.out
    assert all(name in answer.out for name in ("run", "report", "acquisitions", "data"))


def test_the_version_is_shown(askwell):
    assert askwell("--version") == Answer(0, f"askwell {__version__}\n", "")


@pytest.mark.parametrize("command", ["data list", "acquisitions", "run --list"])
def test_a_list_in_a_pipe_has_a_whole_line_for_each_thing(askwell, command):
    answer = askwell(*command.split())
    assert answer.code == 0
    head, rule, *rows = [line for line in answer.out.splitlines() if line.strip()]
    names = {"data list": DATASETS, "acquisitions": ("random", *ACQUISITIONS)}.get(
        command, builtin()
    )
    assert [row.split()[0] for row in rows] == list(names)
    assert "…" not in head + rule + "".join(rows).replace(" … ", "")


def test_every_acquisition_is_listed_whole_on_a_narrow_terminal(askwell):
    answer = askwell("acquisitions")
    assert answer.code == 0
    for name in ("random", *ACQUISITIONS):
        assert re.search(rf"^ ?{name} ", answer.out, re.MULTILINE), name
    assert "…" not in answer.out


@pytest.mark.parametrize("arguments", [["run", "--list"], ["run"]])
def test_the_builtin_specs_are_listed(askwell, arguments):
    answer = askwell(*arguments)
    assert answer.code == 0
    for name in builtin():
        assert re.search(rf"^ ?{name} ", answer.out, re.MULTILINE), name


def test_help_and_lists_need_no_torch():
    code = (
        "import sys; from askwell.cli import app; app(['--help'], standalone_mode=False); "
        "sys.exit('torch' in sys.modules or 'matplotlib' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=True)
