"""All that a watch saw, in one file: a line that says what it is, then one JSON line for each tick.

A name that ends in `.gz` is compressed. Whatever was written before a kill can be read.
"""

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self, cast

from onbox.errors import UsageError
from onbox.input_files import kind_of_special
from onbox.secret_forms import without_secrets
from onbox.watch.samples import WatchSample

_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode
FORMAT = 1
FLUSH_LINES = 30
"""Of a compressed file: each flush costs some of what the compression gained."""
LINE_CHARS_MAX = 64 << 20
"""Of a recording; a line of a watch over thousands of processes has some hundred kilobytes."""
BATCH_NS = 900_000_000
"""Samples of this time are written together, which costs half of what each by itself would."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """The first line of a recording."""

    onbox_recording: int = FORMAT
    title: str = ""
    made: str = "recorded"
    """`recorded`: a look at something real. `reconstructed`: written after an incident, from what is known of it."""
    truth: str = "unknown"
    """What it was: `healthy`, `hung`, `starved`, `dead`; `unknown` for whatever was simply recorded."""
    stalled_s: float | None = None
    """When it stopped, for a recording whose truth is `hung`."""
    note: str = ""


def refuse_other_file(path: Path) -> None:
    """See that a recording written there takes the place of nothing but another recording.

    Raises:
        UsageError: something else is there.
    """
    try:
        facts = path.stat()
    except OSError:
        return
    if word := kind_of_special(facts.st_mode):
        raise UsageError(f"{path}: is {word}, no file", "name another file for the recording")
    if not facts.st_size:
        return
    try:
        WatchRecording(path)
    except UsageError as error:
        raise UsageError(
            f"{path}: is there already and no recording: not overwritten", "name another file for the recording"
        ) from error


class Recorder:
    """Writes a recording; a sample can be read within a second of looks, in a compressed file some lines later."""

    def __init__(self, path: Path, header: Header) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._packed = path.suffix == ".gz"
        self._file = _opened(path, "w")
        self._lines = self._flushed_lines = 0
        self._waiting: list[WatchSample] = []
        self._written_ns = -BATCH_NS
        self._append([asdict(header)])

    def write(self, sample: WatchSample) -> None:
        """Append one sample."""
        self._waiting.append(sample)
        if sample.ended or sample.t_ns - self._written_ns >= BATCH_NS:
            self._written_ns = sample.t_ns
            self._write_waiting()

    def _write_waiting(self) -> None:
        self._append([sample.to_json() for sample in self._waiting])
        self._waiting.clear()

    def _append(self, rows: list[dict[str, object]]) -> None:
        # The words of a program that is watched are in it, and it may print its environment.
        self._file.write(without_secrets("".join(_encode(row) + "\n" for row in rows).encode()).decode())
        self._lines += len(rows)
        if not self._packed or self._lines - self._flushed_lines >= FLUSH_LINES:
            self._file.flush()
            self._flushed_lines = self._lines

    def close(self) -> None:
        self._write_waiting()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class WatchRecording:
    """A recording to be replayed.

    Raises:
        UsageError: the file is missing or is not a recording.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.exists() and (word := kind_of_special(path.stat().st_mode)):
            raise UsageError(f"{path}: is {word}, no file", "make one with onbox watch --record FILE")
        first = next(self._lines(), None)
        try:
            self.header = Header(**json.loads(first or "null"))
        except (TypeError, ValueError) as error:
            raise UsageError(f"{path}: not a recording of onbox", "make one with onbox watch --record FILE") from error
        if self.header.onbox_recording != FORMAT:
            raise UsageError(f"{path}: recording format {self.header.onbox_recording}, this onbox reads {FORMAT}")

    def __iter__(self) -> Iterator[WatchSample]:
        for number, line in enumerate(self._lines(), start=1):
            if number == 1:
                continue
            try:
                yield WatchSample.from_json(json.loads(line))
            except (TypeError, ValueError) as error:
                raise UsageError(f"{self.path}:{number}: not a sample: {error}") from error

    def _lines(self) -> Iterator[str]:
        """Whole lines; what a kill cut off is left out."""
        try:
            with _opened(self.path, "r") as file:
                while line := file.readline(LINE_CHARS_MAX):
                    if line.endswith("\n"):
                        yield line
                    elif len(line) == LINE_CHARS_MAX:
                        raise UsageError(
                            f"{self.path}: not a recording of onbox", "make one with onbox watch --record FILE"
                        )
        except (EOFError, zlib.error):
            return
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UsageError(
                f"{self.path}: cannot be read: {reason}", "make one with onbox watch --record FILE"
            ) from error


def _opened(path: Path, mode: Literal["r", "w"]) -> IO[str]:
    if path.suffix == ".gz":
        packed = gzip.open(path, "rt" if mode == "r" else "wt", encoding="ascii")  # noqa: SIM115
        return cast("IO[str]", packed)
    return path.open(mode, encoding="ascii")
