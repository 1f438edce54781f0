"""The files of the protocol: round trips, broken files in words, nothing half-written."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from askwell.errors import RunError
from askwell.labelling.archives import (
    CheckFile,
    RankingFile,
    read_check,
    read_ranking,
    write_check,
    write_ranking,
)
from askwell.labelling.files import (
    Listed,
    Snapshot,
    read_items,
    read_snapshot,
    write_items,
    write_snapshot,
)

SNAPSHOT = Snapshot(
    labels={3: 7, 5: 9}, holdout={4: 7}, classes=(7, 9, 2), excluded=frozenset({1, 8}), seed=5
)


def a_ranking(n: int = 6, k: int = 3, c: int = 2) -> RankingFile:
    chance = np.random.default_rng(0)
    return RankingFile(
        version=4,
        trained_on=12,
        acquisition="bald",
        stream="active",
        items=np.arange(k, dtype=np.int64) * 2,
        scores=chance.random(k).astype(np.float32),
        classes=np.arange(c, dtype=np.int64) + 10,
        all_items=np.arange(n, dtype=np.int64) * 2,
        probs=chance.random((n, c)).astype(np.float16),
        entropy=chance.random(n).astype(np.float32),
        bald=chance.random(n).astype(np.float32),
        metrics={"holdout": 2, "accuracy": 0.5, "holdout_items": [1, 5], "seconds": {"rank": 0.1}},
    )


def test_a_snapshot_comes_back_as_it_was(tmp_path):
    write_snapshot(tmp_path / "new" / "s.json", SNAPSHOT)
    assert read_snapshot(tmp_path / "new" / "s.json") == SNAPSHOT


def test_items_come_back_as_they_were(tmp_path):
    items = [Listed(1, "täg/ä.png", "ab" * 32), Listed(2, 'quo"te.png', "cd" * 32)]
    write_items(tmp_path / "i.json", items)
    assert read_items(tmp_path / "i.json") == items


@pytest.mark.parametrize(("n", "k", "c"), [(6, 3, 2), (0, 0, 0), (0, 4, 3)])
def test_a_ranking_comes_back_as_it_was(tmp_path, n, k, c):
    ranking = a_ranking(n, k, c)
    write_ranking(tmp_path / "r.npz", ranking)
    found = read_ranking(tmp_path / "r.npz")
    for name in RankingFile.__slots__:
        before, after = getattr(ranking, name), getattr(found, name)
        if isinstance(before, np.ndarray):
            assert before.dtype == after.dtype
            assert np.array_equal(before, after)
        else:
            assert before == after


def a_check(m: int = 5, c: int = 3) -> CheckFile:
    probs = np.random.default_rng(1).random((m, c)).astype(np.float16)
    return CheckFile(9, np.arange(m, dtype=np.int64) * 3, np.arange(c, dtype=np.int64) + 2, probs)


@pytest.mark.parametrize(("m", "c"), [(5, 3), (0, 2), (0, 0)])
def test_checked_labels_come_back_as_they_were(tmp_path, m, c):
    check = a_check(m, c)
    write_check(tmp_path / "c.npz", check)
    found = read_check(tmp_path / "c.npz")
    assert found.trained_on == 9
    for name in ("items", "classes", "probs"):
        assert np.array_equal(getattr(found, name), getattr(check, name))
    assert [found.row(3), found.row(4)] == [1 if m else None, None]


def test_checked_labels_of_other_lengths_or_cut_are_refused(tmp_path):
    write_check(tmp_path / "c.npz", replace(a_check(), items=np.arange(2)))
    with pytest.raises(RunError, match=r"probs has shape \(5, 3\) in the place of \(2, 3\)"):
        read_check(tmp_path / "c.npz")
    (tmp_path / "c.npz").write_bytes((tmp_path / "c.npz").read_bytes()[:200])
    with pytest.raises(RunError, match=r"c\.npz should hold checked labels"):
        read_check(tmp_path / "c.npz")


def test_rows_are_found_by_item():
    ranking = a_ranking()
    assert [ranking.row(int(item)) for item in ranking.all_items] == list(range(6))
    assert [ranking.row(item) for item in (-1, 1, 11, 99)] == [None] * 4
    assert a_ranking(0).row(0) is None


def test_a_ranking_cut_anywhere_is_refused_in_words(tmp_path):
    whole = tmp_path / "r.npz"
    write_ranking(whole, a_ranking())
    data = whole.read_bytes()
    for size in {0, 1, 10, len(data) // 2, len(data) - 1}:
        whole.write_bytes(data[:size])
        with pytest.raises(RunError, match=r"r\.npz should hold a ranking"):
            read_ranking(whole)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "3", "null", '{"format": 2}', '{"format": 1}', '{"format": 1, "labels": []}'],
)
def test_another_file_is_no_snapshot(tmp_path, text):
    (tmp_path / "s.json").write_text(text)
    with pytest.raises(RunError, match="should hold a snapshot"):
        read_snapshot(tmp_path / "s.json")


def test_arrays_of_other_lengths_are_refused(tmp_path):
    write_ranking(tmp_path / "r.npz", replace(a_ranking(), entropy=np.zeros(2, np.float32)))
    with pytest.raises(RunError, match=r"entropy has shape \(2,\) in the place of \(6,\)"):
        read_ranking(tmp_path / "r.npz")


def test_a_missing_file_is_named(tmp_path):
    for read in (read_items, read_snapshot, read_ranking):
        with pytest.raises(RunError, match=r"nothing\.json cannot be read: No such file"):
            read(tmp_path / "nothing.json")


def test_nothing_is_left_beside_the_file_and_a_failure_keeps_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "s.json"
    write_snapshot(path, SNAPSHOT)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(RunError, match="No space left"):
        write_snapshot(path, replace(SNAPSHOT, seed=6))
    assert [file.name for file in tmp_path.iterdir()] == ["s.json"]
    assert json.loads(path.read_text())["seed"] == 5


def test_neither_files_nor_estimates_load_torch():
    code = (
        "import sys, askwell.labelling.archives, askwell.labelling.estimate\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
