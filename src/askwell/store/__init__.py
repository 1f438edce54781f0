"""The label store: one SQLite file holds a project's images, classes, decisions and rankings.

    with Store.open("photos/.askwell/project.db") as store:
        store.sync(files)
        me = store.annotator("Ada")
        cat = store.add_class("cat")
        (next_one,) = store.offer(me.id, 1)
        store.decide([Decision("a-key", next_one.item, me.id, "label", cat.id)])

Decisions are only ever appended. Nothing here needs more than the standard library and filelock.
"""

from askwell.store.agreement import cohen_kappa, fleiss_kappa, percent
from askwell.store.places import Places
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
    Kind,
    Offer,
    Ranking,
    Settings,
    Settlement,
    Status,
    Stream,
    SyncReport,
)
from askwell.store.store import Store

__all__ = [
    "Annotator",
    "ClassName",
    "Counts",
    "Current",
    "Decision",
    "Event",
    "Found",
    "Integrity",
    "Item",
    "Kind",
    "Offer",
    "Places",
    "Ranking",
    "Settings",
    "Settlement",
    "Status",
    "Store",
    "Stream",
    "SyncReport",
    "cohen_kappa",
    "fleiss_kappa",
    "percent",
]
