"""The judge is pure in fact: each answer is read once, and the same evidence gives the same bytes anywhere."""

import json
from pathlib import Path

import pytest

from onbox.evidence.folder import TrialFolder
from onbox.evidence.load import load_trial
from onbox.evidence.records import Exchange
from onbox.judge.verdict.trial import judge
from onbox.protocol.reply_reader import ReplyReader
from tests.recorded import unpack


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
