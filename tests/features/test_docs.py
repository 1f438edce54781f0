import re
from pathlib import Path

import pytest

from askwell.features import FeatureStore
from askwell.models.pretrained import load_trunk
from tests.models.small_backbones import needs_lite0

PAGE = Path(__file__).parents[2] / "docs" / "pretrained.md"


@needs_lite0
def test_the_example_of_the_page_runs_and_its_files_are_named_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text("utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    exec(compile(example, str(PAGE), "exec"), {})
    assert "[2, 20, 2]" in capsys.readouterr().out
    files = FeatureStore.read("features", load_trunk("efficientnet_lite0")).files
    assert files.rows.stat().st_size == 2 * 1280 * 2
    assert f"`{files.rows.name}`" in text
    assert f"`{files.keys.name}`" in text
