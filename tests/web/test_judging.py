"""What is said of answered images: never by a model that was taught the answer."""

import numpy as np

from askwell.labelling.archives import CheckFile, RankingFile
from askwell.store import Decision
from askwell.web.judging import judge, shares


def ranking(items: list[int], probs: np.ndarray, classes: list[int]) -> RankingFile:
    nothing = np.zeros(len(items), dtype=np.float32)
    return RankingFile(
        1, 5, "bald", "active", np.array(items), nothing, np.array(classes), np.array(items),
        probs.astype(np.float16), nothing, nothing,
    )  # fmt: skip


def label(project, item: int, number: int = 1) -> None:
    ada = project.access.annotator
    project.store.decide([Decision(f"key-{item:05}", item, ada, "label", number)])


def test_a_labelled_image_is_judged_by_those_that_were_not_taught_it(project):
    store = project.store
    reserved = {each.id for each in store.items() if store.is_reserved(each)}
    measured = min(reserved)
    taught, unchecked, unlabelled = sorted({each.id for each in store.items()} - reserved)[:3]
    for item in (measured, taught, unchecked):
        label(project, item)
    every = sorted([measured, taught, unchecked, unlabelled])
    probs = np.tile(np.eye(10)[4], (4, 1))
    project.supervisor.predictions = ranking(every, probs, list(range(1, 11)))
    project.supervisor.checked = CheckFile(
        2, np.array([taught]), np.arange(1, 11), np.eye(10)[[6]].astype(np.float16)
    )
    said = judge(project, [unlabelled, taught, measured, unchecked, 10**6, taught])
    assert said.classes.tolist() == list(range(1, 11))
    best = [None if np.isnan(row[0]) else int(row.argmax()) for row in said.probs]
    assert best == [4, 6, 4, None, None, 6]


def test_what_was_merged_counts_together_and_what_is_new_has_no_share(project):
    store = project.store
    item = store.items()[0].id
    source = ranking([item], np.array([[0.5, 0.25, 0.125, 0.125]]), [1, 2, 3, 99])
    project.supervisor.predictions = source
    store.merge_class(2, 3)
    store.merge_class(4, 3)
    said = judge(project, [item])
    place = {number: column for column, number in enumerate(said.classes.tolist())}
    assert said.probs[0, [place[1], place[3], place[5]]].tolist() == [0.5, 0.375, 0]
    assert shares(store.classes(active_only=False), source, 0) == {1: 0.5, 3: 0.375}


def test_the_opinion_on_a_labelled_image_is_of_a_model_that_was_not_taught_it(project, client):
    store = project.store
    item = next(each.id for each in store.items() if not store.is_reserved(each))
    project.supervisor.predictions = ranking([item], np.eye(10)[[0]], list(range(1, 11)))
    assert client.get(f"/api/opinion/{item}").json()["probabilities"][0]["id"] == 1
    label(project, item)
    opinion = client.get(f"/api/opinion/{item}").json()
    assert opinion["probabilities"] == []
    assert "it would only repeat it" in opinion["model"]
    project.supervisor.checked = CheckFile(
        1, np.array([item]), np.arange(1, 11), np.eye(10)[[6]].astype(np.float16)
    )
    opinion = client.get(f"/api/opinion/{item}").json()
    best = {"id": 7, "name": store.classes()[6].name, "probability": 1.0}
    assert opinion["probabilities"][0] == best
    assert opinion["model"] == "a model that was trained on the other labels"


def test_without_a_model_nothing_is_said(project):
    assert np.isnan(judge(project, [1, 2]).probs).all()
    assert judge(project, []).probs.shape == (0, 10)


def test_a_second_look_takes_an_answer_off_the_likely_mistakes(project, client):
    store = project.store
    item = next(each.id for each in store.items() if store.is_reserved(each))
    label(project, item)
    project.supervisor.predictions = ranking([item], np.eye(10)[[4]], list(range(1, 11)))
    listed = "/api/gallery?show=disagrees"
    assert client.get(listed).json()["found"] == 1
    review = client.get("/review?show=disagrees").text.replace("&#34;", '"')
    name = store.classes()[4].name
    assert f'"doubt": {{"name": "{name}", "probability": 1.0}}' in review
    assert f'"path": "{store.item(item).path}"' in review
    assert '"doubt": null' in client.get("/review").text.replace("&#34;", '"')
    ada = project.access.annotator
    store.decide([Decision("confirmed", item, ada, "label", 1, stream="review")])
    assert client.get(listed).json()["found"] == 0
    assert client.get("/api/gallery").json()["found"] == 1
