"""A web server on this machine that can be told to misbehave, and small data sets on it."""

import gzip
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from askwell.datasets.files import File


@dataclass
class Server:
    """What is served, how, and what was asked for."""

    url: str = ""
    content: dict[str, bytes] = field(default_factory=dict)
    break_after: dict[str, int] = field(default_factory=dict)  # once, after so many bytes
    ranges: bool = True
    requests: list[tuple[str, str | None]] = field(default_factory=list)

    def put(self, name: str, data: bytes) -> None:
        self.content[f"{name}.gz"] = gzip.compress(data, mtime=0)


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name, asked = self.path.lstrip("/"), self.headers.get("Range")
            server.requests.append((name, asked))
            data = server.content.get(name)
            if data is None:
                self.send_error(404)
                return
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and server.ranges else 0
            if start >= len(data):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(data)}")
                self.end_headers()
                return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            stop = start + server.break_after.pop(name, len(data))
            self.wfile.write(data[start:stop])

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    state = Server()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(state)) as http:
        state.url = f"http://127.0.0.1:{http.server_address[1]}/"
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield state
        http.shutdown()
        thread.join()


def idx(array: np.ndarray) -> bytes:
    """An array of bytes as an idx file."""
    shape = np.array(array.shape, dtype=">u4").tobytes()
    return bytes([0, 0, 8, array.ndim]) + shape + array.astype(np.uint8).tobytes()


def describe(name: str, data: bytes) -> File:
    return File(name, len(data), hashlib.sha256(data).hexdigest())


@pytest.fixture
def contents() -> dict[str, bytes]:
    """The four files of a data set in MNIST's format: 30 training and 12 test images of 6×5."""
    rng = np.random.default_rng(0)
    return {
        f"{part}-{kind}": idx(rng.integers(0, high, shape))
        for part, n in (("train", 30), ("t10k", 12))
        for kind, high, shape in (
            ("images-idx3-ubyte", 256, (n, 6, 5)),
            ("labels-idx1-ubyte", 10, (n,)),
        )
    }
