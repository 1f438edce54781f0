"""A labelling page in a process of its own, and annotators who talk to it as browsers do."""

import re
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

_PATIENCE = 900.0


class Server:
    """`askwell label FOLDER` in a process of its own; `close` it, or use it as a context.

    Args:
        folder: of images.
        options: further arguments of the command.
    """

    def __init__(self, folder: Path, *options: str, classes: Sequence[str] = ()) -> None:
        command = [sys.executable, "-m", "askwell", "label", str(folder), "--no-browser"]
        if classes:
            command += ["--classes", ",".join(classes)]
        self.process = subprocess.Popen(
            [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.link = self._link()
        self.base = self.link.split("/?")[0]

    def _link(self) -> str:
        assert self.process.stdout is not None
        said = ""
        for line in self.process.stdout:
            said += line
            if found := re.search(r"https?://\S+/\?token=\S+", line):
                return found.group()
        raise RuntimeError(f"The page did not start:\n{said}")

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it as Ctrl-C does."""
        self.process.terminate()
        self.process.wait(timeout=30)


class Annotator:
    """One browser with a name."""

    def __init__(self, server: Server, name: str) -> None:
        self.http = httpx.Client(
            base_url=server.base, headers={"origin": server.base}, timeout=60, trust_env=False
        )
        self.http.get(server.link.removeprefix(server.base)).raise_for_status()
        self.post("/api/start", {"name": name, "classes": []})
        listed = self.get("/api/status")
        self.classes = {each["name"]: each["id"] for each in listed["classes"]}

    def get(self, path: str) -> dict[str, Any]:
        """The JSON of a GET."""
        response = self.http.get(path).raise_for_status()
        return dict(response.json())

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The JSON of a POST."""
        response = self.http.post(path, json=body).raise_for_status()
        return dict(response.json())

    def offers(self, n: int) -> list[dict[str, Any]]:
        """The next images."""
        return list(self.get(f"/api/next?n={n}")["offers"])

    def label(self, offers: Iterable[tuple[dict[str, Any], str]], n: int = 0) -> dict[str, Any]:
        """Answer some offers by class name; gives the answer of the server, with n offers more."""
        decisions = [
            {
                "key": uuid.uuid4().hex,
                "item": offer["item"],
                "kind": "label",
                "label": self.classes[name],
                "lead_time_ms": 1000,
                **{k: offer[k] for k in ("stream", "ranking", "acquisition", "score")},
            }
            for offer, name in offers
        ]
        return self.post(f"/api/decisions?n={n}", {"decisions": decisions})

    def path_of(self, item: int) -> str:
        """The file of an image, relative to the folder."""
        return str(self.get(f"/api/opinion/{item}")["path"])

    def answer(self, truth: Mapping[int, str], n: int) -> None:
        """Answer n offers with the truth, one at a time, and wait for the model's next ranking."""
        before = self.get("/api/status")["ranking"] or 0
        for _ in range(n):
            offers = self.offers(1)
            self.label([(offer, truth[offer["item"]]) for offer in offers])
        self.wait_for_ranking(before)

    def wait_until_read(self) -> None:
        """Until all images have features and the first ranking was made of them."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            status = self.get("/api/status")
            reading = any(line[0] == "Reading images" for line in status["facts"])
            if status["trainer"] == "idle" and status["ranking"] and not reading:
                return
            time.sleep(0.2)
        raise RuntimeError(f"The images were not read: {status}")

    def wait_for_ranking(self, after: int) -> None:
        """Until there is a later ranking and the trainer has nothing left to do."""
        until, quiet = time.monotonic() + _PATIENCE, 0
        while time.monotonic() < until:
            status = self.get("/api/status")
            done = (status["ranking"] or 0) > after and status["trainer"] == "idle"
            quiet = quiet + 1 if done else 0
            if quiet == 2:  # between two trainings it is idle for a moment
                return
            time.sleep(0.05)
        raise RuntimeError(f"No ranking came after {after}: {status}")
