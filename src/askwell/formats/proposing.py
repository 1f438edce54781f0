"""Which images to label next, for people who label elsewhere."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from askwell.checks import whole_number
from askwell.store import Item, Store, Stream


@dataclass(frozen=True, slots=True)
class Proposal:
    """An image to label.

    Attributes:
        id: the project's number for it.
        path: relative to the folder.
        stream: "active" or "cold" as chosen by a model, "random" for measuring.
        acquisition: name of the acquisition function, "" if none.
        score: what that gave it, None if nothing.
    """

    id: int
    path: str
    stream: Stream
    acquisition: str
    score: float | None


@dataclass(frozen=True, slots=True)
class Order:
    """Images in the order in which they are wanted, with scores (None where there are none)."""

    items: tuple[int, ...] = ()
    scores: tuple[float | None, ...] = ()
    stream: Stream = "cold"
    acquisition: str = ""


@dataclass(frozen=True, slots=True)
class Open:
    """The images that nobody labelled yet, unsure and bad ones left out.

    Attributes:
        chosen: those that a model may choose from, in a random order that is the project's own.
        reserve: those that are set aside for measuring, in the order in which they are drawn.
    """

    chosen: tuple[Item, ...]
    reserve: tuple[Item, ...]


def open_images(store: Store, unreadable: Collection[int] = ()) -> Open:
    """What can be proposed: of several files of the same content, one; no `unreadable` ones."""
    items = {item.id: item for item in store.items()}
    done = {items[each.item].sha256 for each in store.current() if each.kind in _DONE}
    share = store.settings().holdout_share
    free = sorted(
        (
            item
            for item in items.values()
            if item.showable
            if item.sha256 not in done and item.id not in unreadable
        ),
        key=lambda item: (item.key, item.id),
    )
    return Open(
        tuple(item for item in free if item.key >= share),
        tuple(item for item in free if item.key < share),
    )


def stored_order(store: Store) -> Order:
    """The ranking that the labelling page made last; none if it made none."""
    ranking = store.ranking()
    if ranking is None:
        return Order()
    scores = tuple(score if ranking.acquisition else None for score in ranking.scores)
    return Order(ranking.items, scores, ranking.stream, ranking.acquisition)


def propose(store: Store, order: Order, k: int, unreadable: Collection[int] = ()) -> list[Proposal]:
    """The k images to label next; fewer where there are fewer.

    As on the page, a share of them is drawn uniformly at random from the reserve, so that accuracy
    can be measured: as many as bring the reserve up to its share of all labels. The others come in
    the order given, then at random; they are first.

    Raises:
        InputError: k is no whole number of at least 1.
    """
    k = whole_number("k", k)
    free = open_images(store, unreadable)
    counts, share = store.counts(), store.settings().holdout_share
    wanted = round(share * (counts.labelled + k)) - counts.holdout_labelled
    drawn = min(max(wanted, k - len(free.chosen), 0), len(free.reserve), k)
    by_id = {item.id: item for item in free.chosen}
    scored = dict(zip(order.items, order.scores, strict=True))
    ranked = [by_id[item] for item in scored if item in by_id]
    rest = [item for item in free.chosen if item.id not in scored]
    first = [
        _proposal(item, order if item.id in scored else Order(), scored.get(item.id))
        for item in [*ranked, *rest][: k - drawn]
    ]
    return first + _drawn(free.reserve[:drawn])


_DONE = ("label", "bad", "unsure")


def _proposal(item: Item, order: Order, score: float | None) -> Proposal:
    return Proposal(item.id, item.path, order.stream, order.acquisition, score)


def _drawn(items: Iterable[Item]) -> list[Proposal]:
    return [Proposal(item.id, item.path, "random", "", None) for item in items]
