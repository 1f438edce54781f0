"""CSV: `path,label`, one image a line. Any of `, ; |` or a tabulator separates when reading."""

import csv
import io
from pathlib import Path

from askwell.errors import InputError
from askwell.formats.rows import Collector, Labelled, Labels, check_rows, chosen_keys
from askwell.formats.text import read_text, write_text
from askwell.paths import shown

_DELIMITERS = (",", ";", "\t", "|")


def write_csv(path: Path, rows: list[Labelled]) -> None:
    """Write `path,label`.

    Raises:
        InputError: rows without a path or label, or a path twice.
        RunError: the file cannot be written.
    """
    check_rows(rows)
    write_text(path, table(["path", "label"], [[row.path, row.label] for row in rows]))


def read_csv(path: Path) -> Labels:
    """Read a table whose first line names its columns; values are text: 007 stays 007, NA is NA.

    Raises:
        InputError: no such file, not UTF-8, no columns that could be path and label.
    """
    text = read_text(path)
    delimiter, columns, width = _head(text, path)
    collected = Collector()
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        next(reader)
        line = reader.line_num + 1
        for cells in reader:
            where, line = f"line {line}", reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != width:
                collected.problem(where, f"{len(cells)} columns in the place of {width}")
                continue
            collected.add(cells[columns[0]], cells[columns[1]], where)
    except csv.Error as error:
        raise InputError(
            f"{shown(path)}, line {line}, is no CSV: {error}. Nothing was read. Mend the quotes."
        ) from error
    return collected.labels()


def table(heads: list[str], rows: list[list[str]]) -> str:
    """The text of a CSV file; fields are quoted where they must be."""
    # With "\n" alone at the ends of lines, older Pythons leave a "\r" inside a field unquoted.
    returns = any("\r" in cell for row in rows for cell in row)
    out = io.StringIO(newline="")
    writer = csv.writer(
        out, lineterminator="\n", quoting=csv.QUOTE_ALL if returns else csv.QUOTE_MINIMAL
    )
    writer.writerow(heads)
    writer.writerows(rows)
    return out.getvalue()


def _head(text: str, path: Path) -> tuple[str, tuple[int, int], int]:
    """The delimiter, the columns of path and label, and how many there are."""
    for delimiter in _DELIMITERS:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        try:
            heads = next(reader, [])
        except csv.Error:
            continue
        if (keys := chosen_keys(heads)) is not None:
            return delimiter, (heads.index(keys[0]), heads.index(keys[1])), len(heads)
    first = text.partition("\n")[0].strip()
    raise InputError(
        f"The first line of {shown(path)} must name its columns, path (or file, file_name, "
        f"filename, image) and label (or class), as in 'path,label'; got {first!r:.100}."
    )
