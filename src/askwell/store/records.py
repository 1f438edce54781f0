"""What the label store takes and gives: frozen records that need nothing but the standard library.

Times are UTC, ISO 8601 with milliseconds and "Z". An item, an annotator and a class are known by
the integer that the store gave them; it never gives it to another.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["label", "unsure", "bad", "later", "flag", "unflag", "undo"]
"""What was done: one of four answers, a flag set or taken away, or the last of these undone."""

Stream = Literal["active", "random", "cold", "review", "import", "adjudication"]
"""How the image came to be decided: chosen by the model, drawn from the reserve, chosen before
there was a model, corrected on looking back, read from a file, or to settle a disagreement."""

Status = Literal["ok", "unreadable", "vanished"]

ANSWERS: tuple[Kind, ...] = ("label", "unsure", "bad", "later")
FLAGS: tuple[Kind, ...] = ("flag", "unflag")
STREAMS: tuple[Stream, ...] = ("active", "random", "cold", "review", "import", "adjudication")

Integrity = tuple[str, ...]
"""What is wrong with a project, a sentence each; empty if nothing is."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file as a scan of the folder saw it.

    Attributes:
        path: relative to the folder, with forward slashes.
        sha256: of its content, 64 hex digits.
        size: bytes.
        mtime_ns: when it was last changed, as `os.stat` has it.
    """

    path: str
    sha256: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Item:
    """One path with one content.

    Attributes:
        id: its number.
        path: relative to the folder, with forward slashes.
        sha256: of its content, 64 hex digits.
        size: bytes.
        mtime_ns: when it was last changed.
        status: "ok", "unreadable", or "vanished": the last scan did not see it.
        reason: why it is unreadable.
        duplicate_of: the item that stands for all of this content, where this one does not.
        key: uniform in [0, 1), from the project's seed and the content: fixes the random stream.
    """

    id: int
    path: str
    sha256: str
    size: int
    mtime_ns: int
    status: Status
    reason: str
    duplicate_of: int | None
    key: float

    @property
    def showable(self) -> bool:
        """Whether it is there, readable, and the first of its content."""
        return self.status == "ok" and self.duplicate_of is None


@dataclass(frozen=True, slots=True)
class ClassName:
    """A class, and what became of it.

    Attributes:
        id: its number.
        name: which is shown.
        shortcut: its key on the keyboard, if it has one of its own.
        position: in lists.
        merged_into: the class that its labels count for, after all merges; None if it is none's.
        removed: whether it was taken away.
        part_of: the class that it was merged into itself, which may have been merged further.
    """

    id: int
    name: str
    shortcut: str | None
    position: int
    merged_into: int | None
    removed: bool = False
    part_of: int | None = None

    @property
    def active(self) -> bool:
        """Whether labels can be given of it."""
        return self.merged_into is None and not self.removed

    @property
    def counts_as(self) -> int:
        """The class that its labels count for: itself, or what it was merged into."""
        return self.id if self.merged_into is None else self.merged_into


@dataclass(frozen=True, slots=True)
class Annotator:
    """A person who labels."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person did with an image, and what the page knew then.

    Attributes:
        key: made by the client, once for each decision: sent again, it is not counted again.
        item: the image.
        annotator: who.
        kind: what.
        label: the class, for kind "label" alone.
        lead_time_ms: from showing the image to deciding.
        stream: how the image was chosen.
        ranking: version of the ranking that it came from.
        predicted: the class that the model would have given.
        confidence: the model's probability of that class.
        acquisition: name of the acquisition function that chose it.
        score: what that gave it, in its units.
    """

    key: str
    item: int
    annotator: int
    kind: Kind
    label: int | None = None
    lead_time_ms: int | None = None
    stream: Stream = "active"
    ranking: int | None = None
    predicted: int | None = None
    confidence: float | None = None
    acquisition: str = ""
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A decision as it was stored, for ever.

    Attributes:
        seq: its place in the order of all events.
        decision: what was decided.
        created_at: when it was stored.
        supersedes: the event of the same annotator and image that stood until then; of an "undo",
            the event undone.
    """

    seq: int
    decision: Decision
    created_at: str
    supersedes: int | None


@dataclass(frozen=True, slots=True)
class Current:
    """What stands of one annotator's decisions on one image.

    Attributes:
        item: the image.
        annotator: who.
        kind: the answer; "flag" where there is a flag and no answer.
        label: the class, as it is called after merges.
        flagged: whether a flag stands.
        seq: the event that the answer (or the flag) stands by.
        stream: of that event.
        created_at: of that event.
        shown: the item that stands for its content now, under which other answers on it are
            found too; the item itself where no file has that content any more.
    """

    item: int
    annotator: int
    kind: Kind
    label: int | None
    flagged: bool
    seq: int
    stream: Stream
    created_at: str
    shown: int


@dataclass(frozen=True, slots=True)
class Offer:
    """An image to be labelled next, kept for one annotator.

    Attributes:
        item: the image.
        stream: how it was chosen.
        ranking: version of the ranking that it came from.
        acquisition: name of the acquisition function that chose it.
        score: what that gave it, in its units.
        expires_at: until when it is kept, Unix seconds.
        second: whether another annotator's label stands: this one's is a second opinion.
    """

    item: int
    stream: Stream
    ranking: int | None
    acquisition: str
    score: float | None
    expires_at: float
    second: bool = False


@dataclass(frozen=True, slots=True)
class Ranking:
    """Images in the order in which a model wants them labelled.

    Attributes:
        version: grows with each ranking.
        trained_on: labels that the model was trained on.
        acquisition: name of the acquisition function.
        made_at: when.
        items: best first, at most 2 000.
        scores: of the items.
        stream: "active", or "cold" where no model could be trained yet.
        metrics: whatever is to be kept with it, as JSON takes it.
        predictions: name of the file with the predictions, or "".
    """

    version: int
    trained_on: int
    acquisition: str
    made_at: str
    items: tuple[int, ...]
    scores: tuple[float, ...]
    stream: Literal["active", "cold"] = "active"
    metrics: Mapping[str, Any] = field(default_factory=dict)
    predictions: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a project is run.

    Attributes:
        name: its title.
        seed: of all chance in it; never changes.
        holdout_share: share of the images that is set aside for measuring: drawn uniformly at
            random, labelled like the others, never trained on. Also how often one is shown.
        overlap_share: share of the images that two annotators label, to see how far they agree.
        acquisition: name of the acquisition function.
        backbone: name of the pretrained network.
        lease_seconds: how long an image is kept for the annotator to whom it was offered.
        later_after: decisions until an image that was put off comes again.
        backup_every: decisions between two automatic backups.
    """

    name: str
    seed: int
    holdout_share: float = 0.1
    overlap_share: float = 0.0
    acquisition: str = "bald"
    backbone: str = "efficientnet_lite0"
    lease_seconds: int = 300
    later_after: int = 20
    backup_every: int = 200


@dataclass(frozen=True, slots=True)
class Counts:
    """How far a project is. Images with the same content count once, but for `duplicates`.

    Attributes:
        items: images that can be labelled: there, readable, each content once.
        duplicates: further files with the content of one of these.
        unreadable: files that cannot be read.
        vanished: files that the last scan did not see, nor another content in their place.
        labelled: images with a label by anybody, but for the bad ones.
        disputed: those of them on which as many say one thing as another, and nothing was settled.
        decisions: answers ever given and not undone.
        unsure: images that somebody is unsure about and nobody has labelled.
        bad: images that somebody called bad, unless it was settled otherwise.
        later: images that somebody put off.
        flagged: images with a flag.
        per_class: images by agreed label, for each active class; the reserve included.
        holdout: images of the reserve.
        holdout_labelled: those with an agreed label.
    """

    items: int
    duplicates: int
    unreadable: int
    vanished: int
    labelled: int
    disputed: int
    decisions: int
    unsure: int
    bad: int
    later: int
    flagged: int
    per_class: Mapping[int, int]
    holdout: int
    holdout_labelled: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """What settles a disagreement about an image.

    Attributes:
        label: its class; None where it is a bad image.
        by: the annotator who had the last word.
    """

    label: int | None
    by: int


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a scan changed: paths new, back again, gone, with other content; duplicates now."""

    new: int
    returned: int
    vanished: int
    changed: int
    duplicates: int
