"""The label store: what is labelled, by whom, and what is to be labelled next."""

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from askwell.errors import InputError
from askwell.store import (
    backup,
    classes,
    counting,
    decisions,
    integrity,
    items,
    leases,
    offers,
    opening,
    rankings,
    settings,
    standing,
)
from askwell.store.handle import Handle
from askwell.store.locking import ProjectLock
from askwell.store.records import (
    Annotator,
    ClassName,
    Counts,
    Current,
    Decision,
    Event,
    Found,
    Integrity,
    Item,
    Offer,
    Ranking,
    Settings,
    Settlement,
    SyncReport,
)


class Store:
    """A labelling project in one SQLite file; made by `open` (to write) or `read`.

    Every method is one transaction: all of it is on disk when it returns, or nothing. It may be
    used from any number of threads. Methods raise `RunError` where the file cannot be read or
    written, and those that change something where the store was opened by `read`.
    """

    def __init__(self, file: Handle) -> None:
        self._file = file

    @classmethod
    def open(cls, db: str | Path, *, name: str = "", seed: int = 0) -> "Store":
        """Open a project for writing, for this process alone; it is made if there is none.

        Args:
            db: the file.
            name: title of a new project.
            seed: of a new project.

        Raises:
            InputError: name or seed of a wrong type.
            RunError: another process has it open, it is damaged, no project, of a newer askwell,
                or cannot be written.
        """
        path = _resolved(db)
        new = settings.checked(Settings(name, seed))
        lock = ProjectLock(path)
        lock.acquire()
        try:
            return cls(Handle(path, opening.to_write(path, new), lock))
        except BaseException:
            lock.release()
            raise

    @classmethod
    def read(cls, db: str | Path) -> "Store":
        """Open a project for reading alone, whether a process writes it or not.

        Raises:
            RunError: there is none, or it cannot be read.
        """
        path = _resolved(db)
        return cls(Handle(path, opening.to_read(path), None))

    def close(self) -> None:
        """Let another process open it; a second time does nothing."""
        self._file.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """The project file."""
        return self._file.path

    @property
    def read_only(self) -> bool:
        """Whether it was opened by `read`."""
        return self._file.read_only

    @property
    def backup_problem(self) -> str:
        """Why the last automatic backup failed; "" if it did not."""
        return self._file.backup_problem

    # Settings

    def settings(self) -> Settings:
        """How the project is run."""
        with self._file.reading() as db:
            return settings.read(db)

    def change_settings(self, **changes: Any) -> Settings:
        """Change settings by name; see `settings.change` for what is refused."""
        with self._file.writing() as db:
            return settings.change(db, changes)

    # Items

    def sync(self, files: Sequence[Found]) -> SyncReport:
        """Take over a scan of the whole folder; see `items.sync`."""
        with self._file.writing() as db:
            return items.sync(db, files, settings.read(db))

    def unreadable(self, reasons: Mapping[int, str]) -> None:
        """Mark items as unreadable: they are not offered."""
        with self._file.writing() as db:
            items.unreadable(db, reasons)

    def clear(self, chosen: Iterable[int]) -> None:
        """Mark unreadable items as readable again."""
        with self._file.writing() as db:
            items.clear(db, chosen)

    def items(self) -> list[Item]:
        """All items, in the order in which they came."""
        with self._file.reading() as db:
            return items.listing(db)

    def item(self, item: int) -> Item:
        """One item; `LabelError` if there is none of this number."""
        with self._file.reading() as db:
            return items.one(db, item)

    def some(self, chosen: Iterable[int]) -> dict[int, Item]:
        """Those of these items that there are, by number."""
        with self._file.reading() as db:
            return items.some(db, chosen)

    def showing(self, item: int) -> Item:
        """The item that stands for the content of this one; itself where none can be shown."""
        with self._file.reading() as db:
            return items.showing(db, item)

    def by_path(self) -> dict[str, int]:
        """Path → item, for the readable files."""
        with self._file.reading() as db:
            return items.by_path(db)

    def is_reserved(self, item: Item) -> bool:
        """Whether an item is set aside for measuring: never trained on, nor chosen by a model."""
        return item.key < self.settings().holdout_share

    def unrankable(self) -> set[int]:
        """Items that no model may choose: of the reserve, duplicates, bad or not to be shown."""
        with self._file.reading() as db:
            return items.unrankable(db, settings.read(db).holdout_share)

    # Classes and annotators

    def classes(self, active_only: bool = True) -> list[ClassName]:
        """The classes in their order; with those that were merged away or removed, if wanted."""
        with self._file.reading() as db:
            return classes.listing(db, active_only=active_only)

    def add_class(self, name: str, shortcut: str | None = None) -> ClassName:
        """A new class; `InputError` if the name or the shortcut is taken or cannot be kept."""
        with self._file.writing() as db:
            return classes.add(db, name, shortcut)

    def rename_class(self, number: int, name: str) -> ClassName:
        """Give a class another name; its labels follow."""
        with self._file.writing() as db:
            return classes.rename(db, number, name)

    def merge_class(self, number: int, into: int) -> ClassName:
        """Make one class part of another, which is returned."""
        with self._file.writing() as db:
            return classes.merge(db, number, into)

    def separate_class(self, number: int) -> ClassName:
        """Take a merge back; `InputError` if there is none, or the name is taken now."""
        with self._file.writing() as db:
            return classes.separate(db, number)

    def remove_class(self, number: int) -> ClassName:
        """Take away a class that no label is of; `InputError` if one is."""
        with self._file.writing() as db:
            return classes.remove(db, number)

    def used_classes(self) -> set[int]:
        """Classes that cannot be removed: see `classes.used`."""
        with self._file.reading() as db:
            return classes.used(db)

    def move_class_up(self, number: int) -> ClassName:
        """Have a class change places with the one before it."""
        with self._file.writing() as db:
            return classes.move_up(db, number)

    def set_shortcut(self, number: int, shortcut: str | None) -> ClassName:
        """Give a class a key on the keyboard, or take it away."""
        with self._file.writing() as db:
            return classes.set_shortcut(db, number, shortcut)

    def annotator(self, name: str) -> Annotator:
        """The annotator of this name, whatever its capitals; made if there is none."""
        with self._file.writing() as db:
            return classes.annotator(db, name)

    def annotators(self) -> list[Annotator]:
        """All annotators."""
        with self._file.reading() as db:
            return classes.annotators(db)

    # Decisions

    def decide(self, chosen: Sequence[Decision]) -> list[Event]:
        """Store decisions, all or none; they are on disk when this returns.

        A key that was stored before gives the event of then, and nothing is written. A later
        decision of the same annotator on the same image corrects the earlier one.

        Raises:
            LabelError: unknown image, annotator, class or ranking; a merged class; a key that was
                used for another decision; values of a wrong type or range.
        """
        with self._file.writing() as db:
            (before,) = db.execute(_LAST).fetchone()
            found = [decisions.decide(db, decision) for decision in chosen]
            (after,) = db.execute(_LAST).fetchone()
            every = settings.read(db).backup_every
        if after // every > before // every:
            self._file.start_backup()
        return found

    def undo(self, annotator: int, key: str, *, now: float | None = None) -> Event | None:
        """Undo an annotator's last decision that is not undone; None if there is none.

        The image is kept for the annotator, before those that are waiting, unless another has it.
        """
        now = time.time() if now is None else now
        with self._file.writing() as db:
            expires = now + settings.read(db).lease_seconds
            return decisions.undo(db, annotator, key, now, expires)

    def unsettle(self, annotator: int, item: int, key: str) -> Event | None:
        """Undo an annotator's answers on an image until they have not settled what it is."""
        with self._file.writing() as db:
            return decisions.unsettle(db, annotator, item, key)

    def current(self) -> list[Current]:
        """What stands of each annotator's decisions on each image."""
        with self._file.reading() as db:
            return standing.current(db)

    def events(self, after: int = 0, limit: int | None = None) -> list[Event]:
        """The events behind number `after`, oldest first."""
        with self._file.reading() as db:
            return standing.events(db, after, limit)

    def answers(self, item: int) -> list[Current]:
        """What stands of one image and its copies, last decision last; `LabelError` if unknown."""
        with self._file.reading() as db:
            return standing.answers(db, item)

    def answered(self, annotator: int, limit: int = 100) -> list[Current]:
        """An annotator's newest answers that stand, the last one last: for looking back."""
        with self._file.reading() as db:
            return standing.answered(db, annotator, limit)

    def visible_to(self, annotator: int) -> list[Current]:
        """What stands, but for what others said of images that one may still be asked about."""
        with self._file.reading() as db:
            return standing.visible_to(db, annotator)

    def is_asked(self, annotator: int, item: int) -> bool:
        """Whether an annotator may still be asked what an image is; `LabelError` if unknown."""
        with self._file.reading() as db:
            return standing.is_asked(db, annotator, item)

    def labels(self) -> dict[int, int]:
        """Item → class to train on: as settled, else by majority; none of the reserve."""
        with self._file.reading() as db:
            return standing.labels(db, settings.read(db), reserved=False)

    def holdout_labels(self) -> dict[int, int]:
        """Item → class of the reserve: to measure by, never to train on."""
        with self._file.reading() as db:
            return standing.labels(db, settings.read(db), reserved=True)

    def agreement_pairs(self) -> list[tuple[int, Mapping[int, int]]]:
        """Images that several annotators labelled on their own: item, annotator → class."""
        with self._file.reading() as db:
            return standing.agreement_pairs(db)

    def said_alone(self) -> dict[int, dict[int, int | None]]:
        """What each said on their own of images that several labelled or that were settled."""
        with self._file.reading() as db:
            return standing.said_alone(db)

    def settlements(self, *, gone: bool = False) -> dict[int, Settlement]:
        """Item → what it was settled as, and by whom; with files that are gone, if wanted."""
        with self._file.reading() as db:
            return standing.settlements(db, gone=gone)

    # Offers

    def offer(self, annotator: int, n: int, *, now: float | None = None) -> list[Offer]:
        """The next n images for an annotator, kept for them from now on; see `offers.offer`.

        Args:
            annotator: who asks.
            n: 1 to 100; fewer come if no more are left.
            now: Unix seconds, by default the clock's.
        """
        with self._file.writing() as db:
            at = time.time() if now is None else now
            return offers.offer(db, annotator, n, settings.read(db), at)

    def held_by_others(self, annotator: int, *, now: float | None = None) -> int:
        """Images that others have before them, and that this annotator could answer."""
        with self._file.reading() as db:
            return leases.of_others(db, annotator, time.time() if now is None else now)

    def release(self, annotator: int, chosen: Iterable[int]) -> None:
        """Give images back that were offered to an annotator."""
        with self._file.writing() as db:
            leases.release(db, annotator, chosen)

    def release_all(self, annotator: int) -> None:
        """Give all images back that were offered to an annotator."""
        with self._file.writing() as db:
            leases.release_all(db, annotator)

    def switch_ranking(self, ranking: Ranking) -> None:
        """Offer images by this ranking from now on; `InputError` if it is not newer."""
        with self._file.writing() as db:
            rankings.switch(db, ranking)

    def ranking(self) -> Ranking | None:
        """The ranking in use, with its items."""
        with self._file.reading() as db:
            return rankings.newest(db)

    def rankings(self) -> list[Ranking]:
        """All rankings without their items, oldest first."""
        with self._file.reading() as db:
            return rankings.history(db)

    # The whole

    def counts(self) -> Counts:
        """How far the project is."""
        with self._file.reading() as db:
            return counting.counts(db, settings.read(db))

    def backup(self, to: str | Path | None = None) -> Path:
        """Copy the project while it is in use; by default into its folder of backups.

        Raises:
            InputError: the file is there already.
            RunError: it cannot be written.
        """
        return backup.copy(self.path, None if to is None else Path(to))

    def check(self) -> Integrity:
        """What is wrong with the file or the record; empty if nothing is."""
        with self._file.reading() as db:
            return integrity.check(db)


_LAST = "SELECT coalesce(max(seq), 0) FROM event"


def _resolved(db: str | Path) -> Path:
    try:
        return Path(db).expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{db!r:.300} is no path of a file: {error}.") from error
