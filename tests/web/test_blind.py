"""What one annotator may know of another's answers, and what settles an image."""

from askwell.store import Decision, Settlement
from askwell.web.status import advise
from tests.web.calls import decision, key, offers, post


def test_a_labelled_image_that_somebody_called_bad_is_not_subtracted_twice(project, client):
    ada, bob = project.access.annotator, project.store.annotator("bob").id
    items = [each.id for each in project.store.items()]
    project.store.decide([Decision(key(), item, ada, "label", 1) for item in items[:-1]])
    project.store.decide([Decision(key(), items[0], bob, "bad")])
    counts = project.tally.exact()
    assert (counts.labelled, counts.bad, counts.items) == (58, 1, 60)
    say = advise(project.known.of([]), counts)
    assert (say.stop, say.reason) == (
        False,
        "1 image is left, too few to say what they would bring.",
    )


def test_who_put_an_image_off_does_not_see_what_others_said_of_it(project, client):
    project.store.change_settings(overlap_share=1.0, holdout_share=0.0)
    bob = project.store.annotator("bob").id
    first = offers(client)[0]
    post(client, decision(first, kind="later"), decision(first, kind="flag"))
    project.store.decide([Decision(key(), first["item"], bob, "label", 2)])
    assert client.get("/api/gallery").json()["found"] == 0
    assert '"others": []' in client.get("/review?show=later").text.replace("&#34;", '"')
    post(client, decision(first, label=1))
    assert client.get("/api/gallery").json()["found"] == 2


def test_the_opinion_on_a_copy_of_a_labelled_file_gives_nothing_away(project, client, folder):
    project.store.change_settings(overlap_share=1.0, holdout_share=0.0)
    bob = project.store.annotator("bob").id
    item = project.store.by_path()["scan003.png"]
    project.store.decide([Decision(key(), item, bob, "label", 2)])
    (folder / "scan003.png").rename(folder / "elsewhere.png")
    client.post("/api/problems/retry", json={})
    copy = project.store.by_path()["elsewhere.png"]
    assert "Another annotator" in client.get(f"/api/opinion/{copy}").json()["model"]


def test_a_review_settles_a_likely_mistake_for_all_copies(project, client, folder):
    bob = project.store.annotator("bob").id
    item = project.store.by_path()["scan003.png"]
    project.store.decide([Decision(key(), item, bob, "label", 2)])
    (folder / "elsewhere.png").write_bytes((folder / "scan003.png").read_bytes())
    (folder / "scan003.png").unlink()
    client.post("/api/problems/retry", json={})
    copy = project.store.by_path()["elsewhere.png"]
    review = client.get("/review").text.replace("&#34;", '"')
    assert f'"item": {copy}, "kind": null' in review
    assert '"others": [{"by": "bob", "label": "1"}]' in review
    settled = {"key": key(), "item": copy, "kind": "label", "label": 1, "stream": "adjudication"}
    post(client, settled)
    assert project.store.settlements() == {copy: Settlement(1, project.access.annotator)}
    assert client.get("/api/gallery?show=disagrees").json()["found"] == 0


def test_an_image_settled_as_bad_is_told_as_settled(project, client):
    ada, bob = project.access.annotator, project.store.annotator("bob").id
    project.store.decide([Decision(key(), 3, ada, "label", 1), Decision(key(), 3, bob, "label", 2)])
    assert "Until one is settled" in client.get("/agreement").text
    post(client, {"key": key(), "item": 3, "kind": "bad", "stream": "adjudication"})
    page = client.get("/agreement").text
    assert "All are settled." in page
    assert "Settled by ada: <strong>a bad image</strong>" in page
    assert "1 image was labelled by two or more people" in page
    assert project.store.counts().disputed == 0


def test_the_gallery_lists_what_was_settled(project, client):
    ada, bob = project.access.annotator, project.store.annotator("bob").id
    decided = [Decision(key(), item, who, "label", who) for item in (3, 4) for who in (ada, bob)]
    project.store.decide(decided)
    listed = "/api/gallery?show=settled"
    assert client.get(listed).json()["found"] == 0
    post(client, {"key": key(), "item": 3, "kind": "label", "label": 1, "stream": "adjudication"})
    assert {tile["item"] for tile in client.get(listed).json()["tiles"]} == {3}
    assert "settled" in client.get("/gallery?show=settled").text


def test_what_somebody_called_bad_is_in_sight_and_can_be_settled(project, client):
    bob = project.store.annotator("bob").id
    project.store.decide([Decision(key(), 3, bob, "bad")])
    review = client.get("/review?show=bad").text.replace("&#34;", '"')
    assert '"others": [{"by": "bob", "label": "a bad image"}]' in review
    post(client, {"key": key(), "item": 3, "kind": "label", "label": 1, "stream": "adjudication"})
    assert (project.store.counts().bad, project.store.counts().labelled) == (0, 1)


def test_what_was_settled_against_a_bad_image_is_told_wherever_it_is_listed(project, client):
    ada, bob = project.access.annotator, project.store.annotator("bob").id
    project.store.decide([Decision(key(), 3, ada, "label", 1), Decision(key(), 3, bob, "bad")])
    post(client, {"key": key(), "item": 3, "kind": "label", "label": 2, "stream": "adjudication"})
    card = client.get("/agreement").text.split("settled</summary>")[1]
    assert "<li>ada: <strong>0</strong></li><li>bob: <strong>a bad image</strong></li>" in card
    tiles = client.get("/gallery?show=bad").text
    assert '<span class="tag">settled by ada: 1</span>' in tiles
    own = client.get("/gallery").text
    assert '<span class="tag">settled by ada</span>' in own  # it is what the image was settled as


def test_the_gallery_says_how_many_answers_are_hidden(project, client):
    project.store.change_settings(overlap_share=1.0, holdout_share=0.0)
    bob = project.store.annotator("bob").id
    project.store.decide([Decision(key(), item, bob, "label", 2) for item in (1, 2)])
    assert "2 more, of others, are not shown to you" in client.get("/gallery").text
    for query in ("show=settled", "show=bad", "label=2"):  # it would tell what others said
        page = client.get(f"/gallery?{query}").text
        assert "0 answers." in page
        assert "more, of others" not in page
        assert "Click one" not in page
    project.store.decide([Decision(key(), 1, project.access.annotator, "label", 1)])
    page = client.get("/gallery").text
    assert "2 answers on 1 image." in page
    assert "1 more, of others, is not shown to you" in page
