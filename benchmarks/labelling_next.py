"""Does a person ever wait? Times of the page's answers while a model trains, 100 000 images.

A project of 100 000 small image files with made-up features of the real size (as in
`labelling_rank.py`), served by `askwell label` in a process of its own. One annotator answers as
fast as the page does, so a training always runs. What is timed is the whole HTTP exchange.

    python benchmarks/labelling_next.py benchmarks/results/labelling_next.csv
"""

import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from common import Report
from labelling_rank import made
from labelling_server import Annotator, Server
from PIL import Image

from askwell.features import FeatureStore
from askwell.models.pretrained import load_trunk
from askwell.scan import scan

ANSWERS, WARM_UP = 500, 20


def write_images(folder: Path, count: int) -> None:
    """So many different images of 8 × 8 pixels, a thousand a folder."""
    for start in range(0, count, 1000):
        place = folder / f"{start:06}"
        place.mkdir(parents=True)
        for number in range(start, min(start + 1000, count)):
            pixels = np.zeros((8, 8), np.uint8)
            pixels[0, :3] = [number & 255, number >> 8 & 255, number >> 16]
            Image.fromarray(pixels).save(place / f"{number:06}.png", compress_level=1)


def write_features(folder: Path, features: np.ndarray) -> dict[str, int]:
    """Put made-up features where the page's trainer keeps its own; path → row."""
    files = scan(folder).files
    with FeatureStore.open(
        folder / ".askwell" / "features", load_trunk("efficientnet_lite0")
    ) as store:
        for start in range(0, len(files), 2000):
            part = files[start : start + 2000]
            store.append([file.sha256 for file in part], features[start : start + len(part)])
    return {file.path: row for row, file in enumerate(files)}


def main(path: Path, images: int = 100_000) -> None:
    """Label and take the times."""
    report = Report(path)
    features, truth = made(images)
    times: defaultdict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "photos"
        write_images(folder, images)
        rows = write_features(folder, features)
        names = [str(label) for label in range(10)]
        with Server(folder, classes=names) as server:
            annotator = Annotator(server, "ada")
            annotator.wait_until_read()
            first = annotator.get("/api/status")["ranking"]
            for turn in range(ANSWERS):
                taken = {}
                start = time.perf_counter()
                (offer,) = annotator.offers(1)
                taken["next image: which"] = time.perf_counter() - start
                start = time.perf_counter()
                annotator.http.get(f"/image/{offer['item']}").raise_for_status()
                taken["next image: its picture"] = time.perf_counter() - start
                label = names[truth[rows[annotator.path_of(offer["item"])]]]
                start = time.perf_counter()
                annotator.label([(offer, label)])
                taken["a decision, stored"] = time.perf_counter() - start
                if turn >= WARM_UP:
                    for what, seconds in taken.items():
                        times[what].append(seconds)
            models = annotator.get("/api/status")["ranking"] - first
    for what, seconds in times.items():
        low, high, most = np.percentile(np.array(seconds) * 1e3, [50, 99, 100])
        report.add(
            images=images,
            what=what,
            answers=len(seconds),
            models_meanwhile=models,
            median_ms=f"{low:.1f}",
            p99_ms=f"{high:.1f}",
            largest_ms=f"{most:.1f}",
        )
    report.show("Answers of the labelling page while models train")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
