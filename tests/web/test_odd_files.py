"""A folder of malformed and odd files: each is shown, or listed with its reason; nothing breaks."""

import hashlib
import html
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from askwell.features import FeatureStore
from askwell.labelling.background import FeatureQueue
from askwell.labelling.files import Listed
from askwell.models.pretrained import load_trunk
from askwell.web.app import create_app
from askwell.web.images import SIDES
from tests.models.small_backbones import TINY
from tests.web.conftest import ORIGIN
from tests.web.odd_files import HTML, SECRET, Odd, write
from tests.web.serving import opened

MOST_MEMORY = 1500 << 20
"""Bytes more than before: one image of 81 million pixels, decoded, takes a third or so."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the page says of one image."""

    status: int
    body: bytes
    kind: str


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that was asked for, once for all tests."""

    folder: Path
    odd: dict[str, Odd]
    images: MappingProxyType[str, dict[str, Answer]]  # size → path → answer
    refused: dict[str, str]  # by the scan
    unreadable: dict[str, str]  # by the page
    untrained: dict[str, str]  # by the feature queue
    trained: set[str]
    memory: int
    problems: str
    opinion: bytes


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    base = tmp_path_factory.mktemp("odd")
    odd = {each.name: each for each in write(base / "photos", base / "outside")}
    project = opened(base / "photos")
    try:
        before = peak()
        client = TestClient(
            create_app(project),
            base_url=ORIGIN,
            headers={"origin": ORIGIN},
            raise_server_exceptions=False,
        )
        client.get("/", params={"token": project.access.new_token()})
        items = {item.path: item for item in project.store.items()}
        images: dict[str, dict[str, Answer]] = {}
        for size, address in (("full", "image"), ("thumb", "thumb")):
            images[size] = {}
            for path, item in items.items():
                got = client.get(f"/{address}/{item.id}")
                kind = got.headers["content-type"]
                images[size][path] = Answer(got.status_code, got.content, kind)
        listed = [Listed(item.id, path, item.sha256) for path, item in items.items()]
        untrained, trained = train(base / "photos", base / "features", listed)
        yield Seen(
            base / "photos",
            odd,
            MappingProxyType(images),
            dict(project.refused),
            {i.path: i.reason for i in project.store.items() if i.status == "unreadable"},
            untrained,
            trained,
            peak(since=False) - before,
            client.get("/problems").text,
            client.get(f"/api/opinion/{items[HTML].id}").content,
        )
    finally:
        project.close()


def train(folder: Path, store: Path, items: list[Listed]) -> tuple[dict[str, str], set[str]]:
    """What the trainer makes of the same files: path → reason, and the paths with features."""
    trunk = load_trunk(TINY, weights="random")
    with FeatureStore.open(store, trunk) as features:
        queue = FeatureQueue(folder, trunk, features)
        queue.want(items)
        while queue.waiting:
            queue.step()
        paths = {item.item: item.path for item in items}
        rows = queue.pool
        assert np.isfinite(rows.features).all()
        reasons = {paths[item]: reason for item, reason in queue.unreadable.items()}
        return reasons, {paths[int(item)] for item in rows.ids}


def peak(*, since: bool = True) -> int:
    """Bytes of memory that this process had at most; `since` starts anew from what it has now."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    if since:
        Path("/proc/self/clear_refs").write_text("5")
    (line,) = re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())
    return int(line) * 1024


def pixels(answer: Answer) -> np.ndarray:
    with Image.open(io.BytesIO(answer.body), formats=("PNG", "JPEG")) as image:
        assert image.mode == "RGB"
        assert image.format is not None
        assert answer.kind == f"image/{image.format.lower()}"
        assert not image.getexif()
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
        return np.asarray(image)


def test_there_are_enough_of_them(seen: Seen) -> None:
    assert len(seen.odd) >= 300
    assert {each.fate for each in seen.odd.values()} == {"shown", "listed", "either"}


def test_every_file_is_shown_or_listed_and_nothing_crashes(seen: Seen) -> None:
    shown = seen.images["full"]
    for path, odd in seen.odd.items():
        reason = seen.refused.get(path) or seen.unreadable.get(path)
        if path in shown:
            assert shown[path].status in (200, 410), path
            assert (shown[path].status == 410) == (reason is not None), path
        if odd.fate != "either":
            assert (reason is None) == (odd.fate == "shown"), (path, reason)
        if reason is not None:
            assert reason.isprintable(), path
            assert 3 < len(reason) < 220, path
            assert "object at 0x" not in reason, path
            row = f'<td class="path">{html.escape(path, quote=False)}</td>'
            assert "".join(row.split()) in "".join(unquoted(seen.problems).split()), path


def unquoted(page: str) -> str:
    """A page whose quotes are plain, whichever way its template escapes them."""
    return page.replace("&#34;", '"').replace("&#39;", "'")


def test_what_is_shown_is_a_small_new_image(seen: Seen) -> None:
    for size, answers in seen.images.items():
        for path, answer in answers.items():
            assert (answer.status == 200) == (seen.images["full"][path].status == 200), path
            if answer.status == 200:
                array = pixels(answer)
                assert max(array.shape) <= SIDES[size], path
                assert min(array.shape) >= 1, path
                assert answer.body != (seen.folder / path).read_bytes(), path
                assert b"secret" not in answer.body, path
            else:
                assert answer.kind == "application/json", path


def test_pixels_are_right_and_upright(seen: Seen) -> None:
    checked = 0
    for path, odd in seen.odd.items():
        if odd.size is None and odd.colour is None and not odd.corners:
            continue
        array = pixels(seen.images["full"][path])
        height, width = array.shape[:2]
        if odd.size is not None:
            assert (width, height) == odd.size, path
        if odd.colour is not None:
            assert distance(array[0, 0], odd.colour) <= 2, path
        for number, colour in enumerate(odd.corners):
            x, y = (2 * (number % 2) + 1) * width // 4, (2 * (number // 2) + 1) * height // 4
            assert distance(array[y, x], colour) <= 6, (path, number)
            checked += 1
    assert checked > 4 * 40


def distance(one: np.ndarray, other: tuple[int, int, int]) -> int:
    return int(np.abs(one.astype(int) - other).max())


def test_the_trainer_reads_what_the_page_shows(seen: Seen) -> None:
    shown = {path for path, answer in seen.images["full"].items() if answer.status == 200}
    assert seen.trained == shown
    assert seen.untrained.keys() == seen.images["full"].keys() - shown


def test_nothing_outside_of_the_folder_is_seen(seen: Seen) -> None:
    secret = hashlib.sha256((seen.folder.parent / "outside" / "secret.png").read_bytes())
    for answers in seen.images.values():
        for path, answer in answers.items():
            assert hashlib.sha256((seen.folder / path).read_bytes()).digest() != secret.digest()
            if answer.status == 200:
                assert distance(pixels(answer)[0, 0], SECRET) > 0, path
    for path in seen.images["full"]:
        assert not path.startswith(("out/", "up/", "here/")), path
    # A link to a folder outside is not followed further than to say what it is.
    assert "out/deep/deeper.png" not in seen.refused
    assert not any(path.startswith("up/outside") for path in seen.refused)
    out = "a symbolic link that leads out of the folder"
    assert {seen.refused[path] for path in ("link-out.png", "out/", "up/")} == {out}


def test_names_are_escaped(seen: Seen) -> None:
    assert HTML in seen.images["full"]
    assert HTML.encode() in seen.opinion  # JSON: its script sets text
    assert "<img src=x" not in seen.problems
    assert "<script>alert" not in seen.problems
    assert seen.problems.count("&lt;img src=x onerror=alert(1)&gt;") == 2


def test_memory_is_bounded(seen: Seen) -> None:
    assert seen.memory < MOST_MEMORY
