"""Brings blobs of a known hash here: several at a time, resumed in the middle of one, also by a later process.

Image layers and weights come through this. A blob counts only with its size and sha256; until then it is a `.part`.
"""

import fcntl
import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

import urllib3
from urllib3.exceptions import HTTPError

from onbox.errors import BoxError, FetchError
from onbox.fetch.hashing import HASH_BLOCK_BYTES
from onbox.fetch.http import connection_failed, host_of

WORKERS = 6
FRUITLESS_MAX = 6
"""Attempts in a row that bring no byte before a blob is given up."""
BACKOFF_S, BACKOFF_MAX_S = 0.05, 4.0
RETRY_AFTER_MAX_S = 60.0
READ_BYTES = 256 * 1024
RANGE_LOST = 416


class BlobOpener(Protocol):
    """Opens a blob from an offset on; the response is 200 (from the first byte), 206, or an error to be retried."""

    def __call__(self, offset: int) -> urllib3.BaseHTTPResponse: ...


@dataclass(frozen=True)
class Blob:
    """One file to bring.

    Args:
        name: for messages.
        target: where it goes; `.part` is added until it is complete.
        open: opens it from an offset on.
        size_bytes: as published; None where nobody publishes it.
        sha256: as published, hex; empty where none is: then only the size is held against it.
        durable: on the disk before it counts. What is hashed again before its use can do without, and the disk may
            never have to take it.
    """

    name: str
    target: Path
    open: BlobOpener
    size_bytes: int | None
    sha256: str
    durable: bool = True


@dataclass
class Tally:
    """What a transfer did, filled while it runs; safe to read from another thread."""

    bytes_total: int = 0
    bytes_present: int = 0
    """Were here before: whole blobs, and beginnings that were resumed."""
    bytes_received: int = 0
    """Came over the network, those that were thrown away included."""
    bytes_discarded: int = 0
    """Received and not used: of a server that knows no ranges, or of a wrong digest."""
    reconnects: int = 0
    """Connections that were cut, or stalled, and were made again."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, **counts: int) -> None:
        """Count."""
        with self._lock:
            for name, count in counts.items():
                setattr(self, name, getattr(self, name) + count)

    @property
    def bytes_here(self) -> int:
        """Of the total, what is here by now."""
        return self.bytes_present + self.bytes_received - self.bytes_discarded


class TransferStopped(Exception):
    """The transfer as a whole is over; this blob keeps what it has."""


class _Over:
    """Ends a transfer as a whole: whoever waits for bytes is woken."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._open: set[urllib3.BaseHTTPResponse] = set()

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    def wait(self, wait_s: float) -> bool:
        """Sleep, unless it is over; whether it is."""
        return self._event.wait(wait_s)

    def opened(self, response: urllib3.BaseHTTPResponse) -> None:
        with self._lock:
            self._open.add(response)

    def closed(self, response: urllib3.BaseHTTPResponse) -> None:
        with self._lock:
            self._open.discard(response)
            # Not back into the pool: of a body that was not read to its end nothing can follow.
            response.close()

    def set(self) -> None:
        self._event.set()
        with self._lock:
            for response in self._open:
                with suppress(Exception):  # a socket that is closed already
                    response.shutdown()


OnBlob = Callable[[Blob], None]


def _no_one(blob: Blob) -> None:
    pass


def bring_all(
    blobs: Sequence[Blob], tally: Tally | None = None, *, workers: int = WORKERS, on_blob: OnBlob = _no_one
) -> Tally:
    """Bring all blobs, the largest first; one that fails ends the others, and what each has is kept for the next run.

    Args:
        blobs: what to bring; one whose target is here already is not fetched.
        tally: counts while it runs; a new one where left out.
        workers: blobs at a time.
        on_blob: called for each blob that is here whole, by the thread that brought it.

    Raises:
        FetchError: a blob could not be had, or what came twice has another digest.
        BoxError: the disk is full.
    """
    tally = tally or Tally()
    tally.add(bytes_total=sum(each.size_bytes or 0 for each in blobs))
    over = _Over()
    ordered = sorted(blobs, key=lambda each: -(each.size_bytes or 0))
    pool = ThreadPoolExecutor(workers, thread_name_prefix="onbox-transfer")
    try:
        running = [pool.submit(_bring_and_tell, each, tally, over, on_blob) for each in ordered]
        done, _ = wait(running, return_when=FIRST_EXCEPTION)
        failed = next((each for each in done if each.exception() is not None), None)
        if failed is not None:
            failed.result()
    finally:
        over.set()
        pool.shutdown(wait=True, cancel_futures=True)
    return tally


def _bring_and_tell(blob: Blob, tally: Tally, over: _Over, on_blob: OnBlob) -> None:
    _bring(blob, tally, over)
    on_blob(blob)


def _bring(blob: Blob, tally: Tally, over: _Over) -> None:
    if blob.target.exists():
        tally.add(bytes_present=blob.size_bytes or blob.target.stat().st_size)
        return
    blob.target.parent.mkdir(parents=True, exist_ok=True)
    partial = blob.target.with_name(f"{blob.target.name}.part")
    try:
        with _held(partial) as file:
            if blob.target.exists():
                tally.add(bytes_present=blob.size_bytes or 0)
                return
            for again in (False, True):
                digest = _Download(blob, file, tally, over).run()
                if not blob.sha256 or digest == blob.sha256:
                    file.flush()
                    if blob.durable:
                        os.fsync(file.fileno())
                    partial.replace(blob.target)
                    return
                tally.add(bytes_discarded=file.seek(0, os.SEEK_END))
                aside = blob.target.with_name(f"{blob.target.name}.wrong-{digest[:12]}")
                _set_aside(file, aside)
                if again:
                    raise FetchError(
                        f"{blob.name}: wrong digest, twice: got sha256:{digest}, published is sha256:{blob.sha256}",
                        f"the bytes are kept as {aside}; the registry, a mirror or a proxy on the way changes bytes",
                    )
    except OSError as error:
        raise BoxError(
            f"{blob.target.parent}: {error.strerror or error}", "free some space and run it again: it resumes"
        ) from error


def _set_aside(file: IO[bytes], aside: Path) -> None:
    """Copy what came under another name and begin anew: the part itself stays locked."""
    file.seek(0)
    with aside.open("wb") as copy:
        while block := file.read(HASH_BLOCK_BYTES):
            copy.write(block)
    file.truncate(0)
    file.seek(0)


@contextmanager
def _held(partial: Path) -> Iterator[IO[bytes]]:
    """The part, opened, and held against other processes that bring the same blob: they wait for its end."""
    while True:
        with partial.open("a+b", buffering=1 << 20) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            # Whoever held it before may have moved it into its place.
            here = partial.exists() and os.fstat(file.fileno()).st_ino == partial.stat().st_ino
            if here or partial.with_suffix("").exists():
                yield file
                return


class _Download:
    """One blob into its part, from what is there."""

    def __init__(self, blob: Blob, file: IO[bytes], tally: Tally, over: _Over) -> None:
        self._blob = blob
        self._file = file
        self._tally = tally
        self._over = over
        self._digest = hashlib.sha256()
        self._at = self._hash_what_is_here()
        tally.add(bytes_present=self._at)

    def run(self) -> str:
        """Download until it is complete; the sha256 of what is in the part."""
        fruitless = 0
        while not self._complete():
            before = self._at
            wait_s, error = self._attempt()
            if self._complete():
                break
            fruitless = 0 if self._at > before else fruitless + 1
            if error is None and self._blob.size_bytes is None:
                break
            error = error or FetchError(
                f"the connection ended after {self._at:,} of {self._blob.size_bytes or 0:,} bytes"
            )
            if fruitless >= FRUITLESS_MAX:
                raise FetchError(
                    f"{self._blob.name}: {error.message} ({FRUITLESS_MAX} attempts)",
                    error.next_step or "run the same command again: it resumes where it stopped",
                ) from error
            self._tally.add(reconnects=1)
            if self._over.wait(wait_s if wait_s is not None else min(BACKOFF_S * 2**fruitless, BACKOFF_MAX_S)):
                raise TransferStopped
        return self._digest.hexdigest()

    def _complete(self) -> bool:
        return self._blob.size_bytes is not None and self._at == self._blob.size_bytes

    def _hash_what_is_here(self) -> int:
        """The part's length, its bytes taken into the digest; one that is too long is thrown away."""
        self._file.seek(0)
        length = 0
        while block := self._file.read(HASH_BLOCK_BYTES):
            self._digest.update(block)
            length += len(block)
        if self._blob.size_bytes is not None and length > self._blob.size_bytes:
            return self._begin_anew()
        return length

    def _begin_anew(self) -> int:
        self._digest = hashlib.sha256()
        self._file.truncate(0)
        self._file.seek(0)
        return 0

    def _attempt(self) -> tuple[float | None, FetchError | None]:
        """(how long to wait before the next attempt, what ended this one); nothing where the body came to its end."""
        try:
            response = self._blob.open(self._at)
        except FetchError as error:
            if isinstance(error, FinalRefusal):
                raise
            return None, error
        self._over.opened(response)
        try:
            if response.status == RANGE_LOST:
                self._restart()
                return 0.0, FetchError(f"{self._blob.name}: the server's file is shorter than the part already here")
            if response.status not in (200, 206):
                return _retry_after(response), FetchError(f"status {response.status} of {_server(response)}")
            if response.status == 200 and self._at:
                self._restart()
            elif response.status == 206 and not self._starts_here(response):
                return None, FetchError(f"{_server(response)} sent another range than requested")
            return None, self._receive(response)
        finally:
            self._over.closed(response)

    def _restart(self) -> None:
        self._tally.add(bytes_discarded=self._at)
        self._at = self._begin_anew()

    def _starts_here(self, response: urllib3.BaseHTTPResponse) -> bool:
        content_range = response.headers.get("Content-Range", "")
        return content_range.startswith(f"bytes {self._at}-")

    def _receive(self, response: urllib3.BaseHTTPResponse) -> FetchError | None:
        limit = self._blob.size_bytes
        while not self._over.is_set:
            try:
                # What has come is taken as it is: a cut then loses nothing.
                chunk = response.read1(READ_BYTES)
            except (HTTPError, OSError, ValueError) as error:
                if self._over.is_set:
                    break
                return connection_failed(_url(response), error)
            if not chunk:
                return None
            if limit is not None and self._at + len(chunk) > limit:
                raise FinalRefusal(f"{self._blob.name}: the server sends more than the {limit:,} bytes published")
            self._file.write(chunk)
            self._digest.update(chunk)
            self._at += len(chunk)
            self._tally.add(bytes_received=len(chunk))
        self._file.flush()
        raise TransferStopped


class FinalRefusal(FetchError):
    """A refusal that trying again does not change."""


def _retry_after(response: urllib3.BaseHTTPResponse) -> float | None:
    with suppress(ValueError):
        return min(float(response.headers.get("Retry-After", "")), RETRY_AFTER_MAX_S)
    return None


def _url(response: urllib3.BaseHTTPResponse) -> str:
    return response.url or ""


def _server(response: urllib3.BaseHTTPResponse) -> str:
    return host_of(_url(response)) or "the server"


def watched_all(
    blobs: Iterable[Blob],
    on_bytes: Callable[[Tally], None],
    *,
    workers: int = WORKERS,
    every_s: float = 0.5,
    on_blob: OnBlob = _no_one,
) -> Tally:
    """As `bring_all`, with a look at the tally twice a second.

    Raises:
        FetchError, BoxError: as `bring_all`.
    """
    tally, over = Tally(), threading.Event()

    def look() -> None:
        while not over.wait(every_s):
            on_bytes(tally)

    thread = threading.Thread(target=look, name="onbox-tally", daemon=True)
    thread.start()
    try:
        return bring_all(list(blobs), tally, workers=workers, on_blob=on_blob)
    finally:
        over.set()
        thread.join()
        on_bytes(tally)
