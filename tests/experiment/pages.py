"""Reading what a report wrote: its page and its CSV files."""

import csv
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from askwell.records import Run

VOID = {"meta", "link", "img", "br", "path", "use", "rect"}


class Page(HTMLParser):
    """What a test wants to know about a page; fails on tags that do not nest."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def images_of(run: Run):
    ids = {i for c in run.chains for s in c.steps for i in s.acquired}
    return {i: np.full((28, 28), i % 256, np.uint8) for i in ids}


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def check(text: str) -> Page:
    """What holds for every report."""
    assert text.startswith("<!DOCTYPE html>")
    parsed = Page(text)
    for tag, attributes in parsed.tags:
        for name in ("src", "href", "xlink:href", "data", "srcset", "action"):
            assert (attributes.get(name) or "data:").startswith(("data:", "#")), (tag, attributes)
    assert not {"script", "iframe", "object"} & {tag for tag, _ in parsed.tags}
    for forbidden in ("http:", "https:", "@import", "url(data"):
        assert forbidden not in text
    assert not re.search(r"\bnan\b", parsed.text)
    assert len(parsed.all("h1")) == 1
    assert len(parsed.all("caption")) == len(parsed.all("table"))
    assert all(image.get("alt") for image in parsed.all("img"))
    assert all(s.get("role") == "img" and s.get("aria-label") for s in parsed.all("svg"))
    ids = [a["id"] for _, a in parsed.tags if a.get("id")]
    assert len(ids) == len(set(ids))
    return parsed
