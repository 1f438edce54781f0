"""Label Studio's JSON: tasks with annotations of the type "choices".

The labelling configuration that belongs to what is written:

    <View>
      <Image name="image" value="$image"/>
      <Choices name="label" toName="image"><Choice value="cat"/>…</Choices>
    </View>
"""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from askwell.errors import InputError
from askwell.formats.jsonl import take_object
from askwell.formats.rows import PATH_NAMES, Collector, Labelled, Labels, check_rows
from askwell.formats.text import read_text, write_text
from askwell.paths import shown

_LOCAL = "/data/local-files/"
UPLOADED = "/data/upload/"
"""Label Studio's own names for a file under its document root, and for one that was uploaded."""


def write_label_studio(path: Path, rows: list[Labelled]) -> None:
    """Write one task for each image, named by its path under Label Studio's document root.

    Raises:
        InputError: rows without a path or label, or a path twice.
        RunError: the file cannot be written.
    """
    check_rows(rows)
    tasks = [_task(number, row) for number, row in enumerate(rows, start=1)]
    write_text(path, json.dumps(tasks, ensure_ascii=False, indent=1) + "\n")


def read_label_studio(path: Path) -> Labels:
    """Read an export of Label Studio (JSON or JSON-MIN); predictions are not labels.

    Each annotation that was not cancelled counts: where two differ, the rows conflict.

    Raises:
        InputError: no such file, not UTF-8, no JSON, or something else.
    """
    text = read_text(path)
    try:
        tasks = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{shown(path)} is no JSON: {error}. Export it anew.") from error
    if not isinstance(tasks, list):
        raise InputError(
            f"{shown(path)} must hold a list of tasks, as Label Studio exports them; got "
            f"{type(tasks).__name__}."
        )
    collected = Collector()
    for number, task in enumerate(tasks, start=1):
        if not isinstance(task, dict):
            collected.problem(f"task {number}", f"expected an object; got {task!r:.100}")
            continue
        where = f"task {number} (id {task['id']})" if "id" in task else f"task {number}"
        if "data" in task:
            _take(task, where, collected)
        else:
            flat = {k: plain_path(v) if k in PATH_NAMES else v for k, v in task.items()}
            take_object(flat, where, collected)
    return collected.labels()


def plain_path(value: object) -> object:
    """The path in one of Label Studio's addresses; of an uploaded file, its name there."""
    if not isinstance(value, str):
        return value
    try:
        parts = urlsplit(value)
    except ValueError:
        return value
    if parts.path == _LOCAL or parts.path == _LOCAL.rstrip("/"):
        return parse_qs(parts.query).get("d", [value])[0]
    return value


def _task(number: int, row: Labelled) -> dict[str, Any]:
    result = {
        "from_name": "label",
        "to_name": "image",
        "type": "choices",
        "value": {"choices": [row.label]},
    }
    address = f"{_LOCAL}?d={quote(row.path, safe='/')}"
    return {
        "id": number,
        "data": {"image": address, "sha256": row.sha256},
        "annotations": [{"result": [result], "was_cancelled": False}],
    }


def _take(task: dict[str, Any], where: str, collected: Collector) -> None:
    path = _image(task)
    annotations = task.get("annotations", task.get("completions", []))
    if not isinstance(annotations, list) or not all(isinstance(a, dict) for a in annotations):
        collected.problem(where, f"annotations must be a list; got {annotations!r:.100}")
        return
    found = False
    for annotation in annotations:
        for result in [] if annotation.get("was_cancelled") else annotation.get("result") or []:
            if isinstance(result, dict) and result.get("type") == "choices":
                found = True
                _take_choices(path, result.get("value"), where, collected)
    if not found:
        collected.add(path, None, where)


def _take_choices(path: object, value: object, where: str, collected: Collector) -> None:
    choices = value.get("choices") if isinstance(value, dict) else None
    if not isinstance(choices, list) or len(choices) != 1:
        collected.problem(where, f"one choice an image is taken; got {choices!r:.100}")
        return
    collected.add(path, choices[0], where)


def _image(task: dict[str, Any]) -> object:
    """What names the image: `data.image`, or the only text there that could."""
    data = task["data"]
    if not isinstance(data, dict):
        return data
    texts = [v for k, v in data.items() if isinstance(v, str) and k != "sha256"]
    return plain_path(data.get("image", texts[0] if len(texts) == 1 else None))
