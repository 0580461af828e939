"""The judge is pure in fact: it opens nothing, each answer is read once, and the same evidence gives the same verdict.

That it gives the same bytes elsewhere is held in `tests/programs/judge/test_same_bytes.py`.
"""

import ast
import json
import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from onbox.evidence.folder import TrialFolder
from onbox.evidence.load import load_trial
from onbox.evidence.records import Exchange
from onbox.judge.verdict.trial import judge
from onbox.protocol.reply_reader import ReplyReader
from tests.recorded import NAMES, unpack

SOURCE = Path(__file__).parents[3] / "src" / "onbox"
LOOKS = ("open", "os.listdir", "os.scandir", "glob.glob", "socket.connect", "subprocess.Popen")
IMPURE = frozenset(("io", "os", "pathlib", "shutil", "socket", "subprocess", "tempfile", "yaml"))
OPENERS = frozenset(("open", "exec", "eval", "compile", "input", "__import__", "breakpoint"))

_events: list[tuple[str, str]] | None = None
_thread = 0
"""Whose looks count: threads that other tests have left may still look at something."""


def _watch(event: str, arguments: Sequence[Any]) -> None:
    if _events is not None and event in LOOKS and threading.get_ident() == _thread:
        _events.append(
            (event, os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes) else str(arguments[0]))
        )


sys.addaudithook(_watch)


@contextmanager
def looks() -> Iterator[list[tuple[str, str]]]:
    """(event, its first argument) of each look outside of this process while the block runs."""
    global _events, _thread
    _events, _thread = [], threading.get_ident()
    try:
        yield _events
    finally:
        _events = None


def exchanges_of(folder: Path) -> int:
    """Recorded exchanges that the judge has to read."""
    return sum(
        len(path.read_bytes().splitlines())
        for path in folder.rglob("*.jsonl")
        if path.name in ("wire.jsonl", "requests.jsonl", "replay.jsonl")
    )


@pytest.mark.parametrize("name", ["invalid", "attached"])
def test_each_exchange_is_parsed_once(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = unpack(name, tmp_path)
    evidence = load_trial(TrialFolder.open(folder))
    ended, read = ReplyReader.end, 0

    def counted(reader: ReplyReader) -> object:
        nonlocal read
        read += 1
        return ended(reader)

    monkeypatch.setattr(ReplyReader, "end", counted)
    judge(evidence)
    assert 0 < read <= exchanges_of(folder)


def test_each_line_is_validated_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = unpack("invalid", tmp_path)
    validated = 0
    known = Exchange.model_validate

    def counted(data: object) -> Exchange:
        nonlocal validated
        validated += 1
        return known(data)

    monkeypatch.setattr(Exchange, "model_validate", counted)
    judge(load_trial(TrialFolder.open(folder)))
    assert validated == exchanges_of(folder)


def test_the_judge_needs_no_folder_once_it_is_read(tmp_path: Path) -> None:
    folder = unpack("resumed", tmp_path)
    evidence = load_trial(TrialFolder.open(folder))
    written = json.loads((folder / "verdict.json").read_text("utf-8"))
    folder.rename(tmp_path / "gone")
    first, second = judge(evidence).model_dump_json(), judge(evidence).model_dump_json()
    assert first == second
    # Fields that today's onbox adds and that trial does not know are left out.
    runs = [{key: run[key] for key in was} for run, was in zip(json.loads(first)["runs"], written["runs"], strict=True)]
    assert runs == written["runs"]


@pytest.mark.parametrize("name", NAMES)
def test_the_judge_opens_nothing(name: str, tmp_path: Path) -> None:
    evidence = load_trial(TrialFolder.open(unpack(name, tmp_path)))
    judge(evidence)  # What is imported when it is first used, is by now.
    with looks() as observation:
        judge(evidence)
    assert observation == []


@pytest.mark.parametrize("name", NAMES)
def test_each_file_of_a_folder_is_read_once(name: str, tmp_path: Path) -> None:
    folder = unpack(name, tmp_path)
    with looks() as observation:
        load_trial(TrialFolder.open(folder))
    opened = Counter(path for event, path in observation if event == "open" and path.startswith(str(folder)))
    assert len(opened) > 10
    assert {path: times for path, times in opened.items() if times > 1} == {}


def imports_of(path: Path) -> Iterator[str]:
    """The modules that a file names in its imports, those inside functions too."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_nothing_that_the_judge_takes_from_evidence_opens_files() -> None:
    """Types and readers stand apart, so that a judge who names the one does not have the other at hand."""
    taken = {name for path in (SOURCE / "judge").rglob("*.py") for name in imports_of(path)}
    modules = sorted(name for name in taken if name.startswith(("onbox.evidence.", "onbox.protocol.")))
    assert len(modules) > 5
    for name in modules:
        base = SOURCE.parent / name.replace(".", "/")
        files = [base.with_suffix(".py")] if base.with_suffix(".py").is_file() else sorted(base.glob("*.py"))
        assert files, name
        for file in files:
            assert {each.partition(".")[0] for each in imports_of(file)}.isdisjoint(IMPURE), file


def test_the_judge_calls_nothing_that_opens_or_executes() -> None:
    called = {
        f"{path.relative_to(SOURCE)}:{node.lineno}"
        for path in (SOURCE / "judge").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in OPENERS
    }
    assert called == set()
