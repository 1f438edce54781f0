"""Reading a file of labels of any format that is read: which one, its name and content say."""

from pathlib import Path

from askwell.errors import InputError
from askwell.formats.csv_table import read_csv
from askwell.formats.hugging_face import METADATA, read_hugging_face
from askwell.formats.jsonl import read_jsonl
from askwell.formats.label_studio import read_label_studio
from askwell.formats.rows import Labels
from askwell.formats.text import read_text
from askwell.paths import shown


def read_labels(path: Path) -> Labels:
    """Read CSV, JSON lines, Hugging Face's metadata.jsonl or Label Studio's JSON.

    Raises:
        InputError: no such file, not UTF-8, or none of these.
    """
    start = read_text(path).lstrip()[:1]
    if not start:
        raise InputError(f"{shown(path)} is empty. Give a file of labels.")
    if path.name == METADATA:
        return read_hugging_face(path)
    if start == "[":
        return read_label_studio(path)
    if start == "{":
        return read_jsonl(path)
    return read_csv(path)
