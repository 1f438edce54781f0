"""The trainer's keeper: rankings are put to use, deaths are survived and said."""

import os
import signal
import sys
import time
from dataclasses import replace

import pytest

from askwell.store import Decision
from askwell.web.status import status, trainer_sentence
from tests.web.serving import opened
from tests.web.test_api import decision, offers, post

PATIENCE = 120


def wait(project, condition):
    """Until the condition holds; the state of things if it never does."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"{project.supervisor.state} {project.supervisor.history}")


@pytest.fixture
def training(project):
    project.supervisor.start()
    wait(project, lambda: project.supervisor.history)
    return project


def label_each_class(project, n=30):
    """n labels by ada, with the classes in turn."""
    ada = project.access.annotator
    for i in range(n):
        (offer,) = project.store.offer(ada, 1)
        project.store.decide([Decision(f"key-{i}", offer.item, ada, "label", 1 + i % 10)])
        project.decided(trains=True)


def test_a_ranking_is_made_at_once_and_again_after_labels(training, client):
    first = training.supervisor.history[-1]
    assert first.stream == "cold"
    assert offers(client)[0]["why"].startswith(("Chosen for variety", "Drawn at random, to"))
    label_each_class(training)
    known = len(training.store.labels())
    wait(training, lambda: training.supervisor.history[-1].trained_on == known)
    last = training.supervisor.history[-1]
    assert last.stream == "active"
    # One more may follow: for the word of a label that was in the snapshot already.
    assert last in training.store.rankings()
    offered = {each["stream"]: each for each in offers(client, 20)}["active"]
    assert offered["why"].startswith(f"Chosen by model {offered['ranking']}, trained on ")
    assert offered["predicted"] in range(1, 11)
    assert 0 < offered["confidence"] <= 1
    post(client, decision(offered))  # what was offered goes back as it came
    assert training.store.events()[-1].decision.ranking == offered["ranking"]


def test_trainings_never_queue_up(training):
    before = training.supervisor.history[-1].version
    label_each_class(training)
    wait(training, lambda: training.supervisor.state.phase == "idle")
    wait(
        training, lambda: training.supervisor.history[-1].trained_on == len(training.store.labels())
    )
    made = training.supervisor.history[-1].version - before
    assert 1 <= made <= 31


def test_the_opinion_splits_uncertainty(training, client):
    item = offers(client)[0]["item"]
    none = client.get(f"/api/opinion/{item}").json()
    assert none["probabilities"] == []
    assert "needs labels of two classes" in none["model"]
    label_each_class(training)
    wait(training, lambda: training.supervisor.history[-1].stream == "active")
    labelled = training.store.labels()
    item = next(each.id for each in training.store.items() if each.id not in labelled)
    opinion = client.get(f"/api/opinion/{item}").json()
    shares = [each["probability"] for each in opinion["probabilities"]]
    assert sum(shares) == pytest.approx(1, abs=0.01)  # float16
    assert shares == sorted(shares, reverse=True)
    assert opinion["epistemic"] == pytest.approx(opinion["aleatoric"], rel=1e-3)  # half, see there
    assert opinion["path"].startswith("scan")
    into = client.post("/api/classes/1/merge", json={"into": 2})
    assert into.status_code == 200
    merged = client.get(f"/api/opinion/{item}").json()["probabilities"]
    assert len(merged) == 9


def test_the_gallery_finds_what_the_model_disagrees_with(training, client):
    truth = {item.id: i for i, item in enumerate(training.store.items())}
    ada = training.access.annotator
    from sklearn.datasets import load_digits

    target = load_digits().target
    for item, place in list(truth.items())[:50]:
        label = 1 + int(target[place])
        label = 1 + label % 10 if place == 7 else label
        training.store.decide([Decision(f"key-{item}", item, ada, "label", label)])
    training.decided(trains=True)
    known = len(training.store.labels())
    wait(training, lambda: getattr(training.supervisor.checked, "trained_on", 0) == known)
    tiles = client.get("/api/gallery", params={"show": "disagrees"}).json()["tiles"]
    wrong = next(item for item, place in truth.items() if place == 7)
    assert wrong in [each["item"] for each in tiles[:3]]
    page = client.get("/gallery", params={"show": "disagrees"}).text
    assert "model: " in page
    assert f"of {known + len(training.store.holdout_labels())} labels." in page  # all were judged
    page = client.get("/progress").text
    assert "random images that it never learns from" in page
    assert training.known.of(training.supervisor.history).images == len(
        training.store.holdout_labels()
    )


def test_a_merge_that_was_taken_back_leaves_no_point_in_the_curve(training, client):
    label_each_class(training)
    supervisor, known = training.supervisor, training.known
    wait(training, lambda: supervisor.history[-1].stream == "active")
    assert client.post("/api/classes/1/merge", json={"into": 2}).status_code == 200
    wait(training, lambda: supervisor.history[-1].metrics["merged"] == [(1, 2)])
    history = supervisor.history  # once: the next model may come at any moment
    while_one = known.points(history)
    assert len(while_one) == sum("holdout_items" in e.metrics for e in history)
    assert client.post("/api/classes/1/separate").status_code == 200
    wait(training, lambda: not supervisor.history[-1].metrics["merged"])
    history = supervisor.history
    measured = [e for e in history if "holdout_items" in e.metrics]
    after = known.points(history)
    assert len(after) == sum(not e.metrics["merged"] for e in measured) < len(measured)
    stored = [e for e in training.store.rankings() if e.version <= history[-1].version]
    assert known.points(stored) == after  # as the file has it, too


def test_models_of_labels_that_were_taken_back_and_of_one_class_are_left_out(training, client):
    label_each_class(training)
    store, known = training.store, training.known
    wait(training, lambda: training.supervisor.history[-1].trained_on == len(store.labels()))
    history = training.supervisor.history
    assert known.points(history)[-1].labels == len(store.labels())
    fewer = replace(history[-1], version=history[-1].version + 1, trained_on=20)
    points = known.points([*history, fewer])
    assert points[-1].labels == max(point.labels for point in points) == 20
    for number in range(2, 11):
        store.merge_class(number, 1)
    assert known.points(history) == []  # there is nothing to be right or wrong about


def test_a_killed_trainer_comes_back(training):
    first = training.supervisor.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait(training, lambda: training.supervisor.pid not in (None, first))
    label_each_class(training)
    wait(
        training, lambda: training.supervisor.history[-1].trained_on == len(training.store.labels())
    )
    wait(training, lambda: training.supervisor.state.deaths == 0)  # it answered again


def test_a_trainer_that_keeps_dying_is_named_on_the_page_and_labelling_goes_on(training, client):
    work = training.store.path.parent / "work"
    (work / "die").touch()
    label_each_class(training, 3)
    wait(training, lambda: training.supervisor.state.deaths >= 1)
    said = trainer_sentence(training.supervisor.state)
    assert "told to die" in training.supervisor.state.message
    page = client.get("/problems").text
    assert "told to die" in page, said
    assert post(client, decision(offers(client)[0]))["offers"]
    (work / "die").unlink()
    wait(training, lambda: training.supervisor.state.deaths == 0)


def test_a_trainer_that_cannot_be_started_stops_nobody(folder):
    project = opened(
        folder, trainer=(sys.executable, "-c", "import sys; sys.exit('no such model')")
    )
    try:
        project.supervisor.start()
        wait(project, lambda: "no such model" in project.supervisor.state.message)

        def notes():
            return [note for _, _, note in status(project, project.access.annotator)["facts"]]

        wait(project, lambda: any("It is started again" in note for note in notes()))
        assert project.store.offer(project.access.annotator, 3)
    finally:
        project.close()


def test_the_opinion_is_there_again_after_a_restart(folder):
    project = opened(folder)
    project.supervisor.start()
    label_each_class(project)
    wait(project, lambda: project.supervisor.history and project.supervisor.predictions)
    wait(project, lambda: project.supervisor.history[-1].stream == "active")
    version = project.supervisor.history[-1].version
    project.close()
    again = opened(folder)
    try:
        assert again.supervisor.predictions is not None
        assert again.supervisor.predictions.version >= version
    finally:
        again.close()
