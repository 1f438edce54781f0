"""Labelling goes on through kills of the page and of its trainer."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.web.faults import trouble


@pytest.mark.skipif(sys.platform != "linux", reason="finds the trainer's process in /proc")
def test_no_acknowledged_decision_is_lost_or_doubled(tmp_path: Path):
    chance = np.random.default_rng(0)
    for k in range(300):
        Image.fromarray(chance.integers(0, 255, (12, 12, 3), np.uint8)).save(tmp_path / f"{k}.png")
    found = trouble(tmp_path, decisions=400, kills=4)
    assert found == {"decisions": 400, "people": 8, "server_kills": 2, "trainer_kills": 2}
