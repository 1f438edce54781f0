"""One entry of the table of data sets: what it is, where it comes from, how it is read."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import platformdirs

from askwell.datasets.fetch import SCRATCH, fetch, silent
from askwell.datasets.files import File, problem, size_problem
from askwell.datasets.sources import Progress, Source
from askwell.datasets.task import ImageTask, LabelledImages
from askwell.errors import DatasetError
from askwell.paths import expanded, is_file, is_folder

State = Literal["ready", "not fetched", "incomplete"]


def data_dir() -> Path:
    """Where data sets are kept: `$ASKWELL_DATA`, or a folder in the user's cache.

    Raises:
        DatasetError: `$ASKWELL_DATA` begins with `~` and a user that there is not.
    """
    if chosen := os.environ.get("ASKWELL_DATA"):
        return expanded(chosen, DatasetError)
    return Path(platformdirs.user_cache_dir("askwell")) / "data"


class Archive(Protocol):
    """What looks after a data set's folder where the files cannot be told by size and SHA-256."""

    def state(self, folder: Path) -> State:
        """Whether the parts are there, at a glance."""

    def fetch(self, folder: Path, *, progress: Progress) -> None:
        """Bring the parts that are not there; `DatasetError` if they are not to be had."""

    def verify(self, folder: Path) -> tuple[str, ...]:
        """Read everything: what is wrong, or nothing."""


@dataclass(frozen=True)
class Dataset:
    """A data set that askwell knows. A `directory` is the folder of all data sets.

    Attributes:
        name: as in `askwell data fetch NAME`; also its folder's name.
        summary: one line for a table.
        classes: class names, in label order; none for a regression.
        image_shape: (height, width) or (height, width, channels) of every image.
        sizes: images in the training and in the test set.
        licence: of the data.
        source: where it is from.
        citation: the paper to cite.
        read: reads both sets from the data set's folder.
        files: what the folder must hold; empty for a data set that comes with a library.
        sources: tried in this order.
        made_from: the data set whose files (and folder) these are, for one made from another.
        archive: looks after the files in place of `files` and `sources`.
    """

    name: str
    summary: str
    classes: tuple[str, ...]
    image_shape: tuple[int, ...]
    sizes: tuple[int, int]
    licence: str
    source: str
    citation: str
    read: Callable[[Path], tuple[LabelledImages, LabelledImages]]
    files: tuple[File, ...] = ()
    sources: tuple[Source, ...] = ()
    made_from: str = ""
    archive: Archive | None = None

    @property
    def kind(self) -> str:
        """`10 classes`, or `regression`."""
        return f"{len(self.classes)} classes" if self.classes else "regression"

    @property
    def bundled(self) -> bool:
        """Whether it comes with a library, so that it has no files of its own."""
        return not self.files and self.archive is None

    def folder(self, directory: Path | None = None) -> Path:
        """The folder with this data set's files."""
        return (directory or data_dir()).absolute() / (self.made_from or self.name)

    def state(self, directory: Path | None = None) -> State:
        """Whether the files are there, at a glance: their sizes are checked, not their hashes.

        Raises:
            DatasetError: the folder may not be looked into.
        """
        folder = self.folder(directory)
        if self.archive is not None:
            return self.archive.state(folder)
        if all(size_problem(folder, file) is None for file in self.files):
            return "ready"
        there = any(is_file(folder / file.name, DatasetError) for file in self.files)
        begun = there or is_folder(folder / SCRATCH, DatasetError)
        return "incomplete" if begun else "not fetched"

    def fetch(self, directory: Path | None = None, *, progress: Progress = silent) -> None:
        """Bring the files here if they are not; damaged ones are replaced.

        Raises:
            DatasetError: no source has them, or the folder cannot be written.
        """
        folder = self.folder(directory)
        if self.archive is not None:
            self.archive.fetch(folder, progress=progress)
        elif self.files:
            fetch(self.name, self.files, self.sources, folder, progress=progress)

    def verify(self, directory: Path | None = None) -> tuple[str, ...]:
        """Hash or decode every file: what is wrong, or nothing."""
        folder = self.folder(directory)
        if self.archive is not None:
            return self.archive.verify(folder)
        found = (problem(folder, file, remember=False) for file in self.files)
        return tuple(text for text in found if text is not None)

    def load(self, directory: Path | None = None) -> ImageTask:
        """The images and labels; fetched first where a file is missing.

        Sizes and headers are checked every time, hashes whenever a file has changed since it was
        last hashed.

        Raises:
            DatasetError: a file is damaged, or missing and not to be had.
        """
        folder = self.folder(directory)
        missing = any(not (folder / file.name).exists() for file in self.files)
        if missing or (self.archive is not None and self.archive.state(folder) != "ready"):
            self.fetch(directory)
        for file in self.files:
            if (text := problem(folder, file)) is not None:
                raise DatasetError(
                    f"{self.name} in {folder} is damaged: {text}. Replace it with "
                    f"`askwell data fetch {self.name}`."
                )
        train, test = self.read(folder)
        return ImageTask(self.name, self.classes, train, test)
