"""Hugging Face's imagefolder: `metadata.jsonl` beside the images, `{"file_name", "label"}`.

JSON lines and not CSV, which its reader takes for numbers and gaps where it can (007, NA). Any
such file makes it ignore labels by folder, so the two are never mixed.
"""

from pathlib import Path, PurePosixPath

from askwell.errors import InputError
from askwell.formats.jsonl import lines, read_jsonl
from askwell.formats.placing import How, write_tree
from askwell.formats.rows import Labelled, Labels, check_rows
from askwell.paths import shown

METADATA = "metadata.jsonl"


def write_hugging_face(out: Path, rows: list[Labelled], *, root: Path, how: How) -> None:
    """Make a folder of the images, at their own paths, with `metadata.jsonl`.

    Args:
        out: a folder that is new, empty, or made by an earlier export.
        rows: images with labels.
        root: the folder that the rows' paths are relative to.
        how: "link" or "copy".

    Raises:
        InputError: `out` holds other things, or lies in `root`; rows without a path or label; a
            path that the reader would leave out.
        RunError: the system refuses.
    """
    check_rows(rows)
    for row in rows:
        if any(part.startswith("__") for part in PurePosixPath(row.path).parts[:-1]):
            raise InputError(
                f"Hugging Face leaves out folders whose names begin with '__', as in "
                f"{shown(row.path)}. Export as class folders or CSV, or rename the folder."
            )
    text = lines({"file_name": row.path, "label": row.label} for row in rows)
    write_tree(out, root, {row.path: row.path for row in rows}, how=how, texts={METADATA: text})


def read_hugging_face(path: Path) -> Labels:
    """Read a `metadata.jsonl`: its paths are relative to the folder that it is in.

    Raises:
        InputError: no such file, not UTF-8, or not one line of it could be read.
    """
    found = read_jsonl(path)
    return Labels(found.rows, found.problems, found.unlabelled, path.absolute().parent)
