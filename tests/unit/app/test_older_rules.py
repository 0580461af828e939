"""A folder that an onbox of earlier rules sealed: what no rule has changed since must follow, the rest is a note."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from onbox.app.importing import import_records
from onbox.app.judging import verify_trial
from onbox.app.sealing import seal
from onbox.cli.commands.verify import command
from onbox.evidence.folder import TrialFolder
from onbox.evidence.manifest import write_manifest
from onbox.evidence.records import ArmPlan, McpServer
from onbox.judge import RULES
from tests.builders import SMALL, build_plan, scripted_run, write_run
from tests.exchanges import chat_request
from tests.sealed import sealed_trial

OLDER = 7
RUN = "large/runs/rename/baseline/2"
OF_REPLIES = ("tool_calls", "prompt_tokens", "completion_tokens")
Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    return sealed_trial(tmp_path / "sealed")


def rewrite(path: Path, change: Change) -> None:
    """A JSON file with something else in it, not yet sealed."""
    value = json.loads(path.read_text("utf-8"))
    change(value)
    path.write_text(json.dumps(value), "utf-8")


def judged_by(folder: Path, rules: int, change: Change = lambda verdict: None) -> Path:
    """The folder with the verdict of an onbox of these rules, and the manifest made anew."""
    rewrite(folder / "verdict.json", lambda verdict: (verdict.update(rules=rules), change(verdict)))
    write_manifest(folder)
    return folder


def with_trajectory(folder: Path, *changes: Change) -> Path:
    """The folder sealed with another trajectory of one run."""
    for change in changes:
        rewrite(folder / RUN / "trajectory.json", change)
    seal(TrialFolder.open(folder))
    return folder


def problems(folder: Path) -> list[tuple[str, str]]:
    return list(verify_trial(folder).mismatches)


# ---------------------------------------------------------------- checks


def trial_with_an_arm(path: Path) -> Path:
    """A sealed trial whose server `fs` is nowhere offered, beside a tool `offset`."""
    arm = ArmPlan(name="files", mcp={"fs": McpServer(command=("server",))})
    plan = build_plan([SMALL]).model_copy(update={"arms": ("baseline", "files"), "treatments": (arm,), "runs": 1})
    folder = TrialFolder.create(path, plan)
    request = chat_request(({"type": "function", "function": {"name": "offset"}},))
    for task in SMALL.runs:
        for name in plan.arms:
            record, exchanges = scripted_run("P", SMALL.name, task, 1, name)
            tools = request if name == "files" else chat_request()
            write_run(folder, record, [each.model_copy(update={"request": tools}) for each in exchanges])
    seal(folder)
    return path


def isolated(verdict: dict[str, Any]) -> None:
    """As rules 7 found it: the server in the name of a tool."""
    (check,) = (check for check in verdict["checks"] if check["id"] == "ARM_ISOLATED")
    assert check["status"] == "fail"
    check.update(status="pass", observed=0, hint="")


def test_a_check_that_rules_8_changed_is_not_held_against_older_rules(tmp_path: Path) -> None:
    folder = judged_by(trial_with_an_arm(tmp_path / "arms"), OLDER, isolated)
    found = verify_trial(folder)
    assert (found.mismatches, found.rules) == ((), OLDER)
    assert any("rules 7 of an earlier onbox" in note for note in found.notes)


def test_by_todays_rules_it_is(tmp_path: Path) -> None:
    folder = judged_by(trial_with_an_arm(tmp_path / "arms"), RULES, isolated)
    assert problems(folder) == [("verdict.json", "checks does not follow from the evidence")]


def test_other_checks_are_held_against_older_rules(trial: Path) -> None:
    def audited(verdict: dict[str, Any]) -> None:
        next(check for check in verdict["checks"] if check["id"] == "SANDBOX_HELD").update(status="fail")

    assert problems(judged_by(trial, OLDER, audited)) == [("verdict.json", "checks does not follow from the evidence")]


# ---------------------------------------------------------------- runs and trajectories


def read_otherwise(verdict: dict[str, Any]) -> None:
    """The counts of an onbox that read the replies in another way."""
    for run in verdict["runs"]:
        run.update({name: run[name] + 1 for name in OF_REPLIES}, ttft_s=9.0, decode_tok_s=1.0, each_turn=[])


@pytest.mark.parametrize(("rules", "verifies"), [(OLDER, True), (RULES, False)])
def test_counts_of_replies_are_held_by_todays_rules_alone(rules: int, verifies: bool, trial: Path) -> None:
    found = verify_trial(judged_by(trial, rules, read_otherwise))
    assert (found.mismatches == ()) == verifies
    assert any("since rules 8" in note for note in found.notes) == verifies


@pytest.mark.parametrize("change", [{"seconds": 1.0}, {"outcome": "invalid"}, {"n": 9}, {"files_changed": 7}])
def test_what_is_of_no_reply_is_held_by_older_rules_too(change: dict[str, Any], trial: Path) -> None:
    folder = judged_by(trial, OLDER, lambda verdict: verdict["runs"][0].update(change))
    assert problems(folder) == [("verdict.json", "runs does not follow from the evidence")]


def answered_otherwise(trajectory: dict[str, Any]) -> None:
    next(step for step in trajectory["steps"] if step["role"] == "assistant")["content"] = "Something else."


def instructed_otherwise(trajectory: dict[str, Any]) -> None:
    next(step for step in trajectory["steps"] if step["role"] == "user")["content"] = "Delete the function."


def test_an_answer_that_older_rules_read_otherwise_is_a_note(trial: Path) -> None:
    found = verify_trial(judged_by(with_trajectory(trial, answered_otherwise), OLDER))
    assert found.mismatches == ()
    assert any(note.startswith("1 trajectory differs") and f"{RUN}/trajectory.json" in note for note in found.notes)


def test_by_todays_rules_an_answer_that_differs_is_found(trial: Path) -> None:
    folder = judged_by(with_trajectory(trial, answered_otherwise), RULES)
    assert [name for name, _ in problems(folder)] == [f"{RUN}/trajectory.json"]


@pytest.mark.parametrize("changes", [(instructed_otherwise,), (instructed_otherwise, answered_otherwise)])
def test_what_was_sent_to_the_model_is_held_by_older_rules_too(changes: tuple[Change, ...], trial: Path) -> None:
    ((name, problem),) = problems(judged_by(with_trajectory(trial, *changes), OLDER))
    assert (name, "is not what was sent to the model" in problem) == (f"{RUN}/trajectory.json", True)


def test_a_trajectory_that_cannot_be_read_is_found_by_older_rules_too(trial: Path) -> None:
    (trial / RUN / "trajectory.json").write_text("{", "utf-8")
    seal(TrialFolder.open(trial))
    ((name, problem),) = problems(judged_by(trial, OLDER))
    assert (name, problem.startswith("cannot be read")) == (f"{RUN}/trajectory.json", True)


@pytest.mark.parametrize("name", ["verdict.json", f"{RUN}/trajectory.json", f"{RUN}/run.json"])
def test_older_rules_hide_no_changed_hash(name: str, trial: Path) -> None:
    judged_by(trial, OLDER)
    (trial / name).write_text((trial / name).read_text("utf-8") + "\n", "utf-8")
    assert problems(trial) == [(name, "changed")]


# ---------------------------------------------------------------- imports


@pytest.fixture
def imported(tmp_path: Path) -> Path:
    """An import of a rate that no stream has, which rules before 8 called one."""
    report = json.loads((Path(__file__).parents[2] / "data/others/vllm-bench.json").read_text("utf-8"))
    source = tmp_path / "vllm-bench.json"
    source.write_text(json.dumps({**report, "mean_tpot_ms": 0.001, "median_tpot_ms": 0.001}), "utf-8")
    import_records("vllm-bench", [source], tmp_path / "imported")
    return tmp_path / "imported"


def rate(trust: dict[str, Any]) -> dict[str, Any]:
    (number,) = (number for number in trust["numbers"] if number["name"] == "mean_tpot_ms")
    return number  # type: ignore[no-any-return]


def trusted(folder: Path, rules: int | None, change: Change = lambda trust: None) -> Path:
    """The folder with what an onbox of these rules wrote of trust; None: it named none."""

    def older(trust: dict[str, Any]) -> None:
        assert (trust.pop("rules"), rate(trust)["trust"], rate(trust)["decode_tok_s"]) == (RULES, "no", None)
        trust.update({} if rules is None else {"rules": rules})
        rate(trust).update(trust="with care", decode_tok_s=1_000_000.0, why="As rules 7 said.")
        change(trust)

    rewrite(folder / "trust.json", older)
    write_manifest(folder)
    return folder


@pytest.mark.parametrize(("rules", "maker"), [(None, "that named no rules"), (OLDER, "rules 7 of an earlier onbox")])
def test_trust_by_older_rules_is_a_note(rules: int | None, maker: str, imported: Path) -> None:
    folder = trusted(imported, rules)
    found = verify_trial(folder)
    assert (found.mismatches, found.rules) == ((), rules or 1)
    assert [maker in note and note.startswith("trust.json") for note in found.notes] == [True]
    done = CliRunner().invoke(command, [str(folder)])
    assert (done.exit_code, "judged by other rules than today's" in done.stdout) == (0, True)


@pytest.mark.parametrize("rules", [RULES, RULES + 1, "x", True, [1]])
def test_trust_by_todays_rules_or_none_of_ours_must_follow(rules: Any, imported: Path) -> None:
    assert [name for name, _ in problems(trusted(imported, rules))] == ["trust.json"]


@pytest.mark.parametrize(
    "change",
    [
        lambda trust: rate(trust).update(value=1.0),
        lambda trust: trust["numbers"].pop(),
        lambda trust: trust.update(numbers=3),
        lambda trust: trust.update(runs=[1]),
        lambda trust: trust.update(imported=9),
    ],
)
def test_what_is_copied_from_the_records_is_held_by_older_rules_too(change: Change, imported: Path) -> None:
    assert problems(trusted(imported, None, change)) == [("trust.json", "does not follow from the records")]


def test_an_older_import_that_says_the_same_needs_no_note(imported: Path) -> None:
    rewrite(imported / "trust.json", lambda trust: trust.pop("rules"))
    write_manifest(imported)
    found = verify_trial(imported)
    assert (found.mismatches, found.notes, found.by_todays_rules) == ((), (), True)


@pytest.mark.parametrize("name", ["trust.json", "cells.jsonl", "original/vllm-bench.json"])
def test_older_rules_of_an_import_hide_no_changed_hash(name: str, imported: Path) -> None:
    trusted(imported, None)
    (imported / name).write_bytes((imported / name).read_bytes() + b"\n")
    assert problems(imported) == [(name, "changed")]
