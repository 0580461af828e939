"""The verdict on imported runs of agents: the story that was published, and what its rows say."""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from onbox.app.importing import import_records
from onbox.app.judging import judge_trial, verify_trial
from onbox.cli.commands.judge import command
from onbox.errors import UsageError
from onbox.evidence.imported import ImportedRun
from onbox.judge.imports.runs import outcome_of
from onbox.judge.results import Outcome

TASKS = ("ts-rename", "ts-callers", "ts-ambiguous", "chat-tcp", "chat-chmod", "chat-acid")
CONTEXT = "HTTP 400: 8307 tokens exceeds 8192: the context length of this model"


def row(task: str, model: str, trial: int, success: bool, **more: Any) -> dict[str, Any]:
    """As the runner writes it: null for what a chat task has not."""
    chat = task.startswith("chat")
    return {
        "ts": "2026-05-01T10:00:00.000Z", "experiment": "e1", "task": task, "model": model, "arm": "baseline",
        "trial": trial, "exitCode": 0, "toolCalls": 0 if chat else 4 * success, "toolNames": [] if chat else ["edit"],
        "tokensIn": 900, "tokensOut": 80, "tokensTotal": 980, "wallMs": 12000, "errors": [], "success": success,
        "gate": "ok" if success else "FAIL", "filesChanged": None if chat else 2, "linesChanged": None if chat else 4,
        "regressionOk": None if chat else success, "lintClean": None if chat else True,
        "outputChars": 400 if chat else None,
    } | more  # fmt: skip


def story(extra: int = 3) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """gpt-oss-120b 2, 0, 2, 0, 3, 3 of 3, and `extra` rows that outgrew the context; Qwen 56 of 56."""
    old = [
        row(task, "gpt-oss-120b", n, n <= passed)
        for task, passed in zip(TASKS, (2, 0, 2, 0, 3, 3), strict=True)
        for n in (1, 2, 3)
    ]
    old += [
        row(task, "gpt-oss-120b", 4, False, errors=[CONTEXT], exitCode=1)
        for task in itertools.islice(itertools.cycle(TASKS[:3]), extra)
    ]
    new = [row(task, "qwen", n, True) for task in TASKS for n in range(1, 11)][:56]
    return old, new


def imported(folder: Path, *files: Sequence[dict[str, Any]]) -> Path:
    paths = []
    for number, rows in enumerate(files):
        path = folder / f"{number}.jsonl"
        path.write_text("".join(json.dumps(each) + "\n" for each in rows))
        paths.append(path)
    import_records("agent-bench", paths, folder / "out")
    return folder / "out"


class TestStory:
    @pytest.mark.parametrize("swapped", [False, True])
    def test_both_p_values_and_the_verdict(self, swapped: bool, tmp_path: Path) -> None:
        old, new = story()
        verdict = judge_trial(imported(tmp_path, *((new, old) if swapped else (old, new))))
        scores = {each.name: (each.passed, each.valid, each.invalid) for each in verdict.contenders}
        assert scores == {"gpt-oss-120b": (10, 18, 3), "qwen": (56, 56, 0)}
        assert verdict.fixed_suite.p is not None
        assert verdict.fixed_suite.p == pytest.approx(6.5e-7, rel=0.01)
        assert verdict.population.p == 0.125
        assert (verdict.verdict, verdict.scope) == ("keep", "these tasks")
        assert verdict.headline.startswith(
            "Keep qwen, for these six tasks: gpt-oss-120b is better on 0, equal on 2, worse on 4; "
            "gpt-oss-120b passes 10 of 18"
        )
        result = " ".join(verdict.reasons)
        assert "Whether it holds for other tasks like these is not shown" in result
        assert "No file says which model you run now" in result

    def test_a_named_incumbent_turns_it(self, tmp_path: Path) -> None:
        folder = imported(tmp_path, *story())
        verdict = judge_trial(folder, incumbent="gpt-oss-120b")
        assert (verdict.verdict, verdict.population.p) == ("switch", 0.125)
        assert not any("No file says" in reason for reason in verdict.reasons)
        with pytest.raises(UsageError, match="--incumbent llama: no run of it here"):
            judge_trial(folder, incumbent="llama")

    def test_three_of_the_eighteen(self, tmp_path: Path) -> None:
        """Errors about the context among the rows themselves: those are invalid, and the rest is compared."""
        old, new = story(extra=0)
        fails = [each for each in old if not each["success"]]
        for each in (fails[1], fails[2], fails[5]):
            each["errors"] = [CONTEXT]
        verdict = judge_trial(imported(tmp_path, old, new))
        (result,) = (each for each in verdict.contenders if each.name == "gpt-oss-120b")
        assert (result.passed, result.valid, result.invalid, result.invalid_reasons) == (10, 15, 3, {"L-CTX": 3})
        assert (verdict.verdict, verdict.population.p) == ("keep", 0.125)
        assert verdict.fixed_suite.p is not None
        assert verdict.fixed_suite.p < 1e-3

    def test_the_command_shows_it_and_judging_again_gives_the_same(self, tmp_path: Path) -> None:
        folder = imported(tmp_path, *story())
        done = CliRunner().invoke(command, [str(folder), "--json"])
        found = json.loads(done.stdout)
        assert (found["verdict"], found["population"]["p"], found["imported"]["kind"]) == ("keep", 0.125, "agent-bench")
        shown = CliRunner().invoke(command, [str(folder)])
        assert "Keep qwen" in shown.stdout.replace("\n", " ")
        assert judge_trial(folder).model_dump() == judge_trial(folder).model_dump()
        assert verify_trial(folder).mismatches == ()
        (folder / "runs.jsonl").write_text("")
        assert verify_trial(folder).mismatches


@pytest.mark.parametrize(
    ("change", "outcome", "code"),
    [
        ({"success": True, "errors": [CONTEXT]}, Outcome.PASSED, "PASS"),
        ({"errors": [CONTEXT]}, Outcome.INVALID, "L-CTX"),
        ({"errors": ["Input is longer than the model's maximum context"]}, Outcome.INVALID, "L-CTX"),
        ({"errors": ["HTTP 400 Bad Request"]}, Outcome.INVALID, "I-4XX"),
        ({"errors": ["API error: status code: 503"]}, Outcome.INVALID, "I-5XX"),
        ({"errors": ["connect ECONNREFUSED 127.0.0.1:8000"]}, Outcome.INVALID, "I-CONN"),
        ({"errors": ["wrote 512 bytes"]}, Outcome.FAILED, "F-GATE"),
        ({"errors": 2}, Outcome.FAILED, "F-GATE"),
        ({"errors": [{"name": "APIError", "message": "HTTP 429"}]}, Outcome.INVALID, "I-429"),
        ({"toolCalls": 0, "toolNames": []}, Outcome.FAILED, "M-NOCALL"),
        ({"toolCalls": 0, "exitCode": 1}, Outcome.INVALID, "I-AGENT"),
        ({"task": "chat-tcp", "toolCalls": 0}, Outcome.FAILED, "F-GATE"),
        ({"success": None}, Outcome.INVALID, "I-GATE"),
    ],
)
def test_what_a_row_counts_as(change: dict[str, Any], outcome: Outcome, code: str) -> None:
    given = {**row("ts-rename", "m", 1, False, toolCalls=4), **change}
    if isinstance(given["errors"], list):
        given["errors"] = [each if isinstance(each, str) else each["message"] for each in given["errors"]]
    found = outcome_of(ImportedRun.model_validate(given))
    assert (found.outcome, found.code) == (outcome, code)


def test_a_failure_without_a_call_may_be_the_servings(tmp_path: Path) -> None:
    """Eight failures without a call: served correctly it could have been 18 of 18."""
    old, new = story(extra=0)
    for each in old:
        if not each["success"] and not each["task"].startswith("chat"):
            each["toolCalls"] = 0
    verdict = judge_trial(imported(tmp_path, old, new))
    (result,) = (each for each in verdict.contenders if each.name == "gpt-oss-120b")
    assert result.if_served_correctly == pytest.approx(15 / 18, abs=1e-4)


def test_calls_that_the_agent_could_not_read_are_reported(tmp_path: Path) -> None:
    rows = [row("ts-rename", "m", 1, True, toolNames=["invalid", "edit", "invalid"])]
    folder = imported(tmp_path, rows)
    (group,) = json.loads((folder / "trust.json").read_text())["runs"]
    assert "could not read 2 calls" in group["why"]


def test_an_import_of_rates_alone_is_judged_too(tmp_path: Path) -> None:
    data = Path(__file__).parents[3] / "data" / "others" / "vllm-bench.json"
    import_records("auto", [data], tmp_path / "out")
    verdict = judge_trial(tmp_path / "out")
    assert (verdict.verdict, verdict.contenders) == ("undecided", ())
    done = CliRunner().invoke(command, [str(tmp_path / "out")])
    assert "mean_tpot_ms" in done.stdout
