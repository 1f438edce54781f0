"""Files that change, move and go while they are labelled: each is told for what it is."""

from PIL import Image

from askwell.store import Decision, Settlement
from tests.web.calls import key


def test_a_file_with_other_content_is_not_missing(project, client, folder):
    named = {each.path: each.id for each in project.store.items()}
    answered = Decision(key(), named["scan001.png"], project.access.annotator, "label", 1)
    project.store.decide([answered])
    for name in ("scan000.png", "scan001.png"):
        Image.new("L", (8, 8), int(name[6])).save(folder / name)
    (folder / "scan002.png").unlink()
    assert client.post("/api/problems/retry", json={}).status_code == 200
    page = client.get("/problems").text
    assert "Vanished (1)" in page
    assert "Changed (1)" in page
    assert [name in page for name in ("scan000.png", "scan001.png", "scan002.png")] == [
        False, True, True,
    ]  # fmt: skip


def test_renamed_and_exchanged_files_are_found_under_their_new_names(project, client, folder):
    ada = project.access.annotator
    named = project.store.by_path()
    chosen = [named[f"scan00{i}.png"] for i in (1, 2, 3, 4)]
    project.store.decide([Decision(key(), item, ada, "label", 1) for item in chosen])
    paths = [folder / f"scan00{i}.png" for i in (1, 2, 3, 4)]
    paths[0].rename(folder / "renamed.png")
    paths[1].rename(folder / "between.png")
    paths[2].rename(paths[1])
    (folder / "between.png").rename(paths[2])
    for shade in (10, 20, 30):  # one path after several changes
        Image.new("L", (8, 8), shade).save(paths[3])
        said = client.post("/api/problems/retry", json={}).json()["said"]
    assert said == "Files: 1 with other content."
    page = client.get("/problems").text
    headings = [line for line in page.splitlines() if line.startswith("<h2>")]
    assert headings == [
        "<h2>Changed (1)</h2>", "<h2>Under another name (3)</h2>", "<h2>Safety copy</h2>",
    ]  # fmt: skip
    assert '<td class="path">scan001.png</td><td class="path">renamed.png</td>' in page
    assert project.store.counts().vanished == 0
    assert [client.get(f"/image/{item}").status_code for item in chosen] == [200, 200, 200, 410]
    review = client.get("/review?start=0").text.replace("&#34;", '"')
    assert f'"item": {chosen[0]}' in review  # a correction goes to what was answered


def test_looking_at_the_folder_again_says_what_has_become_of_it(project, client, folder):
    def again():
        return client.post("/api/problems/retry", json={}).json()["said"]

    assert again() == "Nothing has changed."
    whole = (folder / "scan005.png").read_bytes()
    (folder / "scan005.png").write_bytes(whole[:50])
    (folder / "scan006.png").unlink()
    Image.new("L", (8, 8), 77).save(folder / "new.png")
    assert again() == "Files: 1 new, 1 gone, 1 unreadable."
    assert again() == "Files: 1 still unreadable."
    (folder / "scan005.png").write_bytes(whole)
    (folder / "scan007.png").write_bytes(b"")
    assert again() == "Files: 1 readable now, 1 unreadable."
    page = client.get("/problems").text
    assert "scan007.png" not in page.split("Vanished (1)")[1]
    assert '<span class="count">2' in page  # scan006 and scan007, each once
    (folder / "scan007.png").unlink()
    assert again() == "Files: 1 gone."


def test_only_where_an_answer_stands_is_a_file_told_as_renamed(project, client, folder):
    item = project.store.by_path()["scan002.png"]
    project.store.decide([Decision(key(), item, project.access.annotator, "label", 1)])
    path = folder / "scan002.png"
    (folder / "copy.png").write_bytes(path.read_bytes())
    said = client.post("/api/problems/retry", json={}).json()["said"]
    assert said == "Files: 1 new."
    for name in ("b.png", "c.png", "scan002.png"):
        path = path.rename(folder / name)
        said = client.post("/api/problems/retry", json={}).json()["said"]
        assert said == "Files: 1 renamed."
    (folder / "copy.png").unlink()
    client.post("/api/problems/retry", json={})
    assert "Under another name" not in client.get("/problems").text


def test_a_labelled_file_that_was_overwritten_by_another_is_told(project, client, folder):
    named = project.store.by_path()
    who = project.access.annotator
    labels = [Decision(key(), named[f"scan00{i}.png"], who, "label", 1) for i in (1, 2)]
    project.store.decide(labels)
    (folder / "scan002.png").write_bytes((folder / "scan001.png").read_bytes())
    client.post("/api/problems/retry", json={})
    page = client.get("/problems").text
    assert "Changed (1)" in page
    assert "Duplicates (1)" in page
    Image.new("L", (8, 8), 99).save(folder / "scan002.png")
    client.post("/api/problems/retry", json={})
    anew = project.store.by_path()["scan002.png"]
    project.store.decide([Decision(key(), anew, who, "label", 2)])
    assert "Changed" not in client.get("/problems").text


def test_a_page_that_is_open_while_files_are_renamed_still_speaks_of_the_same_images(
    project, client, folder
):
    ada, bob = project.access.annotator, project.store.annotator("bob").id
    item = project.store.by_path()["scan003.png"]
    votes = [Decision(key(), item, ada, "label", 1), Decision(key(), item, bob, "label", 2)]
    project.store.decide(votes)
    (folder / "scan003.png").rename(folder / "elsewhere.png")
    client.post("/api/problems/retry", json={})
    settle = {"key": key(), "item": item, "label": 2}
    assert client.post("/api/adjudicate", json=settle).status_code == 200
    now = project.store.by_path()["elsewhere.png"]
    assert project.store.settlements() == {now: Settlement(2, project.access.annotator)}
    assert client.get(f"/api/opinion/{item}").json()["path"] == "elsewhere.png"
    assert len(client.get("/api/history").json()["entries"]) == 1


def test_a_damaged_copy_is_the_one_that_is_marked(project, client, folder):
    item = project.store.by_path()["scan003.png"]
    (folder / "scan003.png").rename(folder / "elsewhere.png")
    client.post("/api/problems/retry", json={})
    (folder / "elsewhere.png").write_bytes(b"GIF89a")
    assert client.get(f"/image/{item}").status_code == 410
    assert "elsewhere.png" not in project.store.by_path()
