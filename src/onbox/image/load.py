"""Streams an image into the daemon, and watches the unpacking as the disk work that it is."""

import subprocess
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from onbox.errors import BoxError, OnboxError
from onbox.image.daemon import Daemon, id_of
from onbox.launch.containers import ImageInfo
from onbox.schema.units import seconds
from onbox.watch.classify import WatchState
from onbox.watch.collect import Collector, Target
from onbox.watch.watcher import Tracker, Watcher

LOOK_S = 0.5
GRACE_S = 10.0
Feed = Callable[[IO[bytes], Callable[[int], None]], int]
"""Writes the archive to a pipe, telling how many bytes are out; returns how many there were."""


@dataclass(frozen=True)
class LoadProgress:
    """Where a load stands."""

    bytes_sent: int
    unpacking: bool
    """Everything is sent: the daemon works on it."""
    evidence: str
    """What it was seen to do."""


def load(
    daemon: Daemon,
    feed: Feed,
    name: str,
    ids: tuple[str, ...],
    on_progress: Callable[[LoadProgress], None] = lambda loading: None,
) -> ImageInfo:
    """Load an archive as it is written; nothing is named before it came whole.

    Args, Raises:
        as `Load`, and `Load.complete`.
    """
    with Load(daemon, feed) as loading:
        return loading.complete(name, ids, on_progress)


class Load:
    """A load under way: the daemon's client, and a thread that writes the archive into it.

    Use as a context manager; whatever happens inside, the client is gone afterwards. What `feed` waits for must have
    come, or have failed, by then.

    Args:
        feed: writes the archive.
    """

    def __init__(self, daemon: Daemon, feed: Feed) -> None:
        self._daemon = daemon
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 closed at the end of the context
        self._client = subprocess.Popen(
            [daemon.program, "load"],
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._feeder = _Feeder(self._client, feed)

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *_: object) -> None:
        _end(self._client)
        self._feeder.join()
        self._output.close()

    def complete(
        self, name: str, ids: tuple[str, ...], on_progress: Callable[[LoadProgress], None] = lambda loading: None
    ) -> ImageInfo:
        """Stay until it is loaded; nothing that it still needs is under way any more.

        Args:
            name: by which the daemon will know it.
            ids: any of which the daemon may call it: by its configuration, or by its manifest.
            on_progress: called twice a second.

        Raises:
            BoxError: the daemon refused it, ran out of disk, or stands still.
            BadSubjectError: a blob of it is broken.
        """
        daemon = self._daemon
        _attend(self._client, self._feeder, daemon, on_progress)
        self._feeder.join()
        if self._feeder.error is not None and not isinstance(self._feeder.error, BrokenPipeError):
            raise self._feeder.error
        if self._client.returncode:
            self._output.seek(0)
            raise _refused(daemon, self._output.read().decode("utf-8", "replace"))
        found = daemon.image(name)
        if found is None or id_of(found) not in ids:
            found_id = id_of(found)[:19] if found else "no such image"
            raise BoxError(
                f"{daemon.program} load: {name} is {found_id} afterwards, and {ids[0][:19]} was loaded",
                f"{daemon.program} image ls; is another load in progress?",
            )
        return found


class _Feeder(threading.Thread):
    """Writes the archive into the client."""

    def __init__(self, client: "subprocess.Popen[bytes]", feed: Feed) -> None:
        super().__init__(name="onbox-load", daemon=True)
        self.sent = 0
        self.done = False
        self.error: OnboxError | OSError | None = None
        self._client = client
        self._feed = feed
        self.start()

    def run(self) -> None:
        assert self._client.stdin is not None
        try:
            self._feed(self._client.stdin, self._note)
            self.done = True
        except (OnboxError, OSError) as error:
            self.error = error
            # An archive that ends in the middle must not look like one that is complete.
            if not isinstance(error, BrokenPipeError):
                self._client.kill()
        finally:
            with suppress(OSError):
                self._client.stdin.close()

    def _note(self, sent: int) -> None:
        self.sent = sent


def _attend(
    client: "subprocess.Popen[bytes]", feeder: _Feeder, daemon: Daemon, on_progress: Callable[[LoadProgress], None]
) -> None:
    target = Target(pids=(client.pid,), phase="unpack", exit_code=client.poll)
    watcher = Watcher(Collector(target), Tracker(phase="unpack"))
    try:
        while client.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                client.wait(LOOK_S)
            verdict, _ = watcher.tick()
            on_progress(LoadProgress(feeder.sent, feeder.done, verdict.why))
            if verdict.state is WatchState.HUNG:
                raise BoxError(
                    f"{daemon.program} load: no progress for {seconds(verdict.still_s)}: neither disk nor processor of "
                    "its own moved",
                    "see the daemon's log; no image was tagged",
                )
    finally:
        watcher.close()


def _refused(daemon: Daemon, words: str) -> BoxError:
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    last = lines[-1][:240] if lines else "it printed nothing"
    if "no space left" in words.lower():
        where = f" on {daemon.folder}" if daemon.folder else ""
        return BoxError(
            f"{daemon.program} load: the disk is full{where}: {last}",
            "free some space there and run it again: the fetched layers are kept, and no image was tagged",
        )
    if "no such file or directory" in words and "json" in words:
        hint = "this daemon is too old for the archive: docker 20.10 or podman 4 and later load it"
        return BoxError(f"{daemon.program} {daemon.version} load: {last}", hint)
    return BoxError(f"{daemon.program} load: {last}", "no image was tagged; the fetched layers are kept")


def _end(client: "subprocess.Popen[bytes]") -> None:
    if client.poll() is None:
        client.terminate()
        with suppress(subprocess.TimeoutExpired):
            client.wait(GRACE_S)
    if client.poll() is None:
        client.kill()
        client.wait()


def archive_file(path: Path) -> Feed:
    """A feed of an archive that lies here."""

    def feed(out: IO[bytes], on_bytes: Callable[[int], None]) -> int:
        sent = 0
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                out.write(block)
                sent += len(block)
                on_bytes(sent)
        return sent

    return feed
