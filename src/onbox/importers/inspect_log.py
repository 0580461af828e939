"""Logs of Inspect AI: JSON, and the packed form `.eval` (log version 2)."""

import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from onbox.errors import UsageError
from onbox.evidence.imported import ImportedRun
from onbox.importers.detection import document_of, lacks
from onbox.importers.reading import integer, not_such, real, text, within

ZSTANDARD = 93
"""How the zip format calls it."""
MEMBER_MAX_BYTES = 1 << 30


class InspectLog:
    """A run for each sample and epoch; a sample with an error, or without a score, is not graded."""

    name = "inspect"

    def read(self, path: Path) -> Sequence[ImportedRun]:
        """The samples of a log."""
        packed = path.is_file() and zipfile.is_zipfile(path)
        log = _unpacked(path) if packed else document_of(self.name, path).first
        if packed and (missing := lacks(self.name, log)):
            raise not_such(path, self.name, f"no {', '.join(missing)}")
        samples = within(log, "samples")
        if not isinstance(samples, list) or not samples:
            raise not_such(path, self.name, "no samples in it: was it read by its header alone?")
        return [_run(path.name, log, sample) for sample in samples]


def _unpacked(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as packed:
            names = packed.namelist()
            head = next((name for name in ("header.json", "_journal/start.json") if name in names), None)
            if head is None:
                raise not_such(path, InspectLog.name, "no header.json in it")
            log = json.loads(_member(packed, head))
            of_samples = sorted(name for name in names if name.startswith("samples/") and name.endswith(".json"))
            samples = [json.loads(_member(packed, name)) for name in of_samples]
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise UsageError(
            f"{path}: cannot be read: {error}", "inspect log convert FILE --to json --output-dir DIR"
        ) from error
    return {**log, "samples": samples} if isinstance(log, dict) else log


def _member(packed: zipfile.ZipFile, name: str) -> bytes:
    """A member of the archive; those of Zstandard, which Inspect writes since 2026, this Python reads not by itself.

    Raises:
        ValueError: it is larger than it says, or than `MEMBER_MAX_BYTES`.
    """
    info = packed.getinfo(name)
    if info.file_size > MEMBER_MAX_BYTES:
        raise ValueError(f"{name} is {info.file_size} bytes")
    if info.compress_type != ZSTANDARD:
        return packed.read(name)
    try:
        import zstandard
    except ImportError as error:
        raise NotImplementedError("packed by Zstandard: pip install zstandard") from error
    assert packed.fp is not None
    packed.fp.seek(info.header_offset)
    head = packed.fp.read(30)
    packed.fp.seek(int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little"), 1)
    try:
        with zstandard.ZstdDecompressor().stream_reader(packed.fp.read(info.compress_size)) as stream:
            found = stream.read(info.file_size + 1)
    except zstandard.ZstdError as error:
        raise ValueError(f"{name}: {error}") from error
    if len(found) > info.file_size:
        raise ValueError(f"{name} is larger than it says")
    return found


def _run(file: str, log: Any, sample: Any) -> ImportedRun:
    usage = within(sample, "model_usage")
    tokens = list(usage.values()) if isinstance(usage, dict) else []
    error = text(within(sample, "error", "message"))
    limit = text(within(sample, "limit", "type"))
    calls = list(_calls(sample))
    seconds = real(within(sample, "total_time"))
    return ImportedRun(
        tool="inspect",
        file=file,
        ts=text(within(log, "eval", "created")),
        experiment=text(within(log, "eval", "task")),
        task=str(within(sample, "id")),
        model=text(within(log, "eval", "model")) or "unknown model",
        arm=text(within(log, "eval", "task_attribs", "arm")) or text(within(log, "eval", "task")) or "baseline",
        trial=integer(within(sample, "epoch")),
        toolCalls=len(calls),
        toolNames=tuple(calls),
        tokensIn=_sum(tokens, "input_tokens"),
        tokensOut=_sum(tokens, "output_tokens"),
        wallMs=None if seconds is None else seconds * 1000,
        errors=(error,) if error else (),
        success=None if error else _passed(within(sample, "scores")),
        gate=f"limit: {limit}" if limit else None,
    )


def _passed(scores: Any) -> bool | None:
    """Every score full: C, true, or 1. A partial one is no pass, and a value of another kind says nothing."""
    if not isinstance(scores, dict) or not scores:
        return None
    values = [within(score, "value") for score in scores.values()]
    found = [_full(value) for value in values]
    return None if None in found else all(found)


def _full(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.upper() in ("C", "I", "P", "N"):
        return value.upper() == "C"
    number = real(value)
    return None if number is None else number >= 1.0


def _calls(sample: Any) -> Iterator[str]:
    messages = within(sample, "messages")
    for message in messages if isinstance(messages, list) else []:
        calls = within(message, "tool_calls")
        for call in calls if isinstance(calls, list) else []:
            yield str(within(call, "function"))


def _sum(usages: list[Any], key: str) -> int | None:
    found = [count for usage in usages if (count := integer(within(usage, key))) is not None]
    return sum(found) if found else None
