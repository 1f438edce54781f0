"""The interface behind the page, against a real store: what is acknowledged is stored, once."""

import numpy as np
import pytest
from starlette.testclient import TestClient

from askwell.labelling.archives import CheckFile
from askwell.store import Decision, Settlement, Store
from askwell.web.acquisitions import ACQUISITIONS
from askwell.web.status import advise
from tests.web.calls import decision, key, offers, post


def test_a_decision_is_on_disk_when_it_is_acknowledged(project, client):
    first = offers(client)[0]
    sent = decision(first, lead_time_ms=812)
    answer = post(client, sent)
    assert [each["key"] for each in answer["events"]] == [sent["key"]]
    assert first["item"] not in [each["item"] for each in answer["offers"]]
    assert answer["status"]["labelled"] == 1
    with Store.read(project.store.path) as store:
        (event,) = store.events()
    assert event.decision.key == sent["key"]
    assert event.decision.lead_time_ms == 812
    assert event.decision.annotator == project.access.annotator


def test_what_is_sent_twice_counts_once(project, client):
    sent = decision(offers(client)[0])
    assert post(client, sent)["events"] == post(client, sent)["events"]
    assert len(project.store.events()) == 1
    assert "another decision" in post(client, sent | {"label": 2}, status=422)["error"]


def test_a_batch_is_stored_whole_or_not_at_all(project, client):
    one, two = offers(client, 2)
    post(client, decision(one), decision(two, label=4711), status=422)
    assert project.store.events() == []


def test_undo_gives_the_image_back_first(project, client):
    first, second = offers(client, 2)
    post(client, decision(first))
    body = {"key": key()}
    answer = client.post("/api/undo", json=body).json()
    assert answer["item"]["item"] == first["item"]
    assert answer["item"]["kind"] is None
    assert [each["item"] for each in answer["offers"][:2]] == [first["item"], second["item"]]
    path = project.store.item(first["item"]).path
    assert answer["undone"] == {"kind": "label", "label": 1, "path": path}
    again = client.post("/api/undo", json=body).json()  # the acknowledgement was lost
    assert again["item"]["item"] == first["item"]
    assert len(project.store.events()) == 2
    assert client.post("/api/undo", json={"key": key()}).json()["item"] is None


def test_three_skips_and_the_flag(project, client):
    a, b, c, d = offers(client)
    post(client, decision(a, "unsure"), decision(b, "bad"), decision(c, "later"))
    post(client, decision(d, "flag"))
    counts = project.store.counts()
    assert (counts.unsure, counts.bad, counts.later, counts.flagged) == (1, 1, 1, 1)
    entries = client.get("/api/history").json()["entries"]
    assert [each["kind"] for each in entries] == ["unsure", "bad", "later"]
    bob = project.store.annotator("bob").id
    left = {each["item"] for each in offers(client, 20, annotator=bob)}
    assert b["item"] not in left


def test_two_annotators_are_never_given_the_same_image(project, client):
    bob = project.store.annotator("bob").id
    given = {"ada": set(), "bob": set()}
    for _ in range(12):
        for name, who in (("ada", {}), ("bob", {"annotator": bob})):
            now = offers(client, 5, **who)
            given[name].update(each["item"] for each in now)
            post(client, decision(now[0]) | who)
    assert not given["ada"] & given["bob"]
    assert len(given["ada"] | given["bob"]) >= 24


def test_a_correction_supersedes(project, client):
    first = offers(client)[0]
    post(client, decision(first, label=1))
    post(client, decision(first, label=2, stream="review"))
    (current,) = project.store.current()
    assert current.label == 2
    assert client.get("/api/history").json()["entries"][0]["label"] == 2


@pytest.mark.parametrize(
    "change",
    [
        {"key": "short"},
        {"key": "x" * 65},
        {"item": 0},
        {"item": 2**63},
        {"item": "1"},
        {"kind": "undo"},
        {"kind": "label", "label": None},
        {"kind": "bad", "label": 1},
        {"label": 4711},
        {"annotator": 99},
        {"ranking": 77},
        {"predicted": 4711},
        {"confidence": 1.5},
        {"confidence": "NaN"},
        {"score": 1e300},
        {"lead_time_ms": -1},
        {"stream": "import"},
        {"surprise": 1},
        {"acquisition": "\ud800"},
        {"acquisition": "a\x00b"},
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_in_a_sentence(project, client, change):
    error = post(client, decision(offers(client)[0]) | change, status=422)["error"]
    assert len(error) > 20
    assert project.store.events() == []


def test_nothing_but_json_objects_are_taken(client):
    for body in (b"", b"[]", b"{", b"\xff\xfe", b'{"decisions": []}', b"[" * 9000):
        response = client.post(
            "/api/decisions", content=body, headers={"content-type": "application/json"}
        )
        assert response.status_code in (400, 422), body
        assert response.json()["error"]
    assert client.get("/api/next", params={"n": 10**9}).status_code == 422
    assert client.get("/api/next", params={"annotator": 42}).status_code == 404
    assert client.delete("/api/next").status_code in (405, 411)


def test_classes_change_in_the_middle(project, client):
    first = offers(client)[0]
    post(client, decision(first, label=1))
    made = client.post("/api/classes", json={"name": "ten", "shortcut": "X"}).json()
    assert made["shortcut"] == "x"
    assert client.post("/api/classes", json={"name": "ten"}).status_code == 422
    for taken in ("u", "3", "x"):
        refused = client.post("/api/classes", json={"name": "eleven", "shortcut": taken})
        assert refused.status_code == 422
    renamed = client.patch(f"/api/classes/{made['id']}", json={"name": "dix", "shortcut": None})
    assert renamed.json()["name"] == "dix"
    assert renamed.json()["shortcut"] is None
    merged = client.post("/api/classes/1/merge", json={"into": made["id"]})
    assert merged.json()["said"] == "0 is now part of dix."
    assert project.store.labels() | project.store.holdout_labels() == {first["item"]: made["id"]}
    assert client.post("/api/classes/1/merge", json={"into": 1}).status_code == 422
    assert client.patch("/api/classes/1", json={"name": "gone"}).status_code == 422
    post(client, decision(offers(client)[0], label=1), status=422)
    page = client.get("/classes").text
    assert "0 → dix" in page


def test_changes_of_classes_can_be_taken_back(project, client):
    first = offers(client)[0]
    post(client, decision(first, label=1))

    def names():
        return [each.name for each in project.store.classes()]

    client.post("/api/classes/1/merge", json={"into": 2})
    said = client.post("/api/classes/1/separate", json={}).json()["said"]
    assert said == "0 is a class of its own again."
    assert project.store.labels() | project.store.holdout_labels() == {first["item"]: 1}
    refused = client.post("/api/classes/1/separate", json={})
    assert (refused.status_code, "not part of another" in refused.json()["error"]) == (422, True)
    made = client.post("/api/classes", json={"name": "Ten"}).json()
    for method, url in ((client.post, "/api/classes"), (client.patch, "/api/classes/2")):
        refused = method(url, json={"name": " ten "})
        assert "a class 'Ten', which differs in capitals alone" in refused.json()["error"]
    assert client.patch(f"/api/classes/{made['id']}", json={"name": "TEN"}).status_code == 200
    assert client.patch(f"/api/classes/{made['id']}", json={"name": "Ten"}).status_code == 200
    also = client.post("/api/classes", json={"name": "eleven"}).json()
    removed = client.post(f"/api/classes/{also['id']}/remove", json={})
    assert removed.json()["said"] == "Removed eleven."
    assert client.post(f"/api/classes/{also['id']}/remove", json={}).status_code == 422
    used = client.post("/api/classes/1/remove", json={})
    assert "has been used. Make it part of another" in used.json()["error"]
    assert names()[-2:] == ["9", "Ten"]
    assert client.post(f"/api/classes/{made['id']}/up", json={}).status_code == 200
    assert names()[-2:] == ["Ten", "9"]
    for action in ("separate", "remove", "up"):
        assert client.post(f"/api/classes/99/{action}", json={}).status_code == 422


def test_the_panel_says_what_it_must(client):
    status = client.get("/api/status").json()
    assert [each["key"] for each in status["classes"]] == [*"1234567890"]
    assert status["done"] == "0 of 60 images labelled"
    for _ in range(4):
        status = post(client, decision(offers(client)[0], label=3))["status"]
    assert status["classes"][2]["count"] == 4
    facts = {term: value for term, value, _ in status["facts"]}
    assert float(facts["Labels a minute"]) > 10
    assert facts["Model"] == "none yet"


def test_settings_are_checked_and_kept(project, client):
    good = {"acquisition": "max_entropy", "overlap_share": 0.25}
    assert client.post("/api/settings", json=good).status_code == 200
    assert project.store.settings().overlap_share == 0.25
    bad = client.post("/api/settings", json={"acquisition": "magic"})
    assert "bald" in bad.json()["error"]
    assert client.post("/api/settings", json={"overlap_share": 2}).status_code == 422


def test_agreement_and_adjudication(project, client):
    client.post("/api/settings", json={"overlap_share": 1.0})
    bob = project.store.annotator("bob").id
    disputed = None
    for i in range(6):
        first = offers(client)[0]
        post(client, decision(first, label=1 + i % 2))
        label = 2 if i == 0 else 1 + i % 2
        post(client, decision(first, label=label, annotator=bob))
        disputed = disputed or first["item"]
    page = client.get("/agreement").text
    assert "ada and bob" in page
    assert "83 %" in page
    # p_o = 5/6; ada says 1 three times, bob twice: p_e = (3·2 + 3·4)/36 = 1/2; κ = 2/3.
    assert "0.67" in page
    assert f"/thumb/{disputed}" in page
    settle = {"key": key(), "item": disputed, "label": 1}
    assert client.post("/api/adjudicate", json=settle).status_code == 200
    assert "All are settled" in client.get("/agreement").text
    labels = project.store.labels() | project.store.holdout_labels()
    assert labels[disputed] == 1
    assert "1 settled" in client.get("/agreement").text
    otherwise = {"key": key(), "item": disputed, "label": 2}
    assert client.post("/api/adjudicate", json=otherwise).status_code == 200
    labels = project.store.labels() | project.store.holdout_labels()
    assert labels[disputed] == 2
    nothing = {"key": key(), "item": offers(client)[0]["item"], "label": 1}
    assert client.post("/api/adjudicate", json=nothing).status_code == 422


def test_nobody_sees_answers_about_images_that_they_may_still_be_asked(project, client):
    bob = project.store.annotator("bob").id
    first, second = offers(client, 2, annotator=bob)
    post(client, decision(first, annotator=bob), decision(second, "unsure", annotator=bob))

    def seen(show="label"):
        tiles = client.get("/api/gallery", params={"show": show}).json()["tiles"]
        return [each["item"] for each in tiles]

    assert seen() == [first["item"]]  # nobody else is asked about it
    assert seen("unsure") == []
    client.post("/api/settings", json={"overlap_share": 1.0})
    assert seen() == []
    post(client, decision(first, label=2))
    assert sorted(seen()) == [first["item"], first["item"]]


def test_the_gallery_filters_and_leads_to_the_review(project, client):
    for i, offer in enumerate(offers(client, 6)):
        post(client, decision(offer, label=1 + i % 2))
        if i == 0:
            post(client, decision(offer, "flag"))
    assert client.get("/api/gallery", params={"label": 1}).json()["found"] == 3
    assert client.get("/api/gallery", params={"show": "flagged"}).json()["found"] == 1
    assert client.get("/api/gallery", params={"by": 99}).json()["found"] == 0
    page = client.get("/gallery", params={"label": 2}).text
    assert page.count('<img src="/thumb/') == 3
    review = client.get("/review", params={"label": 2, "start": 1})
    assert 'data-mode="review"' in review.text
    assert 'data-start="1"' in review.text
    assert client.get("/gallery?label=&by=&show=label").status_code == 200
    assert client.get("/review", params={"show": "bad", "start": 7}).status_code == 200


def test_a_correction_of_somebody_elses_label_settles_the_image(project, client):
    bob = project.store.annotator("bob").id
    first, second = offers(client, 2, annotator=bob)
    post(client, decision(first, label=1, annotator=bob), decision(second, label=3, annotator=bob))
    page = client.get("/review").text.replace("&#34;", '"')
    assert '"others": [{"by": "bob", "label": "2"}]' in page
    corrected = {"key": key(), "item": first["item"], "kind": "label", "label": 2}
    post(client, corrected | {"stream": "adjudication"})
    labels = project.store.labels() | project.store.holdout_labels()
    assert labels == {first["item"]: 2, second["item"]: 3}
    assert project.store.counts().disputed == 0
    assert project.store.agreement_pairs() == []  # it was not said independently


def test_a_settled_review_can_be_settled_otherwise_on_the_page_agreement(project, client):
    bob = project.store.annotator("bob").id
    first = offers(client, 1, annotator=bob)[0]
    post(client, decision(first, label=1, annotator=bob))
    settle = {"key": key(), "item": first["item"], "label": 2}
    assert client.post("/api/adjudicate", json=settle).status_code == 422
    assert "settled" not in client.get("/agreement").text
    corrected = settle | {"key": key(), "kind": "label", "stream": "adjudication"}
    post(client, corrected)
    page = client.get("/agreement").text
    assert "1 settled" in page
    assert "bob: <strong>0</strong>" in page
    assert "<li>ada: <strong>" not in page
    assert "Settled by ada: <strong>1</strong>" in page
    assert client.post("/api/adjudicate", json=settle | {"label": 3}).status_code == 200
    labels = project.store.labels() | project.store.holdout_labels()
    assert labels == {first["item"]: 3}


def test_disagreements_are_looked_at_settled_as_bad_and_reopened(project, client):
    project.store.change_settings(overlap_share=1.0)
    bob, ada = project.store.annotator("bob").id, project.access.annotator
    first, second = offers(client, 2)
    for offer in (first, second):
        post(client, decision(offer, label=1), decision(offer, label=2, annotator=bob))
    item, path = first["item"], project.store.item(first["item"]).path
    differs = client.get("/api/gallery", params={"show": "differs"}).json()
    assert {each["item"] for each in differs["tiles"]} == {item, second["item"]}
    page = client.get("/agreement").text
    assert path in page
    assert "/api/unsettle" not in page
    review = client.get("/review", params={"show": "differs", "item": item}).text
    assert f'data-start="{1 if differs["tiles"][0]["item"] != item else 0}"' in review
    assert 'data-back="/agreement"' in review

    settle = {"key": key(), "item": item, "label": None}
    assert client.post("/api/adjudicate", json=settle).status_code == 200
    assert project.store.settlements() == {item: Settlement(None, by=ada)}
    assert "Settled by ada: <strong>a bad image</strong>" in client.get("/agreement").text
    review = client.get("/review", params={"show": "settled"}).text.replace("&#34;", '"')
    assert '"settled": {"by": "ada", "label": "a bad image"}' in review

    other = TestClient(client.app, base_url=client.base_url, headers=client.headers)
    other.get("/", params={"token": project.access.new_token()})
    other.post("/api/start", json={"name": "bob"})
    assert "/api/unsettle" not in other.get("/agreement").text  # ada settled it
    back = {"key": key(), "item": item}
    assert other.post("/api/unsettle", json=back).status_code == 422
    for _ in range(2):  # sent twice
        assert client.post("/api/unsettle", json=back).status_code == 200
    assert project.store.settlements() == {}
    assert client.post("/api/unsettle", json=back | {"key": key()}).status_code == 422
    said = {each.annotator: each.label for each in project.store.answers(item)}
    assert said == {ada: 1, bob: 2}


def test_a_bad_image_against_a_class_is_a_disagreement(project, client):
    bob, ada = project.store.annotator("bob").id, project.access.annotator
    (first,) = offers(client, 1, annotator=bob)
    item = first["item"]
    post(client, decision(first, label=2, annotator=bob))
    post(client, {"key": key(), "item": item, "kind": "bad", "stream": "review"})
    page = client.get("/agreement").text
    assert "<li>bob: <strong>1</strong></li><li>ada: <strong>a bad image</strong></li>" in page
    assert "0 images were labelled by two or more people" in page
    assert client.get("/api/gallery", params={"show": "differs"}).json()["found"] == 2
    settle = {"key": key(), "item": item, "label": 2}
    assert client.post("/api/adjudicate", json=settle).status_code == 200
    assert project.store.settlements() == {item: Settlement(2, by=ada)}
    assert "All are settled." not in client.get("/agreement").text
    assert "1 settled" in client.get("/agreement").text
    assert client.post("/api/unsettle", json={"key": key(), "item": item}).status_code == 200
    assert "<li>ada: <strong>a bad image</strong></li>" in client.get("/agreement").text


def test_an_undone_settlement_is_shown_with_what_the_others_said(project, client):
    bob = project.store.annotator("bob").id
    (first,) = offers(client, 1, annotator=bob)
    post(client, decision(first, label=2, annotator=bob))
    post(
        client,
        {"key": key(), "item": first["item"], "kind": "label", "label": 1}
        | {"stream": "adjudication"},
    )
    item = client.post("/api/undo", json={"key": key()}).json()["item"]
    assert item["others"] == [{"by": "bob", "label": "1"}]  # so that another key settles, too
    post(client, decision(offers(client)[0]))
    assert "others" not in client.post("/api/undo", json={"key": key()}).json()["item"]


def test_a_label_that_is_taken_away_trains(project, client, monkeypatch):
    trained = []
    monkeypatch.setattr(project.supervisor, "labels_changed", lambda: trained.append(1))
    first, second = offers(client, 2)
    post(client, decision(first, "unsure"))
    assert trained == []
    post(client, decision(second))
    post(client, {"key": key(), "item": second["item"], "kind": "unsure", "stream": "review"})
    assert len(trained) == 2


def test_what_was_settled_is_found_by_its_class_and_says_by_whom(project, client):
    bob = project.store.annotator("bob").id
    (first,) = offers(client, 1, annotator=bob)
    post(client, decision(first, label=1, annotator=bob))
    corrected = {"key": key(), "item": first["item"], "kind": "label", "label": 2}
    post(client, corrected | {"stream": "adjudication"})
    found = {
        label: client.get("/api/gallery", params={"show": "settled", "label": label}).json()
        for label in (1, 2)
    }
    assert (found[1]["found"], found[2]["found"]) == (0, 2)  # both answers on what is a 1 now
    page = client.get("/gallery", params={"show": "settled", "label": 2}).text
    assert '<span class="tag">settled by ada</span>' in page
    assert '<span class="tag">settled by ada: 1</span>' in page  # beside bob's 0


def test_a_labelled_file_that_is_gone_is_said_to_be_gone(project, client, folder):
    first = offers(client)[0]
    post(client, decision(first, label=1))
    path = project.store.item(first["item"]).path
    (folder / path).unlink()
    client.post("/api/problems/retry", json={})
    page = client.get("/gallery").text
    assert f'<span class="away">The file is gone<span class="path">{path}</span></span>' in page
    assert f"/thumb/{first['item']}" not in page
    gone = client.get(f"/image/{first['item']}")
    assert gone.status_code == 410
    assert gone.json()["error"].startswith(f"{path} is gone; what was said of it counts again")


def test_what_was_settled_stays_so_while_its_file_is_gone(project, client, folder):
    bob, ada = project.store.annotator("bob").id, project.access.annotator
    (first,) = offers(client, 1, annotator=bob)
    item = first["item"]
    post(client, decision(first, label=1, annotator=bob))
    corrected = {"key": key(), "item": item, "kind": "label", "label": 2}
    post(client, corrected | {"stream": "adjudication"})
    (folder / project.store.item(item).path).unlink()
    client.post("/api/problems/retry", json={})
    assert client.get("/api/gallery", params={"show": "differs"}).json()["found"] == 0
    assert client.get("/api/gallery", params={"show": "settled"}).json()["found"] == 2
    assert project.store.settlements(gone=True) == {item: Settlement(2, by=ada)}
    assert project.store.settlements() == {}
    assert '"settled": {"by": "ada", "label": "1"}' in (
        client.get("/review", params={"show": "settled"}).text.replace("&#34;", '"')
    )


def test_what_only_one_person_is_asked_is_seen_by_all_whatever_the_overlap(project, client):
    project.store.change_settings(overlap_share=0.3)
    bob = project.store.annotator("bob").id
    for item in project.store.items():
        project.store.decide([Decision(key(), item.id, bob, "label", 1)])
    asked = {each.item for each in project.store.offer(project.access.annotator, 60)}
    seen = {each["item"] for each in client.get("/api/gallery").json()["tiles"]}
    assert 5 < len(asked) < 40
    assert seen == {each.id for each in project.store.items()} - asked
    hidden, shown = min(asked), min(seen)
    learned = "Another annotator has labelled this image"
    project.store.release_all(project.access.annotator)
    reserved = [each.id for each in project.store.items() if project.store.is_reserved(each)]
    for item, gives_away in ((hidden, hidden not in reserved), (shown, False)):
        said = client.get(f"/api/opinion/{item}").json()["model"]
        assert (learned in said) == gives_away


def test_likely_mistakes_are_not_those_that_were_settled_otherwise(project, client):
    bob = project.store.annotator("bob").id
    first = offers(client, 1, annotator=bob)[0]
    post(client, decision(first, label=1, annotator=bob))
    project.supervisor.checked = CheckFile(
        2, np.array([first["item"]]), np.arange(1, 11), np.eye(10)[[1]].astype(np.float16)
    )

    def mistakes():
        return client.get("/api/gallery", params={"show": "disagrees"}).json()["tiles"]

    (found,) = mistakes()
    assert (found["annotator"], found["predicted"], found["confidence"]) == (bob, 2, 1.0)
    assert "model: 1 100&#8239;%" in client.get("/gallery", params={"show": "disagrees"}).text
    corrected = {"key": key(), "item": first["item"], "kind": "label", "label": 2}
    post(client, corrected | {"stream": "adjudication"})
    assert mistakes() == []
    post(client, corrected | {"key": key(), "label": 3, "stream": "adjudication"})
    assert mistakes() == []  # somebody has looked at it, with the first label in sight


def test_the_start_takes_a_name_and_keeps_others(project, client):
    assert client.post("/api/start", json={"name": "  "}).status_code == 422
    made = client.post("/api/start", json={"name": "bob"}).json()
    assert (made["name"], "said" in made) == ("bob", False)
    again = client.post("/api/start", json={"name": "BOB"}).json()
    assert (again["id"], again["said"]) == (made["id"], "You go on as bob.")
    assert ">bob</a>" in client.get("/").text
    link = client.post("/api/invite", json={}).json()["value"]
    client.cookies.clear()
    assert client.get(link).status_code == 200
    asked = client.get("/")  # who was invited gives a name of their own
    assert asked.url.path == "/start"
    assert 'name="name" value=""' in asked.text
    assert client.post("/api/start", json={"name": "cleo"}).status_code == 200
    assert ">cleo</a>" in client.get("/").text


def test_a_second_opinion_is_told_as_one(project, client):
    project.store.change_settings(overlap_share=1.0, holdout_share=0.0)
    first = offers(client)[0]
    assert "random" in first["why"]
    post(client, decision(first))
    eve = client.post("/api/start", json={"name": "eve"}).json()["id"]
    (second,) = [each for each in offers(client, 20) if each["item"] == first["item"]]
    assert second["why"] == "A second opinion: another annotator has labelled it too"
    opinion = client.get(f"/api/opinion/{first['item']}").json()
    assert "Another annotator has labelled this image" in opinion["model"]
    post(client, decision(second, annotator=eve))
    opinion = client.get(f"/api/opinion/{first['item']}").json()
    assert "There is no model yet" in opinion["model"]


def test_the_end_says_what_is_left_to_do(project, client):
    ada, bob = project.access.annotator, project.store.annotator("bob").id
    said = [
        Decision(key(), each.id, ada, "bad") if each.id == 7
        else Decision(key(), each.id, ada, "label", 1)
        for each in project.store.items()
    ]  # fmt: skip
    unsure = Decision(key(), 5, bob, "unsure")  # ada has labelled it since
    project.store.decide(
        [unsure, *said, *(Decision(key(), item, bob, "label", 2) for item in (3, 4))]
    )
    project.decided(trains=False)
    status = client.get("/api/status").json()
    assert status["done"] == "59 of 60 images labelled, 1 bad"
    assert "Somebody called 1 a bad image." in status["finished"]
    assert "unsure" not in status["finished"]
    tied = "2 images have as many votes for one class as for another: settle what they are"
    assert tied in status["finished"]
    assert status["advice"]["reason"] == "Every image has an answer."
    settle = {"key": key(), "item": 3, "label": 2}
    assert client.post("/api/adjudicate", json=settle).status_code == 200
    finished = client.get("/api/status").json()["finished"]
    assert "1 image has as many votes for one class as for another: settle what it is" in finished


def test_near_the_end_the_images_that_others_have_are_told(project, client):
    ada, bob = project.access.annotator, project.store.annotator("bob").id
    (held,) = project.store.offer(bob, 1)
    rest = [each.id for each in project.store.items() if each.id != held.item]
    project.store.decide([Decision(key(), item, ada, "label", 1) for item in rest[:-20]])
    project.decided(trains=False)
    status = client.get("/api/status").json()
    assert status["advice"] == {"stop": False, "reason": ""}  # nothing was measured yet
    assert advise(project.known.of([]), project.tally.exact()).reason == (
        "21 images are left, too few to say what they would bring."
    )
    project.store.decide([Decision(key(), item, ada, "label", 1) for item in rest[-20:]])
    project.decided(trains=False)
    finished = client.get("/api/status").json()["finished"]
    assert "59 of 60 are labelled." in finished
    assert "1 is before another annotator just now; what they leave comes to you." in finished
    assert offers(client) == []
    project.store.decide([Decision(key(), held.item, bob, "label", 1)])
    project.decided(trains=False)
    assert "before another" not in client.get("/api/status").json()["finished"]


def test_reviewing_is_not_labelling_pace(client):
    for stream in ("review", "adjudication"):
        for offer in offers(client, 5):
            post(client, decision(offer, stream=stream))
    facts = {term: value for term, value, _ in client.get("/api/status").json()["facts"]}
    assert facts["Labels a minute"] == "–"


def test_the_gallery_offers_annotators_who_answered(project, client):
    project.store.annotator("nobody yet")
    post(client, decision(offers(client)[0]))
    page = client.get("/gallery").text
    assert ">ada</option>" in page
    assert "nobody yet" not in page


def test_every_page_is_there(client):
    for path in ("/", "/gallery", "/progress", "/agreement", "/classes", "/problems", "/help"):
        response = client.get(path)
        assert response.status_code == 200, path
        assert 'aria-current="page"' in response.text, path
    missing = client.get("/nowhere")
    assert missing.status_code == 404
    assert "There is no such page." in missing.text


def test_a_backup_can_be_made_from_the_page(project, client):
    said = client.post("/api/backup", json={}).json()["said"]
    assert (project.store.path.parent / "backups" / said.split()[-1].rstrip(".")).exists()


def test_what_images_are_chosen_by_is_what_there_is():
    from askwell.acquisition import ACQUISITIONS as KNOWN

    assert set(ACQUISITIONS) - {"random"} <= set(KNOWN)
