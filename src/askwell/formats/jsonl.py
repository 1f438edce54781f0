"""JSON lines: `{"path": …, "label": …}`, one image a line."""

import json
from collections.abc import Iterable
from pathlib import Path

from askwell.errors import InputError
from askwell.formats.rows import Collector, Labelled, Labels, check_rows, chosen_keys
from askwell.formats.text import read_text, write_text
from askwell.paths import shown


def write_jsonl(path: Path, rows: list[Labelled]) -> None:
    """Write path and label of each image.

    Raises:
        InputError: rows without a path or label, or a path twice.
        RunError: the file cannot be written.
    """
    check_rows(rows)
    write_text(path, lines({"path": row.path, "label": row.label} for row in rows))


def read_jsonl(path: Path) -> Labels:
    """Read lines with `path` (or file_name, …) and `label` (or class); numbers become text.

    Raises:
        InputError: no such file, not UTF-8, or not one line of it could be read.
    """
    collected = Collector()
    text = read_text(path)
    for number, line in enumerate(text.split("\n"), start=1):  # "\u2028" may be inside a string
        if line.strip():
            _take(line, f"line {number}", collected)
    labels = collected.labels()
    if labels.problems and not labels.rows and not labels.unlabelled:
        raise InputError(f"{shown(path)} holds no labels: {labels.problems[0]}.")
    return labels


def take_object(value: object, where: str, collected: Collector) -> None:
    """Take one object with path and label."""
    keys = chosen_keys(value) if isinstance(value, dict) else None
    if keys is None or not isinstance(value, dict):
        collected.problem(where, f'expected {{"path": …, "label": …}}; got {value!r:.100}')
        return
    collected.add(value[keys[0]], value[keys[1]], where)


def lines(values: Iterable[object]) -> str:
    """The text of a file with one JSON value a line."""
    return "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values)


def _take(line: str, where: str, collected: Collector) -> None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        collected.problem(where, f"no JSON: {error}")
        return
    take_object(value, where, collected)
