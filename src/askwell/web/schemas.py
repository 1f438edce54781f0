"""What requests may hold: every field typed and bounded, so that nothing odd gets further."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Id = Annotated[int, Field(ge=1, le=2**53)]
Key = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$", description="Made once by the sender.")
]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Real = Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]
Shortcut = Annotated[str, Field(min_length=1, max_length=1)]


class Body(BaseModel):
    """A request's JSON; unknown fields and numbers in quotes are mistakes."""

    model_config = ConfigDict(extra="forbid", strict=True)


class DecisionBody(Body):
    """One answer about one image; the meta-data of the offer come back as they were given."""

    key: Key
    item: Id
    kind: Literal["label", "unsure", "bad", "later", "flag", "unflag"]
    label: Id | None = None
    annotator: Id | None = None
    lead_time_ms: Annotated[int, Field(ge=0, le=86_400_000)] | None = None
    stream: Literal["active", "random", "cold", "review", "adjudication"] = "active"
    ranking: Annotated[int, Field(ge=0, le=2**53)] | None = None
    predicted: Id | None = None
    confidence: Share | None = None
    acquisition: Annotated[str, Field(max_length=100)] = ""
    score: Real | None = None


class DecisionsBody(Body):
    """Answers, in the order in which they were given."""

    decisions: Annotated[list[DecisionBody], Field(min_length=1, max_length=1000)]


class UndoBody(Body):
    """Take back the annotator's last answer."""

    key: Key
    annotator: Id | None = None


class AdjudicationBody(Body):
    """What an image is, after annotators disagreed: its class, or None for a bad image."""

    key: Key
    item: Id
    label: Id | None


class UnsettleBody(Body):
    """Take back that one settled what an image is."""

    key: Key
    item: Id


class NewClassBody(Body):
    """A class to be added."""

    name: Name
    shortcut: Shortcut | None = None


class ClassBody(Body):
    """What is to change of a class: what is left out stays."""

    name: Name | None = None
    shortcut: Shortcut | None = None


class MergeBody(Body):
    """The class that another one becomes part of."""

    into: Id


class SettingsBody(Body):
    """Settings of the project: what is left out stays."""

    acquisition: Annotated[str, Field(max_length=50)] | None = None
    overlap_share: Share | None = None
    holdout_share: Annotated[float, Field(ge=0, le=0.5, allow_inf_nan=False)] | None = None


class StartBody(Body):
    """Who labels, and the first classes."""

    name: Name
    classes: Annotated[list[Name], Field(max_length=200)] = []


class LoginBody(Body):
    """The password of a page that others can reach."""

    password: Annotated[str, Field(max_length=1000)]
