"""The small form of `bench/long_trial.py`: what makes ten thousand runs cheap holds for a few of them."""

import json
import sys
from pathlib import Path

import pytest

from onbox.app.sealing import PROBLEM_CHARACTERS_MAX, in_words, rewrite_reports
from onbox.app.verifying import verify_trial
from onbox.evidence.folder import TrialFolder
from onbox.evidence.manifest import write_manifest
from onbox.evidence.records import LedgerKind
from onbox.judge.rule import HINT_CHARACTERS_MAX, finding
from onbox.protocol.reply_reader import ReplyReader
from onbox.report import html
from onbox.report.text import LINE_CHARACTERS_MAX, TEXT_CHARACTERS_MAX, one_line, visible
from onbox.schema.checks import Status
from tests.builders import build_trial
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
    assert visible("x" * 1_000, 100).count("x") == 100
    check = finding(status=Status.WARN, observed="y" * 1_000_000, threshold=None, hint="x" * 1_000_000)
    assert (len(check.hint), len(str(check.observed))) == (HINT_CHARACTERS_MAX + 1, HINT_CHARACTERS_MAX + 1)
    assert len(in_words([("verdict.json", "z" * 1_000_000)] * 9)) < 6 * PROBLEM_CHARACTERS_MAX


def test_words_of_the_evidence_are_cut_on_the_page_and_named_where_they_are_an_edit(trial: TrialFolder) -> None:
    written = (trial.path / "verdict.json").read_text("utf-8")
    (trial.path / "verdict.json").write_text(json.dumps({**json.loads(written), "q" * 100_000: 1}), "utf-8")
    write_manifest(trial.path)
    ((file, problem),) = verify_trial(trial.path).mismatches
    assert (file, len(problem) < 200) == ("verdict.json", True)
    (trial.path / "verdict.json").write_text(written, "utf-8")
    write_manifest(trial.path)
    trial_copy = build_trial(trial.path.parent / "told")
    trial_copy.note(LedgerKind.FAILED, "large", "x" * 1_000_000)
    page = html.render(trial_copy, judge(trial_copy))
    assert len(page) < 300_000
