"""The trainer's keeper: starts it, feeds it, puts its rankings to use, and starts it again.

One thread owns the child process. It takes labels as a mere hint ("something changed"): a training
starts if none runs, else one dirty flag is set, so that a quick annotator causes one training
after the other and never a queue of them. When the trainer dies, the page says so, labelling goes
on with the last ranking, and a new one is started after a pause that doubles each time.
"""

import logging
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from askwell.errors import AskwellError
from askwell.labelling.archives import CHECK, CheckFile, RankingFile, read_check, read_ranking
from askwell.labelling.files import Listed, Snapshot, write_items, write_snapshot
from askwell.store import Ranking, Store
from askwell.web.trainer import Trainer

Phase = Literal["starting", "idle", "training", "dead", "stopped"]
Message = tuple[Trainer | None, Mapping[str, Any] | None]
"""An event of a trainer, or None at its end; or from the page, whose trainer is None."""

_DIRTY: Message = (None, {"event": "labels changed"})
_FILES: Message = (None, {"event": "files changed"})
_WAKE: Message = (None, None)

TRAINER = (sys.executable, "-m", "askwell.labelling.worker")
"""How the trainer is started."""

_PAUSES = (1.0, 2.0, 5.0, 15.0, 60.0)
_PATIENCE = 900.0  # seconds for one ranking; a trainer that takes longer hangs

log = logging.getLogger("askwell.web")


@dataclass(frozen=True, slots=True)
class TrainerState:
    """What the page says about the trainer.

    Attributes:
        phase: what it does now.
        done: images with features, of `total`; `rate` of them a second.
        unreadable: images that will have none.
        deaths: how often it had to be started again since it last answered.
        message: its last error, as a sentence; empty when all is well.
    """

    phase: Phase = "stopped"
    done: int = 0
    total: int = 0
    unreadable: int = 0
    rate: float = 0.0
    deaths: int = 0
    message: str = ""


class Supervisor:
    """Keeps a trainer running beside the page.

    Args:
        store: labels are read from it and rankings switched in it.
        root: the folder of images.
        work: where snapshots and rankings are exchanged.
        features: where the trainer keeps features.
        threads: of the trainer.
        command: how the trainer is started, without its arguments.
    """

    def __init__(
        self,
        store: Store,
        root: Path,
        work: Path,
        features: Path,
        *,
        threads: int,
        command: Sequence[str] = TRAINER,
    ) -> None:
        self._store, self._work = store, work
        place = ["--root", str(root), "--work", str(work), "--features", str(features)]
        self._command = [*command, *place, "--threads", str(threads)]
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._stopping = threading.Event()
        self._trainer: Trainer | None = None
        self._dirty = True
        self._asked_at: float | None = None
        self._ranked_with = 0
        self._merged: list[tuple[int, int]] = []
        self._unreadable = set[int]()
        self.changed: Callable[[], None] = lambda: None
        """Called, from the keeper's thread, when images turned out unreadable."""
        self.state = TrainerState()
        self.predictions = _stored_predictions(store, work)
        self.checked = _stored_check(work)
        """What is said of labelled images by models that were not taught their labels."""
        self.history = tuple(store.rankings())
        """Every ranking so far without its items, oldest first."""
        self._version = max((ranking.version for ranking in self.history), default=0)

    def start(self) -> None:
        """Start the trainer, in the background."""
        self._thread.start()

    def stop(self) -> None:
        """End the trainer; labels are safe already."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._messages.put(_WAKE)
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        self._end_trainer()
        self.state = replace(self.state, phase="stopped")

    def labels_changed(self) -> None:
        """Train again, now or as soon as the training that runs is over."""
        self._messages.put(_DIRTY)

    def files_changed(self) -> None:
        """Tell the trainer which images there are now."""
        self._messages.put(_FILES)

    @property
    def pid(self) -> int | None:
        """The trainer's process, while there is one."""
        return None if self._trainer is None else self._trainer.pid

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._trainer = self._start_trainer()
                self._serve(self._trainer)
            except (OSError, AskwellError) as error:
                self._note(str(error))
            except Exception:  # whatever it is, the page must go on and say so
                log.exception("The trainer's keeper met something unforeseen.")
                self._note("The page could not talk to the trainer; see the terminal.")
            self._end_trainer()
            if not self._stopping.is_set():
                deaths = self.state.deaths + 1
                self.state = replace(self.state, phase="dead", deaths=deaths)
                self._stopping.wait(_PAUSES[min(deaths, len(_PAUSES)) - 1])

    def _start_trainer(self) -> Trainer:
        self._asked_at, self._ranked_with, self._dirty = None, 0, True
        self.state = replace(self.state, phase="starting")
        self._work.mkdir(parents=True, exist_ok=True)
        command = [*self._command, "--backbone", self._store.settings().backbone]
        return Trainer(command, lambda *heard: self._messages.put(heard))

    def _serve(self, trainer: Trainer) -> None:
        """Talk to one trainer until it ends."""
        self._send_items(trainer)
        while not self._stopping.is_set():
            try:
                sender, event = message = self._messages.get(timeout=5)
            except queue.Empty:
                if self._asked_at is not None and time.monotonic() - self._asked_at > _PATIENCE:
                    self._note("The trainer hung; it is started again.")
                    return
                continue
            if message is _DIRTY:
                self._dirty = True
            elif message is _FILES:
                self._send_items(trainer)
            elif sender is trainer:  # not one that was ended before
                if event is None:
                    self._note(trainer.farewell())
                    return
                self._handle(event)
            if self._dirty and self._asked_at is None and self.state.phase == "idle":
                self._ask(trainer)

    def _handle(self, event: Mapping[str, Any]) -> None:
        match event.get("event"):
            case "ready":
                self.state = replace(self.state, phase="idle")
            case "features":
                self._note_features(event)
            case "unreadable":
                reasons = {int(item): str(why) for item, why in event["reasons"].items()}
                self._store.unreadable(reasons)
                self._unreadable.update(reasons)
                self.state = replace(self.state, unreadable=len(self._unreadable))
                self.changed()
            case "ranking":
                self._asked_at = None
                self._switch(str(event["file"]))
                self.state = replace(self.state, phase="idle", deaths=0, message="")
            case "checked":
                self.checked = read_check(self._work / str(event["file"]))
            case "error":
                self._note(str(event.get("message", "")))
                if event.get("version") is not None:
                    self._asked_at = None
                    self.state = replace(self.state, phase="idle")

    def _note_features(self, event: Mapping[str, Any]) -> None:
        done, total = int(event["done"]), int(event["total"])
        self.state = replace(self.state, done=done, total=total, rate=float(event["rate"]))
        # A ranking of few images is better than none, one of twice as many better still.
        everything = done + self.state.unreadable >= total
        if done >= 2 * self._ranked_with or (everything and done > self._ranked_with):
            self._dirty = True

    def _send_items(self, trainer: Trainer) -> None:
        items = [Listed.of(item) for item in self._store.items() if item.showable]
        write_items(self._work / "items.json", items)
        self._unreadable.clear()
        self.state = replace(self.state, total=len(items), unreadable=0)
        trainer.say({"do": "items", "file": "items.json"})

    def _ask(self, trainer: Trainer) -> None:
        if self.state.done == 0 or not (snapshot := self._snapshot()).classes:
            return  # nothing to rank by, or nothing to learn; both are announced when they change
        self._dirty = False
        self._asked_at = time.monotonic()
        self._ranked_with = self.state.done
        self._version += 1
        self._merged = [
            (each.id, each.counts_as)
            for each in self._store.classes(active_only=False)
            if each.counts_as != each.id
        ]
        self.state = replace(self.state, phase="training")
        write_snapshot(self._work / "snapshot.json", snapshot)
        trainer.say({"do": "rank", "version": self._version, "file": "snapshot.json"})

    def _snapshot(self) -> Snapshot:
        store, settings = self._store, self._store.settings()
        return Snapshot(
            labels=store.labels(),
            holdout=store.holdout_labels(),
            classes=tuple(each.id for each in store.classes()),
            excluded=frozenset(store.unrankable()),
            acquisition=settings.acquisition,
            seed=settings.seed,
        )

    def _switch(self, name: str) -> None:
        ranking = read_ranking(self._work / name)
        scores = tuple(0.0 if score != score else score for score in ranking.scores.tolist())
        made = Ranking(
            version=ranking.version,
            trained_on=ranking.trained_on,
            acquisition=ranking.acquisition,
            made_at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            items=tuple(ranking.items.tolist()),
            scores=scores,
            stream=ranking.stream,
            metrics={**ranking.metrics, "merged": self._merged},
            predictions=name,
        )
        self._store.switch_ranking(made)
        self.predictions = ranking
        self.history = (*self.history, replace(made, items=(), scores=()))
        self._forget_files(keep=name)

    def _forget_files(self, keep: str) -> None:
        for path in self._work.glob("ranking-*.npz"):
            if path.name != Path(keep).name:
                path.unlink(missing_ok=True)

    def _note(self, message: str) -> None:
        if message:
            self.state = replace(self.state, message=message)
            log.warning("%s", message)

    def _end_trainer(self) -> None:
        trainer, self._trainer = self._trainer, None
        if trainer is not None:
            trainer.end()


def _stored_predictions(store: Store, work: Path) -> RankingFile | None:
    """What the last model said, from before a restart."""
    last = store.ranking()
    if last is None or not last.predictions:
        return None
    try:
        return read_ranking(work / last.predictions)
    except AskwellError:
        return None  # it is made again


def _stored_check(work: Path) -> CheckFile | None:
    """The labels as they were checked before a restart."""
    try:
        return read_check(work / CHECK)
    except AskwellError:
        return None  # it is made again
