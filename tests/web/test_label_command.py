"""`askwell label`: from a folder to a page, and a clean end."""

import os
import signal
import subprocess
import sys
import urllib.request

import pytest

from askwell.store import Store

CODE = "import typer; from askwell.cli.label import label; typer.run(label)"


def command(*arguments: object, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CODE, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"COLUMNS": "200"},
        **options,
    )


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_stopped(folder, end):
    process = command(folder, "--no-browser", "--classes", "a,b", "--annotator", "ada")
    assert process.stderr is not None
    lines = []
    while not lines or "Label at" not in lines[-1]:
        lines.append(process.stderr.readline())
        assert lines[-1], lines
    url = lines[-1].split()[-1]
    assert url.startswith("http://127.0.0.1:")
    assert any("60 images." in line for line in lines)
    with urllib.request.urlopen(url) as response:
        assert response.status == 200
    process.send_signal(end)
    _, rest = process.communicate(timeout=120)
    assert "Traceback" not in rest
    assert "all answers are saved" in rest
    assert process.returncode == 0
    with Store.read(folder / ".askwell" / "project.db") as store:
        assert [each.name for each in store.classes()] == ["a", "b"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "There is no folder nowhere"),
        (["."], "no images that can be read"),
        ([".", "--host", "0.0.0.0"], "--password"),
        ([".", "--classes", " , "], "holds no name"),
        ([".", "--acquisition", "magic"], "There is no acquisition function"),
    ],
)
def test_what_cannot_be_is_said(tmp_path, arguments, said):
    process = command(*arguments, "--no-browser", cwd=tmp_path)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert said in errors.replace("\n", " ")
