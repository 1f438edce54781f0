"""Images are encoded anew, upright, within limits; whatever cannot be shown says why."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from askwell.datasets.decoding import UnreadableImageError
from askwell.web import images
from askwell.web.images import encode


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def shown(content: bytes, side: int = 2560) -> Image.Image:
    encoded = encode(content, side)
    return Image.open(io.BytesIO(encoded.body))


RED = Image.new("RGB", (40, 20), "red")


@pytest.mark.parametrize(
    ("content", "pixel"),
    [
        (saved(RED, "PNG"), (255, 0, 0)),
        (saved(RED, "BMP"), (255, 0, 0)),
        (saved(RED.convert("P"), "GIF"), (255, 0, 0)),
        (saved(Image.new("RGBA", (9, 9), (255, 0, 0, 0)), "PNG"), (255, 255, 255)),
        (saved(Image.fromarray(np.full((9, 9), 65535, np.uint16)), "PNG"), (255, 255, 255)),
        (saved(Image.new("1", (9, 9), 1), "PNG"), (255, 255, 255)),
        (saved(Image.new("CMYK", (32, 32), (0, 0, 0, 0)), "JPEG"), (255, 255, 255)),
    ],
)
def test_every_kind_becomes_plain_rgb(content, pixel):
    image = shown(content)
    assert image.mode == "RGB"
    assert image.format == "PNG"  # small: each pixel as it was
    assert image.getpixel((1, 1)) == pixel


def test_the_first_frame_of_an_animation_is_shown():
    content = saved(RED, "GIF", save_all=True, append_images=[Image.new("RGB", (40, 20), "blue")])
    image = shown(content)
    assert getattr(image, "n_frames", 1) == 1
    assert image.getpixel((0, 0)) == (255, 0, 0)


def test_images_are_turned_upright_and_lose_their_metadata():
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90°
    exif[0x010E] = "name of the patient"
    content = saved(RED, "JPEG", exif=exif, comment=b"a comment")
    image = shown(content)
    assert image.size == (20, 40)
    assert not image.getexif()
    assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert b"patient" not in encode(content, 2560).body


def test_large_images_are_shrunk_and_small_ones_kept():
    noise = np.random.default_rng(0).integers(0, 256, (700, 900, 3), np.uint8)
    content = saved(Image.fromarray(noise), "PNG")
    assert shown(content, 256).size == (256, 199)
    assert shown(content).size == (900, 700)
    assert encode(content, 2560).media_type == "image/jpeg"


def png_claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it has so many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not an image"),
        (b"<svg onload=alert(1)>", "not an image"),
        (saved(RED, "PNG")[:50], "."),
        (saved(RED, "JPEG")[:300], "."),
        (png_claiming(12_000, 9_000), "12000×9000 has more than 100 million pixels"),
        (png_claiming(60_000, 60_000), "more than 100 million pixels"),
    ],
)
def test_what_cannot_be_shown_says_why(content, reason):
    with pytest.raises(UnreadableImageError, match=reason):
        encode(content, 2560)


def test_an_image_that_cannot_be_shown_is_listed_and_not_offered_again(project, folder, client):
    path = folder / "scan000.png"
    item = project.store.by_path()["scan000.png"]
    before = client.get(f"/image/{item}")
    assert before.headers["content-type"] == "image/png"
    path.write_bytes(path.read_bytes()[:40])  # changed behind askwell's back
    project.images = images.ImageReader(folder)
    response = client.get(f"/image/{item}")
    assert response.status_code == 410
    assert "has changed" in response.json()["error"]
    assert "has changed" in client.get("/problems").text
    offered = {each["item"] for each in client.get("/api/next", params={"n": 20}).json()["offers"]}
    assert item not in offered


def test_files_that_could_not_be_read_are_decoded_when_they_are_tried_again(
    project, folder, client
):
    def retry():
        return client.post("/api/problems/retry", json={}).json()["said"]

    def status():
        return {each.path: each.status for each in project.store.items() if each.status != gone}

    gone, names = "vanished", ("scan000.png", "scan001.png")
    whole = [(folder / name).read_bytes() for name in names]
    for name in names:
        item = project.store.by_path()[name]
        (folder / name).write_bytes(whole[0][:60])
        assert client.get(f"/image/{item}").status_code in (200, 410)
        project.store.unreadable({item: "damaged"})
    assert retry() == "Files: 2 still unreadable."
    assert [status()[name] for name in names] == ["unreadable"] * 2
    assert {"scan000.png", "scan001.png"}.isdisjoint(project.store.by_path())
    (folder / names[1]).write_bytes(whole[1])
    assert retry() == ("Files: 1 readable now, 1 still unreadable.")
    assert [status()[name] for name in names] == ["unreadable", "ok"]
    (folder / names[0]).write_bytes(whole[0])
    assert retry() == "Files: 1 readable now."
    assert set(status().values()) == {"ok"}
    assert client.get(f"/image/{project.store.by_path()[names[0]]}").status_code == 200


def test_no_file_outside_the_folder_is_ever_read(project, folder, client, tmp_path):
    secret = tmp_path / "secret.png"
    RED.save(secret)
    item = project.store.by_path()["scan001.png"]
    (folder / "scan001.png").unlink()
    (folder / "scan001.png").symlink_to(secret)
    response = client.get(f"/image/{item}")
    assert response.status_code == 410
    assert "out of the folder" in response.json()["error"]
    for path in (
        "/image/../../secret.png",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/image/x",
    ):
        assert client.get(path).status_code in (401, 404, 422), path
    assert client.get("/image/4711").status_code == 404


def test_a_huge_file_is_not_read_into_memory(project, folder, client, monkeypatch):
    monkeypatch.setattr(images, "LARGEST_BYTES", 100)
    item = project.store.by_path()["scan002.png"]
    (folder / "scan002.png").write_bytes(bytes(101))
    assert "at most" in client.get(f"/image/{item}").json()["error"]


def test_the_cache_holds_what_was_used_last():
    cache = images._Cache(25)
    for i in range(3):
        cache.put((str(i), "full"), images.Shown(bytes(10), "image/png"))
    assert cache.get(("0", "full")) is None
    assert cache.get(("1", "full")) is not None
    cache.put(("3", "full"), images.Shown(bytes(10), "image/png"))
    assert cache.get(("2", "full")) is None
    assert cache.get(("1", "full")) is not None
