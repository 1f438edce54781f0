import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "data.md"


def test_the_snippets_of_the_page_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code = "".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL))
    exec(compile(code, str(PAGE), "exec"), {})
    output = capsys.readouterr().out
    for shown in ("(1297, 8, 8)", "torch.Size([2, 3, 32, 32])", "cat/1.png@", "16 4"):
        assert shown in output
