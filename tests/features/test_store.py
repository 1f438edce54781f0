"""The store keeps what was appended, whatever is cut off, killed, mixed up or full."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from askwell.errors import InputError, NonFiniteError, RunError
from askwell.features import FeatureStore
from tests.features.made import Made, fill, key, row


def assert_right(store: FeatureStore, keys: list[str]) -> None:
    expected = [row(k, store.files.features) for k in keys]
    np.testing.assert_array_equal(store.rows(keys), np.array(expected, dtype=np.float16))


def test_what_was_appended_is_read_back_in_any_order(tmp_path):
    with FeatureStore.open(tmp_path, Made()) as store:
        fill(store, 0, 5)
        fill(store, 5, 7)
        assert_right(store, [key(6), key(0), key(6), key(3)])
        assert store.missing([key(9), key(2), key(8), key(9)]) == [key(9), key(8)]
        assert len(store) == 7
        assert key(1) in store
        assert key(8) not in store
    for again in (FeatureStore.read(tmp_path, Made()), FeatureStore.open(tmp_path, Made())):
        assert len(again) == 7
        assert_right(again, [key(i) for i in range(7)])
        assert again.rows([]).shape == (0, 3)
        assert again.rows([key(0)]).dtype == np.float16
        again.close()


def test_views_of_an_image_have_rows_of_their_own(tmp_path):
    with FeatureStore.open(tmp_path, Made()) as store:
        store.append([key(1), key(1) + ":h"], np.array([[1.0, 1, 1], [2, 2, 2]]))
        assert store.rows([key(1) + ":h"]).tolist() == [[2, 2, 2]]


def test_keys_that_are_there_and_keys_given_twice_are_kept_once(tmp_path):
    with FeatureStore.open(tmp_path, Made()) as store:
        store.append([key(1)], np.ones((1, 3)))
        store.append([key(2), key(1), key(2)], np.array([[2.0] * 3, [3.0] * 3, [4.0] * 3]))
        assert store.rows([key(1), key(2)])[:, 0].tolist() == [1, 2]
        store.append([key(1)], np.zeros((1, 3)))
        assert store.files.rows.stat().st_size == 2 * 3 * 2
    assert len(FeatureStore.read(tmp_path, Made())) == 2


def test_the_files_are_plain_ones(tmp_path):
    with FeatureStore.open(tmp_path, Made()) as store:
        fill(store, 0, 2)
    rows, keys = sorted(path for path in tmp_path.iterdir() if path.suffix != ".lock")
    assert rows.name == "timm_made_up-abababababab.f16"
    assert keys.name == "timm_made_up-abababababab.keys"
    assert np.fromfile(rows, "<f2").tolist() == [0, 1, 2, 1, 2, 3]
    header, *lines = keys.read_text().splitlines()
    assert lines == [key(0), key(1)]
    assert json.loads(header)["backbone"] == "timm:made up"


def test_cut_anywhere_the_whole_pairs_survive(tmp_path):
    """Every state that a kill can leave: rows are written before their keys, both in order."""
    with FeatureStore.open(tmp_path, Made()) as store:
        fill(store, 0, 2)
        files = store.files
        kept_rows, kept_keys = files.rows.stat().st_size, files.keys.stat().st_size
        fill(store, 2, 4)
    rows, keys = files.rows.read_bytes(), files.keys.read_bytes()
    states = [(r, kept_keys) for r in range(kept_rows, len(rows) + 1)]
    states += [(len(rows), k) for k in range(kept_keys, len(keys) + 1)]
    for r, k in states:
        files.rows.write_bytes(rows[:r])
        files.keys.write_bytes(keys[:k])
        whole = 2 + (k - kept_keys) // 33
        assert len(FeatureStore.read(tmp_path, Made())) == whole
        assert (files.rows.stat().st_size, files.keys.stat().st_size) == (r, k)  # left alone
        with FeatureStore.open(tmp_path, Made()) as store:
            assert len(store) == whole
            fill(store, 0, 5)
            assert_right(store, [key(i) for i in range(5)])
        assert_right(FeatureStore.read(tmp_path, Made()), [key(i) for i in range(5)])


def test_cut_while_it_is_made(tmp_path):
    with FeatureStore.open(tmp_path, Made()) as store:
        files = store.files
    header = files.keys.read_bytes()
    for k in range(len(header) + 1):
        files.keys.write_bytes(header[:k])
        files.rows.unlink()
        assert len(FeatureStore.read(tmp_path, Made())) == 0
        with FeatureStore.open(tmp_path, Made()) as store:
            fill(store, 0, 2)
        assert_right(FeatureStore.read(tmp_path, Made()), [key(0), key(1)])


def test_after_a_power_cut_keys_without_rows_and_blocks_of_zeros_are_dropped(tmp_path):
    with FeatureStore.open(tmp_path, Made()) as store:
        fill(store, 0, 4)
        files = store.files
    os.truncate(files.rows, 2 * 6 + 5)
    with FeatureStore.open(tmp_path, Made()) as store:
        assert store.missing(map(key, range(4))) == [key(2), key(3)]
        fill(store, 2, 4)
    data = files.keys.read_bytes()
    files.keys.write_bytes(data[:-40] + bytes(40) + b"\n")
    with FeatureStore.open(tmp_path, Made()) as store:
        assert len(store) == 2
        fill(store, 2, 6)
        assert_right(store, [key(i) for i in range(6)])


def lines_until_dead(writer):
    """What the killed child had printed. The writer's own end is an error, not a wait for ever."""
    while (line := writer.stdout.readline()) != "dead\n":
        assert line, f"the writer ended with {writer.wait()}"
        yield line


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the writer is forked")
def test_killed_at_any_moment_nothing_acknowledged_is_lost(tmp_path):
    root, chance, source = Path(__file__).parents[2], np.random.default_rng(0), Made(features=700)
    command = [sys.executable, "-m", "tests.features.made"]
    lengths = []
    with subprocess.Popen(
        command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        while len(lengths) < 40 or (len(set(lengths)) <= 10 and len(lengths) < 400):
            print(tmp_path, file=writer.stdin, flush=True)
            child = int(writer.stdout.readline())
            time.sleep(chance.uniform(0, 0.02))
            os.kill(child, signal.SIGKILL)
            printed = list(lines_until_dead(writer))
            store = FeatureStore.read(tmp_path, source)
            assert len(store) >= max(map(int, printed), default=0)
            assert_right(store, [key(i) for i in range(len(store))])
            lengths.append(len(store))
        writer.stdin.close()
    assert lengths == sorted(lengths)
    assert len(set(lengths)) > 10


def test_one_writer_at_a_time_and_many_readers(tmp_path):
    with FeatureStore.open(tmp_path, Made()) as store:
        fill(store, 0, 2)
        with pytest.raises(RunError, match=r"Another process is writing .*timm_made_up"):
            FeatureStore.open(tmp_path, Made())
        reader = FeatureStore.read(tmp_path, Made())
        fill(store, 2, 4)
        assert len(reader) == 2
        assert_right(reader, [key(0), key(1)])
        assert len(FeatureStore.read(tmp_path, Made())) == 4
        other = FeatureStore.open(tmp_path, Made(name="another"))  # has files of its own
        other.close()
    FeatureStore.open(tmp_path, Made()).close()


def test_a_second_writer_can_wait(tmp_path):
    first = FeatureStore.open(tmp_path, Made())
    fill(first, 0, 3)
    with ThreadPoolExecutor(1) as executor:
        second = executor.submit(FeatureStore.open, tmp_path, Made(), wait=True)
        time.sleep(0.1)
        assert not second.done()
        fill(first, 3, 4)
        first.close()
        with second.result(timeout=60) as store:
            assert len(store) == 4


def test_reading_needs_no_store_and_makes_none(tmp_path):
    assert len(FeatureStore.read(tmp_path / "nowhere", Made())) == 0
    assert not (tmp_path / "nowhere").exists()
    with pytest.raises(RunError, match="not open for writing"):
        FeatureStore.read(tmp_path, Made()).append([key(0)], np.zeros((1, 3)))


def test_other_weights_begin_a_store_of_their_own_and_say_so(tmp_path):
    with FeatureStore.open(tmp_path, Made()) as store:
        fill(store, 0, 2)
    changed = Made(digits="cd" * 32)
    with (
        pytest.warns(UserWarning, match="with other weights .*abababababab.f16.*computed anew"),
        FeatureStore.open(tmp_path, changed) as store,
    ):
        assert len(store) == 0
    FeatureStore.open(tmp_path, changed).close()  # said once
    assert len(FeatureStore.read(tmp_path, Made())) == 2


@pytest.mark.parametrize(
    "impostor",
    [Made(features=4), Made(digits="ab" * 16 + "cd" * 16), Made(name="timm:made_up")],
    ids=["width", "fingerprint", "name"],
)
def test_files_of_other_features_are_refused(tmp_path, impostor):
    with FeatureStore.open(tmp_path, Made()) as store:
        fill(store, 0, 2)
        before = store.files.rows.read_bytes(), store.files.keys.read_bytes()
    for opened in (FeatureStore.open, FeatureStore.read):
        with pytest.raises(RunError, match=r"belongs to other features.*Take another directory"):
            opened(tmp_path, impostor)
    assert (store.files.rows.read_bytes(), store.files.keys.read_bytes()) == before
    FeatureStore.open(tmp_path, Made()).close()  # a refused one holds no lock


def test_a_file_of_another_format_is_refused(tmp_path):
    with FeatureStore.open(tmp_path, Made()) as store:
        files = store.files
    header = json.loads(files.keys.read_text())
    files.keys.write_text(json.dumps(header | {"format": 2}) + "\n")
    with pytest.raises(RunError, match=r"its format \[2\] should be \[1\]"):
        FeatureStore.open(tmp_path, Made())
    files.keys.write_text("path,label\n")
    with pytest.raises(RunError, match="no list of keys"):
        FeatureStore.open(tmp_path, Made())


def test_bad_rows_and_keys_are_refused_before_anything_is_written(tmp_path):
    with FeatureStore.open(tmp_path, Made()) as store:
        with pytest.raises(InputError, match=r"shape \(N, F\) = \(1, 3\); got \(1, 4\)"):
            store.append([key(0)], np.zeros((1, 4)))
        for bad in ("", "photo.jpg", "ABCDEF0123456789", key(0) + ":", key(0) + "\n"):
            with pytest.raises(InputError, match="hex digest"):
                store.append([bad], np.zeros((1, 3)))
        for value in (np.nan, np.inf, 7e4):
            with pytest.raises(NonFiniteError, match=f"1 of 2 images .*{key(1)}"):
                store.append([key(0), key(1)], np.array([[0.0] * 3, [value] * 3]))
        with pytest.raises(InputError, match=f"lacks the features of 1 keys.*{key(0)}"):
            store.rows([key(0)])
        fill(store, 0, 1)
        assert len(store) == 1


def test_a_full_disk_closes_the_store_and_loses_nothing(tmp_path, monkeypatch):
    store = FeatureStore.open(tmp_path, Made())
    fill(store, 0, 2)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="No space left on device"):
        fill(store, 2, 4)
    monkeypatch.undo()
    assert_right(store, [key(0), key(1)])
    with pytest.raises(RunError, match="not open for writing"):
        fill(store, 2, 4)
    with FeatureStore.open(tmp_path, Made()) as again:
        assert len(again) == 2
        fill(again, 2, 4)
        assert_right(again, [key(i) for i in range(4)])


def test_a_directory_that_cannot_be_made_is_an_error_in_words(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be read or written"):
        FeatureStore.open(tmp_path / "file" / "below", Made())


def test_the_store_alone_needs_no_torch():
    code = "import askwell.features.store, sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
