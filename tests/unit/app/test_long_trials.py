"""The small form of `bench/long_trial.py`: what makes ten thousand runs cheap holds for a few of them."""

import sys
from pathlib import Path

import pytest

from onbox.app.sealing import rewrite_reports
from onbox.app.verifying import verify_trial
from onbox.evidence.folder import TrialFolder
from onbox.protocol.reply_reader import ReplyReader
from onbox.report.text import LINE_CHARACTERS_MAX, TEXT_CHARACTERS_MAX, one_line, visible
from tests.judging import judge

sys.path.insert(0, str(Path(__file__).parents[3] / "bench"))
long_trial = pytest.importorskip("long_trial")


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> TrialFolder:
    made: TrialFolder = long_trial.make(tmp_path_factory.mktemp("long") / "trial", tasks=3, runs=4)
    return made


def test_it_verifies_and_no_two_runs_say_the_same(trial: TrialFolder) -> None:
    assert verify_trial(trial.path).mismatches == ()
    verdict = judge(trial)
    assert len(verdict.runs) == 24
    assert {contender.valid for contender in verdict.contenders} == {12}


@pytest.mark.parametrize("command", [verify_trial, rewrite_reports])
def test_each_exchange_is_parsed_once(trial: TrialFolder, command: object, monkeypatch: pytest.MonkeyPatch) -> None:
    ended, read = ReplyReader.end, 0

    def counted(reader: ReplyReader) -> object:
        nonlocal read
        read += 1
        return ended(reader)

    monkeypatch.setattr(ReplyReader, "end", counted)
    assert callable(command)
    command(trial.path)
    assert read == sum(len(path.read_bytes().splitlines()) for path in trial.path.glob("*/runs/*/*/*/wire.jsonl"))


def test_no_text_is_shown_without_a_bound() -> None:
    assert one_line("x" * 1_000_000).count("x") == LINE_CHARACTERS_MAX
    assert "990,000 characters left out" in one_line("x" * 1_000_000)
    assert visible("x" * 1_000_000).count("x") == TEXT_CHARACTERS_MAX
    assert visible("short\n") == "short\n"
