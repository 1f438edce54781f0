"""Where a project and what belongs to it lie: by default in `.askwell` of the folder of images."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Places:
    """The places of a project.

    Attributes:
        db: the project file. All else lies beside it.
    """

    db: Path

    @classmethod
    def of(cls, root: Path, project: Path | None = None) -> "Places":
        """Of a folder's project, or of the project file that was given."""
        return cls(root / ".askwell" / "project.db" if project is None else project)

    @property
    def features(self) -> Path:
        """The folder of the images' features."""
        return self.db.parent / "features"

    @property
    def work(self) -> Path:
        """The folder in which server and trainer hand files to each other."""
        return self.db.parent / "work"

    @property
    def key(self) -> Path:
        """The file with the key of the page's cookies."""
        return self.db.parent / f"{self.db.stem}.key"
