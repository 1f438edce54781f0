"""What no model may choose, by indices and by brute force."""

import hashlib
from pathlib import Path

from askwell.store import Decision, Found, Store


def test_unrankable_is_what_a_walk_over_all_items_finds(tmp_path: Path) -> None:
    names = [str(i // 2 if i < 40 else i) for i in range(400)]
    digests = [hashlib.sha256(name.encode()).hexdigest() for name in names]
    files = [Found(f"{i}.png", digest, 1, 1) for i, digest in enumerate(digests)]
    with Store.open(tmp_path / "project.db") as store:
        store.sync(files)
        store.sync(files[:380])
        numbers = store.by_path()
        store.unreadable({numbers["100.png"]: "damaged"})
        annotator = store.annotator("ada").id
        bad = {numbers["200.png"], numbers["201.png"]}
        store.decide([Decision(f"key {item}", item, annotator, "bad") for item in bad])
        aside = {
            item.id
            for item in store.items()
            if item.status != "ok" or item.duplicate_of is not None or store.is_reserved(item)
        }
        assert store.unrankable() == aside | bad
        assert 20 + 20 + 1 + 2 < len(aside | bad) < 150
