"""The decision log: every decision ever made, one a row, in the order in which they were made."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from askwell.formats.csv_table import table
from askwell.formats.jsonl import lines
from askwell.formats.text import write_text


@dataclass(frozen=True, slots=True)
class Logged:
    """A decision, with names in the place of numbers. The fields are the columns.

    Attributes:
        event: its place in the order of all decisions.
        image_id: the project's number for the image.
        path: relative to the folder.
        sha256: of the file.
        label: name of the class, of a label.
        action: label, unsure, bad, later, flag, unflag or undo.
        annotator: who.
        created_at: when, UTC, ISO 8601.
        lead_time_ms: from showing the image to deciding.
        stream: how the image was chosen: active, cold, random (drawn for measuring), review,
            import, adjudication.
        model_version: of the ranking that it came from.
        predicted: the class that the model would have given.
        confidence: the model's probability of that class.
        acquisition: name of the acquisition function that chose it.
        score: what that gave it, in its units.
        supersedes: the event that this one corrects or undoes.
    """

    event: int
    image_id: int
    path: str
    sha256: str
    label: str | None
    action: str
    annotator: str
    created_at: str
    lead_time_ms: int | None
    stream: str
    model_version: int | None
    predicted: str | None
    confidence: float | None
    acquisition: str
    score: float | None
    supersedes: int | None


_COLUMNS = tuple(Logged.__dataclass_fields__)


def write_decisions(path: Path, log: Iterable[Logged]) -> None:
    """Write the log: as CSV where the file's name ends in .csv, else as JSON lines.

    Raises:
        RunError: the file cannot be written.
    """
    if path.suffix.lower() == ".csv":
        rows = [["" if v is None else str(v) for v in asdict(each).values()] for each in log]
        write_text(path, table(list(_COLUMNS), rows))
    else:
        write_text(path, lines(asdict(each) for each in log))
