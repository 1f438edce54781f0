"""A process is killed at any moment: what it acknowledged is there, once, and the file is whole."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from askwell.store import Store
from tests.store.projects import project

KILLS = 24

CHILD = """
import os, sys
from askwell.store import Decision, Store

def say(line):
    os.write(1, f"{line}\\n".encode())  # one write for a whole line: a kill cannot cut it

with Store.open(sys.argv[1]) as store:
    say("ready")
    i = 0
    while True:
        i += 1
        keys = [f"{sys.argv[2]}-{i}-{j}" for j in range(1 + i % 3)]
        store.decide([Decision(k, 1 + (i + j) % 10, 1, "label", 1) for j, k in enumerate(keys)])
        say(" ".join(keys))
        if i % 4 == 0:
            store.undo(1, f"{sys.argv[2]}-undo-{i}")
            say(f"{sys.argv[2]}-undo-{i}")
        if i % 5 == 0:
            store.offer(1, 4)
"""


def run_and_kill(db: Path, number: int, seconds: float, *, once_ready: bool) -> list[str]:
    """The keys that a process acknowledged before it was killed."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(db), str(number)], stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    with child.stdout as out:
        if once_ready:
            assert out.readline() == b"ready\n"
        time.sleep(seconds)
        os.kill(child.pid, signal.SIGKILL)
        said = out.read().decode()
    assert child.wait() == -signal.SIGKILL
    assert not said or said.endswith("\n")
    return [key for line in said.splitlines() for key in line.split() if key != "ready"]


def test_no_acknowledged_decision_is_lost_or_doubled_by_kills(tmp_path: Path) -> None:
    chance = random.Random(0)
    db = tmp_path / "project.db"
    with project(tmp_path, backup_every=7):
        pass
    said: list[str] = []
    for number in range(KILLS):
        ready = number % 4 != 0  # every fourth is killed at any moment of its start, too
        seconds = chance.uniform(0, 0.12) if ready else chance.uniform(0.05, 0.3)
        said += run_and_kill(db, number, seconds, once_ready=ready)
        opened = Store.read(db) if number % 2 else Store.open(db)
        with opened as store:
            stored = Counter(event.decision.key for event in store.events())
            assert max(stored.values(), default=1) == 1
            assert set(said) <= stored.keys()
            assert store.check() == ()
    assert len(said) == len(set(said)) > KILLS
    with Store.open(db) as store:
        # All of a call is there or nothing: its first keys are never without its last.
        keys = {event.decision.key for event in store.events()}
        for key in keys:
            run, i, _ = key.split("-")
            if i != "undo":
                assert {f"{run}-{i}-{j}" for j in range(1 + int(i) % 3)} <= keys
    for copy in (tmp_path / "backups").glob("*.db"):
        with Store.read(copy) as store:
            assert store.check() == ()


def test_a_project_killed_while_it_is_made_can_be_opened(tmp_path: Path) -> None:
    chance = random.Random(1)
    for number in range(6):
        db = tmp_path / str(number) / "project.db"
        child = subprocess.Popen(
            [sys.executable, "-c", f"from askwell.store import Store\nStore.open({str(db)!r})"]
        )
        time.sleep(chance.uniform(0.08, 0.3))
        child.kill()
        child.wait()
        with Store.open(db) as store:
            assert store.check() == ()
            assert store.settings().holdout_share == 0.1
