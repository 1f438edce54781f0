"""Which image is next: by the ranking, by the reserve, never twice at once, and never by a walk."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from askwell.errors import InputError, LabelError
from askwell.store import Decision, Ranking, Store
from askwell.store.offers import stream_at
from askwell.store.records import Settings
from tests.store.projects import label, project

RANKING = Ranking(1, 12, "bald", "2026-01-01T00:00:00Z", (), ())


def chosen(store: Store, annotator: int = 1, n: int = 100) -> list[int]:
    return [offer.item for offer in store.offer(annotator, n)]


def ranked(*items: int, version: int = 1) -> Ranking:
    scores = tuple(1 / (1 + i) for i in range(len(items)))
    return replace(RANKING, version=version, items=items, scores=scores)


def test_the_ranking_is_offered_best_first(tmp_path: Path) -> None:
    with project(tmp_path, holdout_share=0.0) as store:
        store.switch_ranking(ranked(7, 2, 9))
        offers = store.offer(1, 5)
        assert [offer.item for offer in offers[:3]] == [7, 2, 9]
        assert [offer.score for offer in offers[:3]] == [1, 1 / 2, 1 / 3]
        assert {(o.stream, o.ranking, o.acquisition) for o in offers[:3]} == {("active", 1, "bald")}
        assert {(o.stream, o.ranking, o.score) for o in offers[3:]} == {("cold", None, None)}
        store.release_all(1)
        store.switch_ranking(replace(ranked(4, 2, version=2), stream="cold"))
        first, second = store.offer(1, 2)
        assert (first.item, second.item, first.stream, first.ranking) == (4, 2, "cold", 2)


def test_nothing_of_the_reserve_is_chosen_by_the_model(tmp_path: Path) -> None:
    with project(tmp_path, 60, holdout_share=0.5) as store:
        store.switch_ranking(ranked(*range(1, 61)))
        reserved = {item.id for item in store.items() if store.is_reserved(item)}
        for offer in store.offer(1, 60):
            assert (offer.item in reserved) == (offer.stream == "random")


def test_the_reserve_comes_in_the_order_of_its_keys(tmp_path: Path) -> None:
    with project(tmp_path, 200, holdout_share=0.3) as store:
        keys = {item.id: item.key for item in store.items()}
        store.offer(1, 7)
        drawn = [offer.item for offer in store.offer(1, 60) if offer.stream == "random"]
        assert (
            drawn == sorted((i for i in keys if keys[i] < 0.3), key=keys.__getitem__)[: len(drawn)]
        )
        numbers = range(60)
        assert len(drawn) == sum(stream_at(store.settings(), i) == "random" for i in numbers) > 5


def test_the_streams_have_their_shares() -> None:
    n, settings = 20_000, Settings("", 3, holdout_share=0.2, overlap_share=0.25)
    streams = [stream_at(settings, number) for number in range(n)]
    for name, p in (("random", 0.2), ("second", 0.2), ("active", 0.6)):
        assert abs(streams.count(name) - n * p) < 5 * math.sqrt(n * p * (1 - p))
    assert stream_at(Settings("", 3, holdout_share=0.0), 0) == "active"


def test_all_images_are_offered_in_the_end_each_once(tmp_path: Path) -> None:
    with project(tmp_path, 40) as store:
        seen = []
        while offers := store.offer(1, 3):
            seen.append(offers[0].item)
            store.decide([label(f"k{len(seen)}", offers[0].item)])
        assert sorted(seen) == list(range(1, 41))


def test_what_is_held_comes_first_and_is_nobody_elses(tmp_path: Path) -> None:
    with project(tmp_path, 20, lease_seconds=100) as store:
        mine = [offer.item for offer in store.offer(1, 4, now=0.0)]
        assert [offer.item for offer in store.offer(1, 6, now=50.0)][:4] == mine
        theirs = [offer.item for offer in store.offer(2, 14, now=149.0)]
        assert len(theirs) == 14
        assert not set(theirs) & set(mine)
        again = store.offer(1, 6, now=149.0)  # all of the twenty are held
        assert [offer.expires_at for offer in again] == [249.0] * 6
        late = {offer.item for offer in store.offer(2, 20, now=250.0)}  # mine have expired
        assert late == set(range(1, 21))
        assert store.offer(1, 6, now=251.0) == []


def test_images_are_given_back(tmp_path: Path) -> None:
    with project(tmp_path, 4) as store:
        held = chosen(store)
        assert chosen(store, 2) == []
        store.release(1, held[:1])
        assert chosen(store, 2) == held[:1]
        store.release(2, held)  # those of others stay theirs
        assert chosen(store) == [*held[1:], held[0]]
        store.release_all(1)
        assert sorted(chosen(store, 2)) == sorted(held)
        with pytest.raises(LabelError, match="no image number 99"):
            store.release(2, [99])


def test_an_image_put_off_comes_again_after_so_many_others(tmp_path: Path) -> None:
    with project(tmp_path, 30, later_after=5) as store:
        put_off = chosen(store, n=1)[0]
        store.decide([Decision("later", put_off, 1, "later")])
        for i in range(5):
            (item,) = chosen(store, n=1)
            assert item != put_off
            store.decide([label(f"k{i}", item)])
        assert chosen(store, n=1) == [put_off]


def test_an_image_put_off_comes_sooner_if_nothing_else_is_left(tmp_path: Path) -> None:
    with project(tmp_path, 3, later_after=20) as store:
        order = chosen(store)
        for i, item in enumerate(order):
            store.decide([Decision(f"k{i}", item, 1, "later")])
        assert chosen(store) == order  # the one that waits longest is first


def test_unsure_is_kept_for_others_and_bad_is_out_for_all(tmp_path: Path) -> None:
    with project(tmp_path, 3) as store:
        store.decide([Decision("u", 1, 1, "unsure"), Decision("b", 2, 1, "bad")])
        assert chosen(store) == [3]
        store.release_all(1)
        assert sorted(chosen(store, 2)) == [1, 3]
        store.undo(1, "undone")
        assert chosen(store) == [2]


def test_what_is_undone_comes_back_at_once(tmp_path: Path) -> None:
    with project(tmp_path, 10) as store:
        held = store.offer(1, 4)
        store.decide([Decision("a", held[0].item, 1, "label", 1, stream=held[0].stream)])
        store.undo(1, "u")
        assert [(o.item, o.stream) for o in store.offer(1, 4)] == [(o.item, o.stream) for o in held]
        store.decide([label("b", held[0].item)])
        store.decide([label("c", held[0].item, 2)])
        store.undo(1, "v")  # the correction: the label stands
        assert chosen(store, n=3) == [offer.item for offer in held[1:]]


def test_what_is_undone_stays_with_another_who_has_it_by_now(tmp_path: Path) -> None:
    with project(tmp_path, 1) as store:
        store.decide([Decision("a", 1, 1, "unsure")])
        assert chosen(store, 2) == [1]
        store.undo(1, "u")
        assert chosen(store) == []
        assert chosen(store, 2) == [1]


def test_an_undo_that_brings_an_answer_back_ends_the_lease(tmp_path: Path) -> None:
    with project(tmp_path, 1, holdout_share=0.0) as store:
        store.decide([Decision("a", 1, 1, "unsure"), Decision("b", 1, 1, "later")])
        assert chosen(store) == [1]
        store.undo(1, "u")
        assert store.current()[0].kind == "unsure"
        assert chosen(store) == []
        assert chosen(store, 2) == [1]


def test_overlapping_images_get_two_annotators_one_after_the_other(tmp_path: Path) -> None:
    with project(tmp_path, 12, overlap_share=1.0) as store:
        eve = store.annotator("Eve").id
        mine = chosen(store)
        assert len(mine) == 12
        assert chosen(store, 2) == []  # never at once
        store.decide([label(f"a{i}", i) for i in mine])
        assert chosen(store) == []
        assert sorted(chosen(store, 2)) == sorted(mine)
        store.decide([label(f"b{i}", i, 2, 2) for i in mine])
        assert chosen(store, eve) == []
        assert len(store.agreement_pairs()) == 12


def test_the_overlap_share_is_one_of_the_images(tmp_path: Path) -> None:
    n, p = 400, 0.25
    with project(tmp_path, n, overlap_share=p) as store:
        store.decide([label(f"a{i}", i) for i in range(1, n + 1)])
        while new := set(chosen(store, 2)):
            store.decide([label(f"b{i}", i, 1, 2) for i in new])
        count = len(store.agreement_pairs())
        assert abs(count - n * p) < 4 * math.sqrt(n * p * (1 - p))
        store.change_settings(overlap_share=0.0)
        assert chosen(store, store.annotator("Eve").id) == []


def instructions(store: Store, run: Callable[[], object]) -> int:
    """Hundreds of steps of SQLite's virtual machine."""
    steps = [0]

    def step() -> int:
        steps[0] += 1
        return 0

    store._file._db.set_progress_handler(step, 100)
    run()
    store._file._db.set_progress_handler(None, 0)
    return steps[0]


def test_the_next_image_takes_no_longer_in_a_large_project(tmp_path: Path) -> None:
    steps = {}
    for n in (250, 5000):
        with project(tmp_path / str(n), n) as store:
            store.switch_ranking(ranked(*range(1, 201)))
            store.decide([label(f"a{i}", i) for i in range(1, n // 2)])

            def work(store: Store = store) -> None:
                for annotator in (1, 2):
                    for i in range(4):
                        item = store.offer(annotator, 5)[0].item
                        store.decide([label(f"w{annotator}-{i}", item, 1, annotator)])
                    store.undo(annotator, f"u{annotator}")

            steps[n] = instructions(store, work)
    assert 0 < steps[5000] < 1.5 * steps[250]


def test_requests_that_are_refused(tmp_path: Path) -> None:
    with project(tmp_path) as store:
        wrong: tuple[Any, ...] = (0, 101, -1, 1.5, True, "2", None)
        for n in wrong:
            with pytest.raises(InputError, match="The number of images is an integer"):
                store.offer(1, n)
        nobody: tuple[Any, ...] = (0, 99, "1", None, 2**80)
        for annotator in nobody:
            with pytest.raises(LabelError, match="annotator"):
                store.offer(annotator, 1)
        assert len(chosen(store)) == 10


def test_rankings_replace_each_other_whole(tmp_path: Path) -> None:
    with project(tmp_path, 10) as store:
        assert (store.ranking(), store.rankings()) == (None, [])
        first = replace(
            ranked(3, 1), metrics={"accuracy": 0.5, "of": [1, None]}, predictions="a.npz"
        )
        store.switch_ranking(first)
        assert store.ranking() == first
        second = ranked(2, version=5)
        store.switch_ranking(second)
        assert store.ranking() == second
        assert store.rankings() == [replace(old, items=(), scores=()) for old in (first, second)]
        faults = {
            "version": ranked(1, version=5),
            "each item once": ranked(1, 2, 1, version=6),
            "one score": replace(ranked(1, 2, version=6), scores=(1.0,)),
            "does not have, for instance 11": ranked(1, 11, version=6),
            "An item's number": replace(ranked(1, version=6), items=cast(Any, ("1",))),
            "A score is a finite": replace(ranked(1, version=6), scores=(math.nan,)),
            "active or cold": replace(ranked(1, version=6), stream=cast(Any, "random")),
            "plain JSON": replace(ranked(1, version=6), metrics={"x": math.inf}),
            "trained_on": replace(ranked(1, version=6), trained_on=-1),
        }
        for sentence, ranking in faults.items():
            with pytest.raises(InputError, match=sentence):
                store.switch_ranking(ranking)
        assert store.ranking() == second
        assert store.check() == ()


def test_of_a_long_ranking_the_best_are_kept(tmp_path: Path) -> None:
    with project(tmp_path, 2100, holdout_share=0.0) as store:
        store.switch_ranking(ranked(*range(2100, 0, -1)))
        kept = store.ranking()
        assert kept is not None
        assert kept.items == tuple(range(2100, 100, -1))
