"""A folder of images with its project file: what all pages work on."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from askwell.errors import InputError, RunError
from askwell.paths import shown
from askwell.scan import scan
from askwell.store import Store
from askwell.web.acquisitions import ACQUISITIONS
from askwell.web.images import ImageReader
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
    """

    root: Path
    store: Store
    images: ImageReader
    supervisor: Supervisor
    access: Access
    refused: Mapping[str, str] = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)
    tally: Tally = field(init=False)

    def __post_init__(self) -> None:
        """Count what is there, and again after whatever the trainer finds out."""
        self.tally = Tally(self.store.counts)
        self.supervisor.changed = self.tally.touch

    def decided(self, *, trains: bool) -> None:
        """Something was decided: count again, and train if labels changed."""
        self.tally.touch()
        if trains:
            self.supervisor.labels_changed()

    @property
    def name(self) -> str:
        """What the page calls it."""
        return self.store.settings().name or self.root.name

    def close(self) -> None:
        """End the trainer and the threads, close the store."""
        self.supervisor.stop()
        self.images.close()
        self.store.close()


def project_file(root: Path, file: Path | None) -> Path:
    """Where a folder's project lies: `FOLDER/.askwell/project.db`, or where it was told."""
    return root / ".askwell" / "project.db" if file is None else file


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
    db = project_file(root, file)
    try:
        db.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"{shown(db.parent)} cannot be made: {error.strerror}. Give --project FILE in a "
            "folder that you may write to."
        ) from error
    chosen = (settings or {}).get("acquisition", "bald")
    if chosen not in ACQUISITIONS:
        raise InputError(
            f"There is no acquisition function {chosen!r} to label by; there are "
            f"{', '.join(ACQUISITIONS)}."
        )
    key = session_key(db.parent / f"{db.stem}.key")
    access = Access(key, host, password)
    store = Store.open(db, name=root.resolve().name, seed=seed)
    try:
        if settings:
            store.change_settings(**settings)
        known = {item.path: (item.size, item.mtime_ns, item.sha256) for item in store.items()}
        found = scan(root, known, progress)
        store.sync(found.files)
        there = {each.name for each in store.classes()}
        for name in classes:
            if name not in there:
                store.add_class(name)
        if annotator is not None:
            access.annotator = store.annotator(annotator).id
        supervisor = Supervisor(
            store,
            root.resolve(),
            db.parent / "work",
            db.parent / "features",
            threads=max(1, (os.cpu_count() or 2) - 1),
            command=trainer,
        )
    except BaseException:
        store.close()
        raise
    return Project(root, store, ImageReader(root), supervisor, access, found.unreadable)
