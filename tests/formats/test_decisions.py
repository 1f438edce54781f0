import csv
import json

import pytest

from askwell.errors import InputError
from askwell.formats import Logged, read_labels, write_decisions

LOG = [
    Logged(
        *(1, 7, "a,\n1.png", "ab" * 32, "007", "label", "Ada", "2030-01-02T03:04:05.678Z"),
        *(1234, "active", 3, "NA", 0.1 + 0.2, "bald", 1e-17, None),
    ),
    Logged(
        *(2, 7, "a,\n1.png", "ab" * 32, None, "undo", "Ada", "2030-01-02T03:04:06.000Z"),
        *(None, "active", None, None, None, "", None, 1),
    ),
]
COLUMNS = [
    *("event", "image_id", "path", "sha256", "label", "action", "annotator", "created_at"),
    *("lead_time_ms", "stream", "model_version", "predicted", "confidence", "acquisition"),
    *("score", "supersedes"),
]


def test_csv_has_a_row_for_each_decision_and_loses_no_digit(tmp_path):
    write_decisions(tmp_path / "log.csv", LOG)
    with (tmp_path / "log.csv").open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    assert list(first) == COLUMNS
    assert (first["path"], first["label"], first["predicted"]) == ("a,\n1.png", "007", "NA")
    assert (float(first["confidence"]), float(first["score"])) == (0.1 + 0.2, 1e-17)
    assert (second["action"], second["label"], second["supersedes"]) == ("undo", "", "1")


def test_jsonl_keeps_types(tmp_path):
    write_decisions(tmp_path / "log.jsonl", LOG)
    found = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text("utf-8").splitlines()]
    assert [list(each) for each in found] == [COLUMNS, COLUMNS]
    assert [Logged(**each) for each in found] == LOG


@pytest.mark.parametrize("name", ["log.csv", "log.jsonl", "metadata.jsonl"])
def test_a_log_is_not_taken_for_labels(tmp_path, name):
    write_decisions(tmp_path / name, LOG)
    with pytest.raises(InputError, match="This is a decision log"):
        read_labels(tmp_path / name)
