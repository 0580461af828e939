"""Each way to edit a sealed trial is found and named, whether or not the manifest was made anew afterwards."""

import json
import re
import shutil
from pathlib import Path

import pytest

from onbox.app.exporting import export_trial
from onbox.app.sealing import changes_since_sealed, rewrite_reports
from onbox.app.verifying import verify_trial
from onbox.cli.main import run
from onbox.errors import BadSubjectError, UsageError
from onbox.evidence.folder import TrialFolder
from onbox.evidence.manifest import NAME, is_evidence
from onbox.evidence.records import LedgerKind
from tests.sealed import EDITS, PASSED, SMALL_RUN, Edit, made_anew, sealed_trial

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sealed_trial(tmp_path_factory.mktemp("sealed") / "trial")


@pytest.fixture
def trial(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "copy", symlinks=True))


def foot_of_page(folder: Path) -> str:
    """The last SHA-256 that the page prints."""
    found: list[str] = re.findall(r"\b[0-9a-f]{64}\b", (folder / "report.html").read_text("utf-8"))
    return found[-1]


def gate_says_yes(folder: Path) -> None:
    path = folder / SMALL_RUN / "2/run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "gate": PASSED}))


def exit_code(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        run([str(argument) for argument in arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


# ---------------------------------------------------------------- verify


def test_what_nobody_edited_verifies(trial: Path) -> None:
    found = verify_trial(trial, against=foot_of_page(trial))
    assert (found.mismatches, found.notes, found.seal) == ((), (), foot_of_page(trial))


def test_a_folder_may_be_moved_and_renamed(trial: Path, tmp_path: Path) -> None:
    moved = trial.rename(tmp_path / "another name")
    assert verify_trial(moved).mismatches == ()


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_an_edit_is_found(trial: Path, edit: Edit) -> None:
    edit.make(trial)
    found = verify_trial(trial).mismatches
    assert any(edit.unsealed in problem for _, problem in found), found


@pytest.mark.parametrize("edit", [edit for edit in EDITS if edit.problem], ids=lambda edit: edit.name)
def test_an_edit_is_found_though_the_manifest_was_made_anew(trial: Path, edit: Edit) -> None:
    edit.make(trial)
    made_anew(trial)
    found = verify_trial(trial).mismatches
    assert any(file == edit.file and edit.problem in problem for file, problem in found), found


def test_the_page_lists_each_edit() -> None:
    page = (ROOT / "docs/evidence.md").read_text("utf-8")
    rows = {line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")}
    assert {edit.name for edit in EDITS} <= rows


def test_a_forger_who_makes_all_anew_is_found_by_the_published_seal_alone(trial: Path) -> None:
    published = foot_of_page(trial)
    gate_says_yes(trial)
    for name in (NAME, "report.html", "report.md", "post.md", "verdict.json"):
        (trial / name).unlink()
    rewrite_reports(trial)
    assert verify_trial(trial).mismatches == ()
    ((file, problem),) = verify_trial(trial, against=published).mismatches
    assert (file, "not the one given by --against" in problem) == (NAME, True)


@pytest.mark.parametrize("given", ["abc", "z" * 64, "0" * 63])
def test_what_is_no_hash_is_refused(trial: Path, given: str) -> None:
    with pytest.raises(UsageError, match="no SHA-256"):
        verify_trial(trial, against=given)


def test_the_command(trial: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("verify", trial, "--against", foot_of_page(trial), "--json") == 0
    assert json.loads(capsys.readouterr().out)["seal"] == foot_of_page(trial)
    assert exit_code("verify", trial, "--against", "0" * 64) == 1
    assert exit_code("verify", trial, "--against", "0") == 2


# ---------------------------------------------------------------- report and judge


def test_reports_of_unchanged_evidence_are_the_same_bytes(trial: Path) -> None:
    before = {name: (trial / name).read_bytes() for name in ("report.html", "report.md", "verdict.json", NAME)}
    rewrite_reports(trial)
    assert {name: (trial / name).read_bytes() for name in before} == before


def test_changed_evidence_is_not_sealed_in_silence(trial: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gate_says_yes(trial)
    before = (trial / NAME).read_bytes()
    assert exit_code("report", trial) == 1
    assert f"{SMALL_RUN}/2/run.json: changed" in capsys.readouterr().err.replace("\n", " ")
    assert (trial / NAME).read_bytes() == before
    assert exit_code("report", trial, "--reseal") == 0
    last = TrialFolder.open(trial).ledger()[-1]
    assert (last.kind, f"{SMALL_RUN}/2/run.json: changed" in last.reason) == (LedgerKind.RESEALED, True)
    assert verify_trial(trial).mismatches == ()
    assert "resealed" in (trial / "report.html").read_text("utf-8")


def test_evidence_without_its_manifest_is_held_by_the_last_report(trial: Path) -> None:
    (trial / NAME).unlink()
    rewrite_reports(trial)
    gate_says_yes(trial)
    (trial / NAME).unlink()
    with pytest.raises(BadSubjectError, match="not the one that the last report was made from"):
        rewrite_reports(trial)


def test_an_edited_report_is_written_again_and_named(trial: Path) -> None:
    (trial / "report.md").write_text("# Keep\n")
    lines: list[str] = []
    rewrite_reports(trial, tell=lines.append)
    assert any("report.md" in line for line in lines)
    assert verify_trial(trial).mismatches == ()


def test_judge_names_what_changed(trial: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("judge", trial, "--json") == 0
    assert "changed" not in json.loads(capsys.readouterr().out)
    gate_says_yes(trial)
    assert exit_code("judge", trial, "--json") == 0
    printed = capsys.readouterr()
    name = f"{SMALL_RUN}/2/run.json"
    assert json.loads(printed.out)["changed"] == [{"file": name, "problem": "changed"}]
    assert "changed since it was sealed" in printed.err
    assert changes_since_sealed(trial) == [(name, "changed")]


def test_a_statement_names_the_seal_and_only_of_evidence_that_holds(trial: Path, tmp_path: Path) -> None:
    statement = json.loads(export_trial(trial, "in-toto", tmp_path / "statement.json").path.read_text())
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    digests = {subject["name"]: subject["digest"]["sha256"] for subject in statement["subject"]}
    assert digests["evidence"] == foot_of_page(trial)
    assert digests["plan.yaml"] == TrialFolder.open(trial).plan_sha256()
    assert statement["predicate"]["verdict"] == json.loads((trial / "verdict.json").read_text())["verdict"]
    gate_says_yes(trial)
    with pytest.raises(BadSubjectError, match="changed since it was sealed"):
        export_trial(trial, "in-toto", tmp_path / "other.json")


def test_what_is_computed_is_not_evidence() -> None:
    names = ("verdict.json", "report.html", "report.md", NAME, "transcripts/1.html")
    assert not any(is_evidence(name) for name in names)
    assert is_evidence("large/verdict.json")
    assert is_evidence("transcripts.jsonl")
