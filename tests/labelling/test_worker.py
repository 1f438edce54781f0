"""The trainer as a real process: commands, faults, kills."""

import hashlib
import shutil

import numpy as np
import pytest

from askwell.labelling.archives import read_check, read_ranking
from askwell.labelling.files import Listed, Snapshot, write_snapshot
from tests.labelling.photos import Trainer, first, write_digits

pytestmark = pytest.mark.timeout(600)

DIGITS = tuple(range(10))


def test_a_project_from_the_first_image_to_a_ranking(tmp_path):
    items, labels = write_digits(tmp_path, 120)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    (tmp_path / "copy.png").write_bytes((tmp_path / items[0].path).read_bytes())
    (tmp_path / ".askwell").mkdir()
    outside = tmp_path.parent / "outside.png"
    shutil.copy(tmp_path / items[1].path, outside)
    items += [
        Listed(900, "broken.png", hashlib.sha256(broken.read_bytes()).hexdigest()),
        Listed(901, "copy.png", items[0].sha256),
        Listed(902, "gone.png", "ab" * 32),
        Listed(903, items[2].path, "cd" * 32),
        Listed(904, "../outside.png", "ef" * 32),
    ]
    with Trainer(tmp_path) as trainer:
        trainer.wait_for("ready")
        trainer.send_items(items)
        trainer.wait_for("features", done=0)
        # Commands while features are being computed; the labelled come first.
        snapshot = Snapshot(first(labels, 60, 110), first(labels, 110, 120), DIGITS, frozenset({3}))
        write_snapshot(trainer.work / "1.json", snapshot)
        trainer.send("rank", version=1, file="1.json")
        event = trainer.wait_for("ranking", version=1)
        early = read_ranking(trainer.work / event["file"])
        assert early.metrics["with_features"] < len(items)
        trainer.wait_for("features", done=121)
        for version in (2, 3):
            trainer.send("rank", version=version, file="1.json")
        ranking = read_ranking(trainer.work / trainer.wait_for("ranking", version=3)["file"])
        # Nobody asks for two seconds: the labels are checked.
        check = read_check(trainer.work / trainer.wait_for("checked")["file"])
        reasons = {}
        for seen in trainer.seen:
            reasons |= seen.get("reasons", {})
        trainer.write("nonsense")
        assert "No command in JSON" in trainer.wait_for("error")["message"]
        trainer.send("dance")
        assert "no command 'dance'" in trainer.wait_for("error")["message"]
        trainer.send("rank", version=4, file="missing.json")
        failed = trainer.wait_for("error", version=4)
        assert "missing.json cannot be read" in failed["message"]
        trainer.send("stop")
        assert trainer.process.wait(60) == 0
    assert (check.trained_on, check.items.tolist()) == (50, sorted(snapshot.labels))
    assert check.probs.shape == (50, 10)
    assert np.allclose(check.probs.sum(axis=1), 1, atol=0.01)
    assert reasons.keys() == {"900", "902", "903", "904"}
    assert reasons["902"] == "No such file or directory"
    assert "changed since" in reasons["903"]
    assert "outside the folder" in reasons["904"]
    assert ranking.all_items.tolist() == [*range(1, 121), 901]
    assert np.allclose(ranking.probs[0], ranking.probs[-1])  # the copy
    assert (ranking.stream, ranking.trained_on, ranking.metrics["holdout"]) == ("active", 50, 10)
    allowed = set(range(1, 61)) - {3} | {901}
    assert 0 < len(ranking.items) == len(set(ranking.items.tolist()))
    assert set(ranking.items.tolist()) <= allowed


def test_killed_it_goes_on_and_it_ends_with_its_parent(tmp_path):
    items, _ = write_digits(tmp_path, 60)
    with Trainer(tmp_path) as trainer:
        trainer.send_items(items)
        while trainer.wait_for("features")["done"] < 16:
            pass
        trainer.process.kill()
        trainer.process.wait()
    with Trainer(tmp_path) as trainer:
        trainer.wait_for("ready")
        trainer.send_items(items)
        assert trainer.wait_for("features")["done"] >= 16
        trainer.wait_for("features", done=60)
        assert trainer.process.stdin is not None
        trainer.process.stdin.close()
        assert trainer.process.wait(60) == 0


def test_without_weights_it_says_so_and_ranks_nothing(tmp_path):
    items, labels = write_digits(tmp_path, 5)
    with Trainer(tmp_path, backbone="no such network") as trainer:
        assert "There is no backbone" in trainer.wait_for("error")["message"]
        trainer.wait_for("ready")
        trainer.send_items(items)
        write_snapshot(trainer.work / "1.json", Snapshot(labels, {}, DIGITS))
        trainer.send("rank", version=1, file="1.json")
        ranking = read_ranking(trainer.work / trainer.wait_for("ranking")["file"])
    assert (len(ranking.items), len(ranking.all_items), ranking.stream) == (0, 0, "cold")
