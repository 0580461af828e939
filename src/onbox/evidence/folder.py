"""Read and write an evidence folder: every write is atomic or append-only."""

import errno
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from onbox.atomic_files import as_json, utc_now, write_atomic
from onbox.errors import UsageError
from onbox.evidence.migrations import current
from onbox.evidence.records import Exchange, LedgerEntry, LedgerKind, Plan, RunRecord, SandboxReport
from onbox.field_errors import first_problem
from onbox.secret_forms import without_secrets
from onbox.untrusted_json import UntrustedJsonError, parse
from onbox.untrusted_yaml import parse as parse_yaml

AGAIN_MAX = 2
"""Further tries of a run that was invalid; more would be trying until it looks good."""

R = TypeVar("R", bound=BaseModel)
RunPlace = tuple[str, str, str]
"""(task, arm, number) of a run, as its folders are named."""
TAIL_BYTES = 65_536
_appending = threading.Lock()
"""Two threads that append to one file would cut off each other's lines."""


def append_line(path: Path, value: BaseModel | dict[str, Any]) -> None:
    """Append one JSON line in a single write; a last line that a kill cut off is removed first.

    Raises:
        OSError: the line could not be written whole.
    """
    data = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    line = without_secrets(as_json(data, separators=(",", ":")).encode())
    path.parent.mkdir(parents=True, exist_ok=True)
    with _appending, path.open("a+b", buffering=0) as file:
        end = _whole_lines_bytes(file)
        file.truncate(end)
        if os.writev(file.fileno(), (line, b"\n")) != len(line) + 1:
            file.truncate(end)
            raise OSError(errno.ENOSPC, "the disk took only a part of a line", str(path))


def _whole_lines_bytes(file: IO[bytes]) -> int:
    """Where the last newline of a file ends."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - TAIL_BYTES)
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the JSON lines of a file; a last line without its newline was cut off by a kill and is left out.

    Raises:
        UsageError: a complete line that is not JSON.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                yield json_of(line)
            except (ValueError, RecursionError) as error:
                raise UsageError(f"{path}:{number}: not JSON: {error}") from error


def read_json(path: Path) -> Any:
    """What a JSON file of a folder holds; whoever made the folder may have written anything.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except UntrustedJsonError as error:
        raise UsageError(f"{path}: not JSON: {error}") from error


def json_of(text: str | bytes) -> Any:
    """Parse JSON, which knows neither NaN nor Infinity.

    Pydantic's parser takes half of the time of the standard library's and gives the same values. It refuses some texts
    that the other takes, such as halves of characters and nesting beyond 200 levels: those are read again.

    Raises:
        ValueError: it is none.
    """
    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError:
        whole = text if isinstance(text, str) else text.decode(json.detect_encoding(text), "surrogatepass")
        return _JSON.decode(whole)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


_JSON = json.JSONDecoder(parse_constant=_no_constant)


class TrialFolder:
    """A trial's evidence folder.

    Args:
        path: the folder; use `create` for a new one and `open` for one that is there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    # ------------------------------------------------------------ whole folder

    @classmethod
    def create(cls, path: Path, plan: Plan) -> "TrialFolder":
        """Make the folder and freeze the plan in it.

        Raises:
            UsageError: the folder already holds something.
        """
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise UsageError(f"{path}: is there already and not empty", "name another folder, or go on with --resume")
        path.mkdir(parents=True, exist_ok=True)
        text = yaml.safe_dump(plan.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=110)
        write_atomic(path / "plan.yaml", text.encode())
        folder = cls(path)
        sizes = {"contender": len(plan.contenders), "task": len(plan.tasks)}
        counts = ", ".join(f"{number} {name}{'' if number == 1 else 's'}" for name, number in sizes.items())
        folder.note(LedgerKind.PLANNED, ".", counts, folder.plan_sha256())
        return folder

    @classmethod
    def open(cls, path: Path) -> "TrialFolder":
        """Open a folder that holds a plan.

        Raises:
            UsageError: it is not there, or holds no plan.
        """
        if not path.is_dir():
            raise UsageError(f"{path}: no such folder", "name the folder of a trial")
        if not (path / "plan.yaml").is_file():
            inside = sorted((each.parent for each in path.glob("*/plan.yaml")), key=lambda trial: trial.name)
            named = f"name one of those in it: {', '.join(map(str, inside[-3:]))}" if inside else ""
            raise UsageError(f"{path}: not a trial: it holds no plan.yaml", named or "name the folder of a trial")
        return cls(path)

    def plan(self) -> Plan:
        """The frozen plan.

        Raises:
            UsageError: `plan.yaml` is not a plan.
        """
        return _validated(Plan, self.path / "plan.yaml", _yaml)

    def plan_sha256(self) -> str:
        """The hash of `plan.yaml` as it lies."""
        return hashlib.sha256((self.path / "plan.yaml").read_bytes()).hexdigest()

    def note(self, kind: LedgerKind, subject: str, reason: str = "", sha256: str = "", runs: int | None = None) -> None:
        """Append to the ledger."""
        entry = LedgerEntry(at=utc_now(), kind=kind, subject=subject, reason=reason, sha256=sha256, runs=runs)
        unsaid = {name for name, value in (("sha256", sha256), ("runs", runs)) if not value}
        line = entry.model_dump(mode="json", exclude=unsaid)
        append_line(self.path / "ledger.jsonl", line)

    def mend_ledger(self) -> None:
        """Cut off a last line that a kill left half-written, so that the next one stands on its own."""
        path = self.path / "ledger.jsonl"
        data = path.read_bytes() if path.exists() else b""
        if not data.endswith(b"\n"):
            write_atomic(path, data[: data.rfind(b"\n") + 1])

    def ledger(self) -> list[LedgerEntry]:
        """All that was accepted, discarded and invalidated so far."""
        path = self.path / "ledger.jsonl"
        entries = [_entry(LedgerEntry, line, path) for line in read_lines(path)]
        for entry in entries:  # One for each run: of a long trial they are many, and most of them alike.
            entry.share_fields_set()
        return entries

    # ------------------------------------------------------------ parts

    def contender(self, name: str) -> Path:
        """The folder of a contender."""
        return self.path / name

    def run_folder(self, contender: str, task: str, arm: str, n: int) -> Path:
        """The folder of one run; `n` counts from 1."""
        return self._at(f"{self.contender(contender)}/runs/{task}/{arm}/{n}")

    def set_aside(self, run: RunRecord, reason: str) -> bool:
        """Move a run out of the way, so that its slot can be run again; what it holds is kept under `set-aside`.

        Returns:
            Whether it was moved: a slot gets at most `AGAIN_MAX` further tries.
        """
        folder = self.run_folder(run.contender, run.task, run.arm, run.n)
        shelf = self.contender(run.contender) / "set-aside" / run.task / run.arm
        earlier = len(list(shelf.glob(f"{run.n}.*")))
        if earlier >= AGAIN_MAX:
            return False
        shelf.mkdir(parents=True, exist_ok=True)
        target = shelf / f"{run.n}.{earlier + 1}"
        folder.rename(target)
        self.note(LedgerKind.DISCARDED, target.relative_to(self.path).as_posix(), reason)
        return True

    def runs(self, contender: str) -> list[RunRecord]:
        """The finished runs of a contender, in the order of task, arm and number.

        Raises:
            UsageError: a record cannot be read, or says that it is of another place than that it lies in.
        """
        alike: dict[str, SandboxReport] = {}
        return [self.run(contender, place, alike) for place in self.run_places(contender)]

    def _at(self, text: str) -> Path:
        """A path of the folder's own kind, whose readers may be bound to it (`onbox.view.inside`); cheaper than `/`."""
        return type(self.path)(text)

    def run_places(self, contender: str) -> list[RunPlace]:
        """Where each finished run of a contender lies, by the folders, in the order of task, arm and number."""
        home = f"{self.contender(contender)}/runs"
        found = (
            (task, arm, n)
            for task in _folders(home)
            for arm in _folders(f"{home}/{task}")
            for n in _folders(f"{home}/{task}/{arm}")
            if self._at(f"{home}/{task}/{arm}/{n}/run.json").exists()
        )
        return sorted(found, key=lambda place: (*place[:2], int(place[2]) if place[2].isdecimal() else 0, place[2]))

    def run(self, contender: str, place: RunPlace, alike: dict[str, SandboxReport]) -> RunRecord:
        """One finished run.

        Args:
            contender: whose run it is.
            place: of it.
            alike: sandboxes of runs before it: its own, half of what a record holds, is the same object as theirs.

        Raises:
            UsageError: the record cannot be read, or says that it is of another place than that it lies in.
        """
        path = self._at(f"{self.contender(contender)}/runs/{'/'.join(place)}/run.json")
        sandbox = ""

        def parse(text: str) -> Any:
            nonlocal sandbox
            data = json_of(text)
            if isinstance(data, dict) and (sandbox := repr(data.get("sandbox"))) in alike:
                data["sandbox"] = alike[sandbox]
            return data

        record = _validated(RunRecord, path, parse)
        alike.setdefault(sandbox, record.sandbox)
        if (record.contender, record.task, record.arm, str(record.n)) != (contender, *place):
            recorded_place = f"{record.contender}/runs/{record.task}/{record.arm}/{record.n}"
            raise UsageError(f"{path}: says that it is {recorded_place}", "put it back where it belongs")
        return record

    def exchanges(self, path: Path) -> list[Exchange]:
        """The recorded exchanges of a `wire.jsonl` or `requests.jsonl`; empty when the file is not there."""
        return [_entry(Exchange, line, path) for line in read_lines(path)]

    def read(self, model: type[R], path: Path) -> R:
        """Read one JSON record.

        Raises:
            UsageError: the file is missing, or is not such a record; the message names file and field.
        """
        return _validated(model, path, json_of)

    def read_if_there(self, model: type[R], path: Path) -> R | None:
        """Like `read`, with None for a file that is not there."""
        return self.read(model, path) if path.is_file() else None


def _yaml(text: str) -> Any:
    return parse_yaml(text, by_libyaml=True)


def _folders(path: str) -> list[str]:
    """The names of folders in one; none where it cannot be read."""
    try:
        with os.scandir(path) as entries:
            return [entry.name for entry in entries if entry.is_dir()]
    except OSError:
        return []


def _validated(model: type[R], path: Path, parse: Any) -> R:
    try:
        return model.model_validate(current(model.__name__, parse(path.read_text("utf-8"))))
    except FileNotFoundError as error:
        raise UsageError(f"{path}: missing") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise UsageError(f"{path}: {first_problem(error)}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: cannot be read: {str(error).partition(chr(10))[0]}") from error


def _entry(model: type[R], line: dict[str, Any], path: Path) -> R:
    try:
        return model.model_validate(current(model.__name__, line))
    except ValidationError as error:
        raise UsageError(f"{path}: {first_problem(error)}") from error
