"""Labels and paths that break readers, and strategies for any others."""

from pathlib import Path

from hypothesis import strategies as st

from askwell.formats import Labelled

ODD = (
    "cat",
    "007",
    "NA",
    "null",
    "1e5",
    "True",
    "a/b",
    "a\\b",
    ".hidden",
    "..",
    "__init__",
    "CON",
    "trailing.",
    "a,b;c\td|e",
    'quo"te',
    "two words",
    "=1+1",
    "#hash",
    "naïve",
    "nai\u0308ve",
    "Größe",
    "ネコ",
    "🐈‍⬛",
    "Cat",
    "CAT",
    "[1, 2]",
    '{"a": 1}',
    "x" * 200,
    "ü" * 200,
)

ODD_PATHS = (
    "a.png",
    "b/1.png",
    "c/1.png",
    "C/1.PNG",
    "b/with space.png",
    "b/com,ma;.png",
    'b/quo"te.png',
    "b/per%20cent%.png",
    "b/plus+and&hash#?.png",
    "b/new\nline.png",
    "b/re\rturn.png",
    "ü/n\u0308.png",
    "ネ/🐈.png",
    "1a2b3c4d-a.png",
    "=x.png",
    "d/d/d/1.png",
)

_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
labels = _text.filter(str.strip)
paths = _text.filter(str.strip)
tables = st.lists(st.tuples(paths, labels), unique_by=lambda row: row[0], max_size=8).map(
    lambda rows: [Labelled(path, label, "0" * 64) for path, label in rows]
)

ODD_ROWS = [
    *(Labelled(f"odd/{number}.png", label) for number, label in enumerate(ODD)),
    *(Labelled(path, "cat") for path in ODD_PATHS),
]


def write_images(root: Path, rows: list[Labelled]) -> None:
    """A file for each row, each with content of its own."""
    for number, row in enumerate(rows):
        path = root / row.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"image %d" % number)
