"""A folder that a stranger sealed: whatever its files hold, one line says which of them cannot be read."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from onbox.app.importing import import_records
from onbox.app.judging import judge_trial, verify_trial
from onbox.app.sealing import rewrite_reports
from onbox.errors import OnboxError
from onbox.evidence.manifest import write_manifest
from tests.recorded import unpack
from tests.sealed import sealed_trial

DEEP = b"[" * 50_000
CONTENTS = {"an empty list": b"[]\n", "deep": DEEP + b"]" * 50_000 + b"\n", "no text": b"\xff\xfe\x00\n"}
FILES = ("plan.yaml", "claims.yaml", "ledger.jsonl", "box.json", "verdict.json")
OF_A_CONTENDER = ("preflight.json", "fit.json", "standup/phases.json", "speed/1/run.json", "speed/1/telemetry.jsonl")
OF_A_RUN = ("run.json", "wire.jsonl", "trajectory.json")
ACTIONS: dict[str, Callable[[Path], object]] = {
    "verify": lambda folder: verify_trial(folder).check(),
    "report": lambda folder: rewrite_reports(folder, reseal=True),
}
ACCEPTED = {"verify": {"box.json"}, "report": {"box.json", "verdict.json", "trajectory.json"}}
"""What an action does without. No rate, check or verdict rests on `box.json`: what it says is shown, and the report
says that it cannot be read. The report is written from the records: it computes the verdict again, and says of a
trajectory that it cannot be read; `verify` names both."""


def complaint(act: Callable[[Path], object], folder: Path) -> str:
    """The line that says what is wrong; empty where nothing is."""
    try:
        act(folder)
    except OnboxError as error:
        return error.message
    return ""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack("resumed", tmp_path_factory.mktemp("stranger"))


def files_of(folder: Path) -> list[Path]:
    """One file of each kind."""
    contender = next(folder.glob("*/recipe.yaml")).parent
    run = next(contender.glob("runs/*/*/*/run.json")).parent
    found = [folder / name for name in FILES]
    return [*found, *(contender / name for name in OF_A_CONTENDER), *(run / name for name in OF_A_RUN)]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(FILES) + len(OF_A_CONTENDER) + len(OF_A_RUN)))
def test_a_file_of_something_else_ends_in_one_line(number: int, recorded: Path, tmp_path: Path) -> None:
    relative = files_of(recorded)[number].relative_to(recorded)
    for name, content in CONTENTS.items():
        folder = shutil.copytree(recorded, tmp_path / name)
        (folder / relative).parent.mkdir(parents=True, exist_ok=True)
        (folder / relative).write_bytes(content)
        write_manifest(folder)
        for action, act in ACTIONS.items():
            line = complaint(act, folder)
            assert "\n" not in line
            if relative.name in ACCEPTED[action]:
                assert line == ""
            else:
                assert str(relative) in line


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_the_report_says_what_it_could_not_read(content: bytes, recorded: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(recorded, tmp_path / "trial")
    trajectory = next(folder.glob("*/runs/*/*/*/trajectory.json"))
    (folder / "box.json").write_bytes(content)
    trajectory.write_bytes(content)
    write_manifest(folder)
    report = rewrite_reports(folder, reseal=True)
    assert "**cannot be read:** box.json: " in report.with_suffix(".md").read_text("utf-8")
    assert "The transcript cannot be read." in report.read_text("utf-8")


@pytest.mark.parametrize("field", ["arms", "contenders", "tasks"])
def test_a_plan_without_any_ends_in_one_line(field: str, recorded: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(recorded, tmp_path / "trial")
    plan = yaml.safe_load((folder / "plan.yaml").read_text("utf-8"))
    (folder / "plan.yaml").write_text(yaml.safe_dump({**plan, field: []}), "utf-8")
    write_manifest(folder)
    for action, act in {**ACTIONS, "judge": judge_trial}.items():
        line = complaint(act, folder)
        assert "\n" not in line
        # Nothing is planned, so there is nothing to judge or to show; runs that lie there all the same fail `verify`.
        assert line == "" if field != "arms" and action != "verify" else field.removesuffix("s") in line


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ([], "no verdict"),
        ({"rules": "x"}, "no verdict"),
        ({"rules": 1, "runs": [1]}, "runs is no list of objects"),
        ({"rules": 1, "checks": {"a": 1}}, "checks is no list of objects"),
        ({"rules": 10**30}, "not JSON"),
    ],
)
def test_a_verdict_that_is_none_does_not_verify(content: object, problem: str, tmp_path: Path) -> None:
    folder = sealed_trial(tmp_path / "sealed")
    (folder / "verdict.json").write_text(json.dumps(content), "utf-8")
    write_manifest(folder)
    found = verify_trial(folder)
    assert [(name, problem in what) for name, what in found.mismatches] == [("verdict.json", True)]


def test_whether_todays_rules_were_held_is_a_field(tmp_path: Path) -> None:
    folder = sealed_trial(tmp_path / "sealed")
    assert verify_trial(folder).by_todays_rules
    older = unpack("resumed", tmp_path)
    found = verify_trial(older)
    assert (found.rules, found.by_todays_rules) == (1, False)


@pytest.mark.parametrize("file", ["import.json", "trust.json", "cells.jsonl"])
def test_an_import_of_something_else_ends_in_one_line(file: str, tmp_path: Path) -> None:
    source = Path(__file__).parents[2] / "data" / "others" / "llama-benchy.json"
    import_records("llama-benchy", [source], tmp_path / "imported")
    for content in CONTENTS.values():
        (tmp_path / "imported" / file).write_bytes(content)
        write_manifest(tmp_path / "imported")
        for act in (judge_trial, ACTIONS["verify"]):
            line = complaint(act, tmp_path / "imported")
            assert "\n" not in line
            # What an import is worth is computed each time: the judge does not read the file.
            assert line == "" if (file, act) == ("trust.json", judge_trial) else file in line
