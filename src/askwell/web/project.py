"""A folder of images with its project file: what all pages work on."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from askwell.datasets.images import in_threads
from askwell.errors import InputError, RunError
from askwell.paths import shown
from askwell.scan import take_up
from askwell.store import Places, Store
from askwell.web.acquisitions import ACQUISITIONS
from askwell.web.folder import Folder, Look, refused_and_vanished
from askwell.web.images import ImageReader
from askwell.web.known import Known
from askwell.web.pace import Pace
from askwell.web.security import Access, session_key
from askwell.web.supervisor import TRAINER, Supervisor
from askwell.web.tally import Tally


@dataclass(slots=True)
class Project:
    """What the page works on; `close` it at the end.

    Attributes:
        root: the folder of images, never written.
        store: its items and decisions.
        images: its images, encoded for browsers.
        supervisor: keeps the trainer.
        access: who may look.
        refused: files that were not taken up by the scan, with the reason.
        pace: how fast each annotator is.
        tally: how many images have which answer.
        known: what the reserve says of the model.
    """

    root: Path
    store: Store
    images: ImageReader
    supervisor: Supervisor
    access: Access
    refused: Mapping[str, str] = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)
    tally: Tally = field(init=False)
    known: Known = field(init=False)
    _twice: int = 0

    def __post_init__(self) -> None:
        """Count what is there, and again after whatever the trainer finds out."""
        self._twice = refused_and_vanished(self.store.items(), self.refused)
        self.tally, self.known = Tally(self.store.counts), Known(self.store)
        self.supervisor.changed = self.tally.touch

    def decided(self, *, trains: bool) -> None:
        """Something was decided: count again, and train if labels changed."""
        self.tally.touch()
        if trains:
            self.supervisor.labels_changed()

    def problems(self) -> int:
        """How many files cannot be labelled, for one reason or another."""
        counts = self.tally.recent()
        # A file that was taken up once and is refused now has vanished to the store.
        return counts.unreadable + counts.vanished + len(self.refused) - self._twice

    @property
    def name(self) -> str:
        """What the page calls it."""
        return self.store.settings().name or self.root.name

    def look_again(self) -> Look:
        """Scan the folder anew and decode every file that had a problem or has other content."""
        before = Folder.of(self.store.items(), self.refused)
        self.refused = take_up(self.store, self.root).unreadable
        here = [each for each in self.store.items() if each.status != "vanished"]
        tried = [
            each
            for each in here
            if each.path in before.unreadable or before.sha256.get(each.path, "") != each.sha256
            if each.path in before
        ]
        reasons = in_threads(lambda each: self.images.problem(each.path, each.sha256), tried)
        damaged = {each.id: why for each, why in zip(tried, reasons, strict=True) if why}
        self.store.clear(each.id for each in tried if each.id not in damaged)
        self.store.unreadable(damaged)
        self.supervisor.files_changed()
        self.decided(trains=False)
        items = self.store.items()
        self._twice = refused_and_vanished(items, self.refused)
        return before.compared_with(Folder.of(items, self.refused))

    def close(self) -> None:
        """End the trainer and the threads, close the store."""
        self.supervisor.stop()
        self.images.close()
        self.store.close()


def open_project(
    root: Path,
    *,
    file: Path | None = None,
    seed: int = 0,
    classes: Sequence[str] = (),
    settings: Mapping[str, object] | None = None,
    host: str = "127.0.0.1",
    password: str | None = None,
    annotator: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    trainer: Sequence[str] = TRAINER,
) -> Project:
    """Open or create the project of a folder, and take up what is new in the folder.

    The trainer is not started yet: see `Supervisor.start`.

    Raises:
        RunError: another process serves the project, or its file cannot be used.
        InputError: a setting or class name that cannot be.
    """
    places = Places.of(root, file)
    try:
        places.db.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"{shown(places.db.parent)} cannot be made: {error.strerror}. Give --project FILE in a "
            "folder that you may write to."
        ) from error
    chosen = (settings or {}).get("acquisition", "bald")
    if chosen not in ACQUISITIONS:
        raise InputError(
            f"There is no acquisition function {chosen!r} to label by; there are "
            f"{', '.join(ACQUISITIONS)}."
        )
    access = Access(session_key(places.key), host, password)
    store = Store.open(places.db, name=root.resolve().name, seed=seed)
    try:
        if settings:
            store.change_settings(**settings)
        found = take_up(store, root, progress)
        there = {each.name for each in store.classes()}
        for name in classes:
            if name not in there:
                store.add_class(name)
        if annotator is not None:
            access.annotator = store.annotator(annotator).id
        supervisor = Supervisor(
            store,
            root.resolve(),
            places.work,
            places.features,
            threads=max(1, (os.cpu_count() or 2) - 1),
            command=trainer,
        )
    except BaseException:
        store.close()
        raise
    return Project(root, store, ImageReader(root), supervisor, access, found.unreadable)
