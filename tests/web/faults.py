"""Annotators who go on while the page and its trainer are killed, and the check afterwards.

    python -m tests.web.faults FOLDER --decisions 5000 --kills 20

Eight annotators post decisions about the images of FOLDER, each again until it is acknowledged.
Meanwhile the server, or the trainer, is killed (SIGKILL) at random moments and the server started
again. In the end every acknowledged decision must be in the project exactly once.
"""

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx

from askwell.store import Store
from tests.web.serving import free_port

ANNOTATORS = 8
_PATIENCE = 120


@dataclass
class Page:
    """The server at one port, started anew after each kill."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[str] | None = None
    link: str = ""
    said: list[str] = field(default_factory=list)
    done: int = 0
    due: int = 1

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        options = ["--no-browser", "--port", str(self.port), "--classes", "a,b,c"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "askwell", "label", str(self.folder), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for line in self.process.stdout:
            self.said.append(line)
            if found := re.search(r"https?://\S+/\?token=\S+", line):
                self.link = found.group()
                threading.Thread(
                    target=self._hear, args=(self.process.stdout,), daemon=True
                ).start()
                return
        raise AssertionError(f"the page did not start:\n{''.join(self.said)}")

    def _hear(self, lines: IO[str]) -> None:
        with lines:
            self.said.extend(lines)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        assert self.process.wait(timeout=120) in (0, 143, -signal.SIGTERM)


@dataclass
class Person:
    """Posts decisions, each until it is acknowledged."""

    page: Page
    link: str
    number: int
    share: int
    acknowledged: dict[str, tuple[int, int]] = field(default_factory=dict)
    error: BaseException | None = None

    def run(self) -> None:
        try:
            self._label()
        except BaseException as error:
            self.error = error

    def _label(self) -> None:
        chance = random.Random(self.number)
        with httpx.Client(headers={"origin": self.page.base}, timeout=30) as http:
            self._until(lambda: http.get(self.link))
            name = {"name": f"person {self.number}", "classes": []}
            self._until(lambda: http.post(f"{self.page.base}/api/start", json=name))
            found = self._until(lambda: http.get(f"{self.page.base}/api/status"))
            classes = [each["id"] for each in found["classes"]]
            while len(self.acknowledged) < self.share:
                if self.acknowledged and self.page.done > self.page.due:
                    time.sleep(0.005)
                    continue
                offers = self._until(lambda: http.get(f"{self.page.base}/api/next?n=3"))["offers"]
                items = [each["item"] for each in offers]
                if not items:  # all are answered: correct former answers
                    items = [item for item, _ in list(self.acknowledged.values())[-3:]]
                self._post(http, [(i, chance.choice(classes)) for i in items], chance)

    def _post(self, http: httpx.Client, answers: list[tuple[int, int]], chance: Any) -> None:
        decisions = [
            {"key": f"{chance.getrandbits(128):032x}", "item": item, "kind": "label", "label": c}
            for item, c in answers[: self.share - len(self.acknowledged)]
        ]
        body = {"decisions": decisions}
        found = self._until(lambda: http.post(f"{self.page.base}/api/decisions?n=0", json=body))
        assert [each["key"] for each in found["events"]] == [each["key"] for each in decisions]
        self.acknowledged |= {each["key"]: (each["item"], each["label"]) for each in decisions}

    def _until(self, ask: Any) -> dict[str, Any]:
        """What the server answers, once it does."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            try:
                response = ask()
            except httpx.TransportError:
                time.sleep(0.02)
                continue
            said = "".join(self.page.said)
            assert response.status_code == 200, f"{response.status_code} {response.text}\n{said}"
            is_json = response.headers["content-type"].startswith("application/json")
            return dict(response.json()) if is_json else {}
        raise AssertionError("the page did not come back")


def invitations(page: Page) -> list[str]:
    """A one-time link for each annotator."""
    with httpx.Client(base_url=page.base, headers={"origin": page.base}, timeout=30) as http:
        http.get(page.link).raise_for_status()
        asked = [http.post("/api/invite", json={}) for _ in range(ANNOTATORS)]
    return [str(response.raise_for_status().json()["value"]) for response in asked]


def trainers_of(page: Page) -> list[int]:
    """The processes below the server, by number."""
    listed = Path(f"/proc/{page.process.pid}/task/{page.process.pid}/children")
    found = [] if not listed.exists() else [int(n) for n in listed.read_text().split()]
    # A child of a thread other than the main one is listed with that thread.
    for task in Path(f"/proc/{page.process.pid}/task").glob("*/children"):
        found += [int(n) for n in task.read_text().split()]
    return sorted(set(found))


def trouble(folder: Path, decisions: int, kills: int, seed: int = 0) -> dict[str, int]:
    """Label through so many kills; fails if anything acknowledged is lost or doubled."""
    chance, page = random.Random(seed), Page(folder)
    page.start()
    links = invitations(page)
    people = [Person(page, link, k, decisions // ANNOTATORS) for k, link in enumerate(links)]
    threads = []
    for person in people:
        threads.append(threading.Thread(target=person.run))
        threads[-1].start()
    servers = trainers = 0
    wanted = decisions // (kills + 1)
    while any(thread.is_alive() for thread in threads):
        # Nobody runs out of decisions before the last kill: they wait where it is overdue.
        page.due = decisions if servers + trainers == kills else wanted * (servers + trainers + 1)
        time.sleep(chance.uniform(0.02, 0.2))
        page.done = sum(len(person.acknowledged) for person in people)
        ready = all(person.acknowledged for person in people)
        if servers + trainers >= kills or not ready or page.done < wanted * (servers + trainers):
            continue
        if trainers < servers:
            if children := trainers_of(page):  # else it is being started
                os.kill(chance.choice(children), signal.SIGKILL)
                trainers += 1
        else:
            page.kill()
            servers += 1
            page.start()
    page.stop()
    for person in people:
        if person.error is not None:
            raise person.error
    found = compare(folder, people)
    return found | {"server_kills": servers, "trainer_kills": trainers}


def compare(folder: Path, people: list[Person]) -> dict[str, int]:
    """Every acknowledged decision is in the project once, with nothing else beside."""
    with Store.read(folder / ".askwell" / "project.db") as store:
        assert store.check() == ()
        stored = [(e.decision.key, (e.decision.item, e.decision.label)) for e in store.events()]
        numbers = {each.name: each.id for each in store.annotators()}
        whose = {e.decision.key: e.decision.annotator for e in store.events()}
    wanted = {key: what for person in people for key, what in person.acknowledged.items()}
    assert len(stored) == len(dict(stored)), "a decision is there twice"
    assert dict(stored) == wanted
    for person in people:
        assert {whose[key] for key in person.acknowledged} == {numbers[f"person {person.number}"]}
    return {"decisions": len(wanted), "people": len(people)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--decisions", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=20)
    given = parser.parse_args()
    print(trouble(given.folder, given.decisions, given.kills))


if __name__ == "__main__":
    main()
