"""A trainer that speaks the protocol of the real one, in milliseconds and without torch.

Its model is the distance to each class's mean image; half of the uncertainty counts as epistemic.
Where `--work` holds a file `die`, it ends at the next ranking, as a trainer that was killed does.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from askwell.datasets.decoding import UnreadableImageError, decode
from askwell.labelling.archives import (
    CHECK,
    CheckFile,
    RankingFile,
    write_check,
    write_ranking,
)
from askwell.labelling.files import read_items, read_snapshot


def say(**event: object) -> None:
    print(json.dumps(event), flush=True)


def features(root: Path, items: list) -> dict[int, np.ndarray]:
    found, reasons = {}, {}
    for each in items:
        try:
            pixels = decode((root / each.path).read_bytes(), mode="L", image_size=8)
            found[each.item] = pixels.astype(float).ravel() / 255
        except UnreadableImageError as error:
            reasons[each.item] = str(error)
    if reasons:
        say(event="unreadable", reasons=reasons)
    say(event="features", done=len(found), total=len(items), rate=1000.0)
    return found


def softmax(images: np.ndarray, means: list[np.ndarray]) -> np.ndarray:
    logits = -60 * np.stack([((images - mean) ** 2).mean(axis=1) for mean in means], axis=1)
    probs = np.exp(logits - logits.max(axis=1, keepdims=True))
    return probs / probs.sum(axis=1, keepdims=True)


def check(found: dict[int, np.ndarray], snapshot) -> CheckFile:
    """Every label, by the means of all others."""
    classes = list(snapshot.classes)
    known = {i: c for i, c in snapshot.labels.items() if i in found}
    items, probs = [], []
    for item in sorted(known):
        others = {c: [found[i] for i in known if i != item and known[i] == c] for c in classes}
        if all(others.values()):
            items.append(item)
            means = [np.mean(others[c], axis=0) for c in classes]
            probs.append(softmax(found[item][None], means)[0])
    return CheckFile(
        len(known), np.array(items), np.array(classes), np.reshape(probs, (-1, len(classes)))
    )


def rank(found: dict[int, np.ndarray], version: int, snapshot) -> RankingFile:
    means = {
        label: np.mean([found[i] for i, c in snapshot.labels.items() if c == label], axis=0)
        for label in snapshot.classes
        if label in snapshot.labels.values()
    }
    items = np.array(sorted(found))
    images = np.stack([found[i] for i in items])
    cold = len(means) < len(snapshot.classes)
    taken = {*snapshot.labels, *snapshot.holdout, *snapshot.excluded}
    free = np.array([i not in taken for i in items])
    if cold:
        probs = np.zeros((0, len(snapshot.classes)))
        entropy, all_items = np.zeros(0), items[:0]
        order = np.random.default_rng(version).permutation(items[free])[:2000]
        scores = np.full(len(order), np.nan)
    else:
        probs = softmax(images, [means[label] for label in snapshot.classes])
        entropy, all_items = -(probs * np.log(probs + 1e-12)).sum(axis=1), items
        best = np.argsort(-entropy[free])[:2000]
        order, scores = items[free][best], entropy[free][best] / 2
    row = {int(item): i for i, item in enumerate(all_items)}
    known = [i for i in snapshot.holdout if i in row]
    said = [int(snapshot.classes[int(probs[row[i]].argmax())]) for i in known]
    right = sum(each == snapshot.holdout[i] for i, each in zip(known, said, strict=True))
    metrics = {"holdout": len(known), "seconds": {"train": 0.01, "rank": 0.01}}
    if known:
        metrics |= {"holdout_items": known, "holdout_predicted": said}
        metrics |= {"accuracy": right / len(known)}
    return RankingFile(
        version, len(snapshot.labels), snapshot.acquisition, "cold" if cold else "active",
        order, scores, np.array(snapshot.classes), all_items, probs, entropy, entropy / 2, metrics,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--root", "--work", "--features", "--backbone", "--threads"):
        parser.add_argument(name)
    given = parser.parse_args()
    root, work = Path(given.root), Path(given.work)
    found: dict[int, np.ndarray] = {}
    say(event="ready")
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "items":
            found = features(root, read_items(work / command["file"]))
        elif command["do"] == "rank":
            if (work / "die").exists():
                sys.exit("told to die")
            version = command["version"]
            name = f"ranking-{version}.npz"
            snapshot = read_snapshot(work / command["file"])
            write_ranking(work / name, rank(found, version, snapshot))
            say(event="ranking", version=version, file=name)
            write_check(work / CHECK, check(found, snapshot))
            say(event="checked", file=CHECK)
        else:
            break


if __name__ == "__main__":
    main()
