"""A real browser labels real images by keyboard; servers are killed under its hands."""

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sklearn.datasets import load_digits

from askwell.store import Decision, Store
from askwell.web.project import Project
from tests.web.serving import HOST, Server, opened, write_digits

sync_api = pytest.importorskip("playwright.sync_api")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DIGITS = load_digits().target
PAGES = ("", "gallery", "progress", "agreement", "classes", "problems", "help", "start")

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: apt install chromium)"),
    # Playwright's own event loop and pipes are closed by its driver, later than pytest looks.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


NAMELESS = """() => [...document.querySelectorAll("button, a, input, select, img")].filter((e) =>
  e.type !== "hidden" && e.alt === undefined && !e.textContent.trim() && !e.labels?.length
  && !e.getAttribute("aria-label")).map((e) => e.outerHTML)"""


class Desk:
    """A tab with the page, and what was done in it: image → what should stand."""

    def __init__(self, context, url: str, truth: dict[int, int]) -> None:
        self.page = context.new_page()
        self.truth = truth
        self.expected: dict[int, tuple[str, int | None]] = {}
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.fetched: set[int] = set()
        self.page.on("requestfinished", self._note)
        self.page.goto(url)
        self.page.wait_for_url("**/")
        self.item = self.wait()

    def wait(self, not_: int | None = None) -> int:
        """The image on screen, once there is (another) one."""
        self.page.wait_for_selector(f"#frame img:not([alt='Image {not_}'])")
        return int(self.page.get_attribute("#frame img", "alt").split()[1])

    def wait_for(self, item: int) -> None:
        """Until this image is shown; the first of a page may give way to an undone one."""
        self.page.wait_for_selector(f"#frame img[alt='Image {item}']")
        self.item = item

    def press(self, key: str) -> int:
        """Press a key that leads to another image; the image that was on screen."""
        before = self.item
        self.page.keyboard.press(key)
        self.item = self.wait(before)
        return before

    def label(self, wrong: int = 0) -> int:
        """Give the image on screen its class."""
        digit = (self.truth[self.item] + wrong) % 10
        item = self.press(f"Digit{(digit + 1) % 10}")  # key 1 is class "0", key 0 class "9"
        self.expected[item] = ("label", digit + 1)
        return item

    def skip(self, key: str, kind: str) -> int:
        item = self.press(key)
        self.expected[item] = (kind, None)
        return item

    def ahead(self, n: int) -> None:
        """Wait until so many of the next images are in the browser."""
        for _ in range(2400):
            if len(self.fetched - self.expected.keys() - {self.item}) >= n:
                return
            self.page.wait_for_timeout(25)
        raise AssertionError("the next images were not fetched")

    def _note(self, request) -> None:
        place, _, item = request.url.rpartition("/")
        if place.endswith("/image"):
            self.fetched.add(int(item))

    def sent(self) -> None:
        """Wait until the server has acknowledged everything."""
        for _ in range(2400):
            count = "() => Object.keys(localStorage).filter((k) => k.includes('outbox')).length"
            if self.page.evaluate(count) == 0:
                return
            self.page.wait_for_timeout(25)
        raise AssertionError("answers were not sent")


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    folder = tmp_path / "photos"
    write_digits(folder, 100)
    with closing(opened(folder)) as project:
        label_some(project, request.param if hasattr(request, "param") else 0)
    server = Server(folder)
    server.start()
    yield server
    server.kill()


def label_some(project: Project, n: int) -> None:
    """Right labels by ada for the first n images."""
    ada = project.access.annotator
    assert ada is not None
    project.store.decide(
        [
            Decision(f"before-{item.id}", item.id, ada, "label", digit_of(item.path) + 1)
            for item in project.store.items()[:n]
        ]
    )


def digit_of(path: str) -> int:
    """What a file shows, from its name."""
    return int(DIGITS[int(path[4:7])])


@pytest.fixture
def context(browser, server):
    """A browser profile whose every request is written down."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(60_000)
    requests: list[str] = []
    context.on("request", lambda request: requests.append(request.url))
    yield context
    context.close()
    assert requests
    foreign = [url for url in requests if not url.startswith(f"http://{HOST}:{server.port}/")]
    assert foreign == []


def truth_of(server: Server) -> dict[int, int]:
    """Item → digit, from the files' names."""
    with Store.read(server.folder / ".askwell" / "project.db") as store:
        return {item.id: digit_of(item.path) for item in store.items()}


def standing(server: Server) -> dict[int, tuple[str, int | None]]:
    with Store.read(server.folder / ".askwell" / "project.db") as store:
        assert store.check() == ()
        return {each.item: (each.kind, each.label) for each in store.current()}


def test_sixty_images_by_keyboard(server, context):
    desk = Desk(context, server.url, truth_of(server))
    page = desk.page
    for _ in range(12):
        desk.label()

    # Undo shows the same image again, and its answer is gone.
    wrong = desk.label(wrong=3)
    assert desk.press("Backspace") != wrong
    assert desk.item == wrong
    del desk.expected[wrong]
    desk.sent()
    assert standing(server) == desk.expected
    assert desk.label() == wrong

    # Three kinds of skip, and a flag, which is no answer.
    desk.skip("u", "unsure")
    desk.skip("b", "bad")
    later = desk.skip("Space", "later")
    page.keyboard.press("f")
    page.wait_for_selector("#flagged:visible")
    flagged = desk.label()

    # A held key is one answer.
    key = f"Digit{(desk.truth[desk.item] + 1) % 10}"
    held = desk.item
    for _ in range(10):
        page.keyboard.down(key)  # all but the first are repeats
    page.keyboard.up(key)
    desk.item = desk.wait(held)
    desk.expected[held] = ("label", desk.truth[held] + 1)
    page.wait_for_timeout(200)
    assert desk.wait() == desk.item

    # Looking back and correcting: then on with the image that was on screen.
    now, mistaken = desk.item, None
    mistaken = desk.label(wrong=1)
    now = desk.item
    assert desk.press("ArrowLeft") == now
    assert desk.item == mistaken
    assert desk.label() == mistaken
    assert desk.item == now

    # A reload keeps the image and everything that was answered; so does looking back after it.
    desk.sent()
    page.reload()
    assert desk.wait() == now
    desk.press("ArrowLeft")
    assert desk.item == mistaken
    desk.press("Escape")
    assert desk.item == now

    # The server dies without a word. Answers go on, wait, and are sent when it is back.
    for _ in range(8):
        desk.label()
    desk.sent()
    desk.ahead(3)
    server.kill()
    for _ in range(3):
        desk.label()
    page.wait_for_selector("#banner:visible")
    assert "does not answer" in page.inner_text("#banner")
    server.start()
    page.wait_for_selector("#banner", state="hidden")
    desk.sent()
    assert standing(server) == desk.expected

    while len(desk.expected) < 60:
        if desk.item == later:
            del desk.expected[later]
        desk.label()
    assert desk.expected[later][0] == "label"  # it came again, after others
    desk.sent()
    assert standing(server) == desk.expected
    with Store.read(server.folder / ".askwell" / "project.db") as store:
        events = store.events()
        assert sum(each.flagged for each in store.current()) == 1
        assert next(each.item for each in store.current() if each.flagged) == flagged
    assert max(Counter(event.decision.key for event in events).values()) == 1
    # 60 images; once each: an answer undone, its undo, a later, a flag, a mistake.
    assert len(events) == 60 + 5
    assert desk.errors == []


def test_answers_given_to_a_dead_server_outlive_the_tab(server, context):
    desk = Desk(context, server.url, truth_of(server))
    desk.label()
    desk.sent()
    desk.ahead(2)
    server.kill()
    desk.label()
    undone = desk.label()
    desk.press("Backspace")
    assert desk.item == undone
    del desk.expected[undone]
    desk.page.close()  # the answers wait in the browser's storage
    server.start()
    again = Desk(context, f"http://{HOST}:{server.port}/", desk.truth)
    again.sent()
    again.wait_for(undone)
    assert standing(server) == desk.expected


def test_two_annotators_are_never_given_the_same_image(server, browser, context):
    ada = Desk(context, server.url, truth_of(server))
    ada.page.goto(f"http://{HOST}:{server.port}/start")
    ada.page.click("summary")
    ada.page.click("text=Make a link")
    ada.page.wait_for_selector("#invite:not(:placeholder-shown)")
    link = ada.page.input_value("#invite")
    ada.page.goto(f"http://{HOST}:{server.port}/")
    ada.item = ada.wait()
    other = browser.new_context()
    try:
        page = other.new_page()
        page.goto(link)
        page.wait_for_url("**/start")
        assert page.input_value("[name=name]") == ""
        page.fill("[name=name]", "bob")
        page.click("text=Start labelling")
        page.wait_for_selector("#frame img")
        bob = Desk(other, f"http://{HOST}:{server.port}/", ada.truth)
        page.close()
        seen: dict[str, set[int]] = {"ada": {ada.item}, "bob": {bob.item}}
        for _ in range(10):
            seen["ada"].add(ada.label())
            seen["bob"].add(bob.label())
        ada.sent()
        bob.sent()
        assert not (seen["ada"] | {ada.item}) & (seen["bob"] | {bob.item})
        assert standing(server) == ada.expected | bob.expected
    finally:
        other.close()


@pytest.mark.parametrize("server", [40], indirect=True)
def test_the_view_can_be_changed_and_the_model_asked(server, context):
    desk = Desk(context, server.url, truth_of(server))
    page = desk.page
    desk.expected = standing(server)
    opinion = f"http://{HOST}:{server.port}/api/opinion/{desk.item}"
    while not page.request.get(opinion).json()["probabilities"]:
        page.wait_for_timeout(50)
    desk.label()
    desk.sent()

    # Keys for the view change no answer.
    page.keyboard.press("+")
    page.hover("#stage")
    page.mouse.wheel(0, -200)
    assert page.inner_text("#zoom") not in ("", "100 %")
    page.keyboard.press("]")
    assert page.input_value("#brightness") == "110"
    page.keyboard.press("Escape")
    assert page.inner_text("#zoom") == "100 %"
    assert page.input_value("#brightness") == "100"

    # Blind until asked; Enter then takes the suggestion.
    assert page.is_hidden("#opinion")
    page.keyboard.press("Enter")
    page.wait_for_selector("#opinion strong")
    suggested = page.inner_text("#opinion strong")
    assert "epistemic" in page.inner_text("#opinion")
    item = desk.press("Enter")
    assert page.is_hidden("#opinion")
    desk.expected[item] = ("label", int(suggested) + 1)
    desk.sent()

    # The help overlay takes the keys to itself.
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")
    page.keyboard.press("1")
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]", state="detached")
    assert standing(server) == desk.expected

    # The gallery leads to a review, in which keys correct and go on.
    page.goto(f"http://{HOST}:{server.port}/gallery")
    page.click(".gallery a >> nth=0")
    page.wait_for_url("**/review?**")
    first = desk.item = desk.wait()
    assert desk.label(wrong=1) == first
    page.keyboard.press("Backspace")
    assert desk.wait(desk.item) == first
    desk.item = first
    desk.label()
    desk.sent()
    page.keyboard.press("Escape")
    page.wait_for_url("**/gallery?**")
    desk.expected[first] = ("label", desk.truth[first] + 1)
    assert standing(server) == desk.expected

    # Behind the last image there is nothing to say anything of; a button leads back.
    page.click(".gallery a >> nth=-1")
    page.wait_for_selector("#frame img")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#waiting:visible")
    assert page.locator(".classes button:enabled, .skips button:enabled").count() == 0
    page.click("text=← Gallery")
    page.wait_for_url("**/gallery?**")

    # In text fields, keys are text; forms speak to the server and say what it answers.
    page.goto(f"http://{HOST}:{server.port}/classes")
    page.fill("form.card [name=name]", "u 1")
    page.click("text=Add")
    page.wait_for_selector("#toast:visible")
    assert "Added u 1." in page.inner_text("#toast")
    page.fill("form.card [name=name]", "u 1")
    page.click("text=Add")
    page.wait_for_selector("form.card [role=alert]:visible")
    assert standing(server) == desk.expected
    assert desk.errors == []


def test_every_page_fits_a_phone_and_has_names_for_all_it_shows(server, context, browser):
    Desk(context, server.url, {})
    session = context.storage_state()
    for scheme in ("light", "dark"):
        phone = browser.new_context(
            viewport={"width": 360, "height": 740}, color_scheme=scheme, storage_state=session
        )
        try:
            page = phone.new_page()
            for name in PAGES:
                page.goto(f"http://{HOST}:{server.port}/{name}")
                assert page.evaluate("() => document.documentElement.scrollWidth") <= 360, name
                assert page.evaluate(NAMELESS) == [], name
                assert page.locator("main").count() == page.locator("h1").count() == 1
            page.goto(f"http://{HOST}:{server.port}/")
            page.wait_for_selector("#frame img")
            page.click("#classes button >> nth=2")
            page.wait_for_selector("#toast:visible")
            if scheme == "dark":
                disagree(page, f"http://{HOST}:{server.port}")
                page.goto(f"http://{HOST}:{server.port}/agreement")
                page.click("form .primary >> nth=0")
                page.wait_for_selector("#toast:visible")
                assert page.inner_text("#toast") == "Settled."
        finally:
            phone.close()


def disagree(page, base: str) -> None:
    """Two people give an image two labels."""
    headers = {"origin": base}
    bob = page.request.post(f"{base}/api/start", headers=headers, data={"name": "bob"}).json()["id"]
    for who in (1, bob):
        answer = {
            "key": f"key-of-{who}",
            "item": 50,
            "kind": "label",
            "label": who,
            "annotator": who,
        }
        sent = {"decisions": [answer]}
        assert page.request.post(f"{base}/api/decisions", headers=headers, data=sent).ok


BROKEN = """() => [...document.querySelectorAll(".class > span:first-child")].flatMap((name) => {
  const text = name.firstChild, found = [];
  for (const word of text.data.matchAll(/[^ /-]+/g)) {
    const range = document.createRange();
    range.setStart(text, word.index);
    range.setEnd(text, word.index + word[0].length);
    if (new Set([...range.getClientRects()].map((box) => box.top)).size > 1) found.push(word[0]);
  }
  return found;
})"""
CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat")
CLOTHES += ("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


def test_image_and_classes_are_in_sight_together_and_names_whole(server, browser):
    server.kill()
    with closing(opened(server.folder)) as project:
        for each, name in zip(project.store.classes(), CLOTHES, strict=True):
            project.store.rename_class(each.id, name)
    server.start()
    session = None
    for width, height in ((1280, 800), (800, 1000), (390, 844), (360, 640), (844, 390)):
        touch = width != 1280
        context = browser.new_context(
            viewport={"width": width, "height": height},
            has_touch=touch,
            is_mobile=touch,
            storage_state=session,
        )
        try:
            url = server.url if session is None else f"http://{HOST}:{server.port}/"
            desk = Desk(context, url, truth_of(server))
            session = context.storage_state()
            page = desk.page
            assert page.evaluate(BROKEN) == [], (width, height)
            image = page.locator("#stage").bounding_box()
            assert image["height"] >= 0.2 * height
            assert 0 <= image["y"] <= height - image["height"]
            last = page.locator("button.class").last
            last.scroll_into_view_if_needed()
            assert page.locator("#stage").bounding_box() == image  # classes scroll beside it
            assert last.bounding_box()["y"] + last.bounding_box()["height"] <= height + 1
            if touch:
                leaves_nothing_chosen(desk)
        finally:
            context.close()


@pytest.mark.parametrize("server", [40], indirect=True)
def test_classes_stay_in_sight_beside_the_opinion_on_a_phone(server, browser, context):
    Desk(context, server.url, truth_of(server))
    base, session = f"http://{HOST}:{server.port}", context.storage_state()
    phone = browser.new_context(
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
        storage_state=session,
    )
    try:
        page = phone.new_page()
        assert page.request.post(
            f"{base}/api/start", headers={"origin": base}, data={"name": "bob"}
        )
        page.goto(f"{base}/review")  # of what ada labelled: more is said above the classes
        page.wait_for_selector("#why:has-text('Your answer settles')")
        page.tap("#reveal")
        page.wait_for_selector("#opinion .note")
        below = page.locator("#opinion").bounding_box()
        for number in range(4):
            button = page.locator("button.class").nth(number).bounding_box()
            assert below["y"] + below["height"] <= button["y"] < 844 - button["height"]
        assert page.locator("#stage").bounding_box()["height"] >= 0.3 * 844
    finally:
        phone.close()


def test_a_labelled_file_that_is_gone_is_said_to_be_gone(server, context):
    desk = Desk(context, server.url, truth_of(server))
    item, other = desk.label(), desk.label()
    desk.sent()
    server.kill()
    with closing(opened(server.folder)) as project:
        (server.folder / project.store.item(item).path).unlink()
    server.start()
    page = desk.page
    page.goto(f"http://{HOST}:{server.port}/gallery")
    page.click("a:has(.away)")
    page.wait_for_selector("#waiting:has-text('is gone')")
    assert "The file is gone." in page.inner_text("#why")
    assert page.locator(".classes button:enabled").count() == 0
    assert page.locator(".skips button:enabled").count() == 0
    page.keyboard.press("Digit3")
    page.keyboard.press("u")
    page.keyboard.press("ArrowLeft")  # the newest is first
    assert desk.wait() == other
    assert page.locator(".classes button:enabled").count() == 10
    assert page.is_hidden("#waiting")
    page.keyboard.press("Space")  # goes on, and takes no label away
    page.wait_for_selector("#waiting:has-text('is gone')")
    assert standing(server) == desk.expected
    assert desk.errors == []


def test_no_digit_comes_to_mean_another_class_under_the_fingers(server, context):
    desk = Desk(context, server.url, truth_of(server))
    base, page = f"http://{HOST}:{server.port}", desk.page
    merged = page.request.post(
        f"{base}/api/classes/2/merge", headers={"origin": base}, data={"into": 1}
    )
    assert merged.ok
    added = {"name": "else"}
    assert page.request.post(f"{base}/api/classes", headers={"origin": base}, data=added).ok
    desk.press("Digit5")
    desk.sent()
    page.wait_for_selector("#toast:has-text('The classes have changed')")
    desk.press("Digit6")
    assert "The classes have changed" in page.inner_text("#toast")  # below what was just said
    keys = dict(
        page.eval_on_selector_all(
            ".class", "all => all.map((e) => [e.title, e.querySelector('kbd')?.textContent ?? ''])"
        )
    )
    assert keys == {"0": "1", **{str(n): str((n + 1) % 10) for n in range(2, 10)}, "else": "⇧1"}
    before = desk.item
    page.keyboard.press("Digit2")  # its class is gone
    page.wait_for_timeout(300)
    assert desk.wait() == before
    item = desk.press("Digit5")
    desk.sent()
    assert standing(server)[item] == ("label", 5)
    page.reload()
    desk.wait()
    page.wait_for_selector(".class[title='2'] kbd:has-text('2')")


def test_no_letter_comes_to_mean_another_class_under_the_fingers(server, context):
    desk = Desk(context, server.url, truth_of(server))
    base, page = f"http://{HOST}:{server.port}", desk.page

    def give(number: int, letter: str | None) -> None:
        url = f"{base}/api/classes/{number}"
        assert page.request.patch(url, headers={"origin": base}, data={"shortcut": letter}).ok

    give(3, "q")
    page.reload()
    page.wait_for_selector(".class[title='2'] kbd:has-text('Q')")
    desk.item = desk.wait()
    give(3, None)
    give(4, "q")  # while the page is open
    desk.press("Digit5")
    desk.sent()
    page.wait_for_selector("#toast:has-text('Their keys stay')")
    item = desk.press("q")
    desk.sent()
    assert standing(server)[item] == ("label", 3)
    page.reload()
    page.wait_for_selector(".class[title='3'] kbd:has-text('Q')")


def test_what_was_not_stored_is_told_beside_what_else_has_changed(server, context):
    desk = Desk(context, server.url, truth_of(server))
    base, page = f"http://{HOST}:{server.port}", desk.page
    merged = f"{base}/api/classes/2/merge"
    assert page.request.post(merged, headers={"origin": base}, data={"into": 1}).ok
    page.keyboard.press("Digit2")
    page.wait_for_selector("#toast:has-text('Not stored'):has-text('The classes have changed')")
    assert "was merged into '0'" in page.inner_text("#toast")


def test_no_name_pushes_the_buttons_off_the_page(server, context):
    desk = Desk(context, server.url, truth_of(server))
    base, page = f"http://{HOST}:{server.port}", desk.page
    renamed = {"name": "Pneumonoultramicroscopicsilicovolcanoconiosis" * 2}
    url = f"{base}/api/classes/2"
    assert page.request.patch(url, headers={"origin": base}, data=renamed).ok
    for width, count in ((1200, 10), (360, 10), (1200, 5), (360, 5)):
        for number in range(count + 1, 11):  # few classes stand in one column
            into = f"{base}/api/classes/{number}/merge"
            page.request.post(into, headers={"origin": base}, data={"into": 1})
        page.set_viewport_size({"width": width, "height": 800})
        page.reload()
        page.wait_for_selector(".class[title^='Pneumono']")
        right = page.eval_on_selector_all(
            ".class, .class kbd",
            "all => Math.max(...all.map((e) => e.getBoundingClientRect().right))",
        )
        assert right <= width
        assert page.evaluate("() => document.querySelector('.side').scrollWidth") <= width


def test_reviewing_the_labels_of_another_settles_them(server, context):
    desk = Desk(context, server.url, truth_of(server))
    base, page = f"http://{HOST}:{server.port}", desk.page
    headers = {"origin": base}
    bob = page.request.post(f"{base}/api/start", headers=headers, data={"name": "bob"}).json()["id"]
    given = {"key": "of-bob-01", "item": 50, "kind": "label", "label": 1, "annotator": bob}
    page.request.post(f"{base}/api/decisions", headers=headers, data={"decisions": [given]})
    page.request.post(f"{base}/api/start", headers=headers, data={"name": "ada"})
    page.goto(f"{base}/review")
    page.wait_for_selector("#frame img[alt='Image 50']")
    assert page.inner_text("#why") == "scan049.png. bob: 0. Your answer settles what it is."
    page.keyboard.press("Digit5")  # class "4", number 5
    page.wait_for_selector("#waiting:visible")
    desk.sent()
    with Store.read(server.folder / ".askwell" / "project.db") as store:
        assert store.labels() | store.holdout_labels() == {50: 5}
        assert store.counts().disputed == 0
    page.goto(f"{base}/")
    desk.wait()
    page.keyboard.press("Backspace")  # from another page: the server says what it was about
    page.wait_for_selector("#toast:has-text('Undone: 4, scan049.png')")
    assert desk.wait() != 50  # asked of nobody: bob's label stands
    with Store.read(server.folder / ".askwell" / "project.db") as store:
        assert store.labels() | store.holdout_labels() == {50: 1}


def leaves_nothing_chosen(desk: Desk) -> None:
    """After a tap the pointer rests on the button: it must not look as if it was chosen again."""
    button = desk.page.locator("button.class").last
    look = "(e) => getComputedStyle(e).backgroundColor + getComputedStyle(e).borderColor"
    before, item = button.evaluate(look), desk.item
    button.tap()
    desk.item = desk.wait(item)
    assert button.evaluate(look) == before
