"""Runs in the formats of Harbor and Inspect AI, read by these projects' own readers where they are installed."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from onbox.atomic_files import write_json
from onbox.errors import BadSubjectError, UsageError
from onbox.evidence.folder import append_line
from onbox.evidence.imported import ImportedRun
from onbox.evidence.records import Exchange, Role
from onbox.exporters import exporter_by_name
from onbox.exporters.conversation import conversation
from onbox.exporters.runs import time_of
from onbox.importers import importer_by_name
from onbox.judge.imports.runs import outcome_of
from onbox.judge.results import Outcome
from tests.builders import LARGE, Contender, build_trial, failed_gate, run_record
from tests.exchanges import call_reply, chat_request, plain_reply, text_reply
from tests.judging import judge
from tests.parts import HARBOR_PYTHON, INSPECT_PYTHON

RUNS = sum(len(letters) for letters in LARGE.runs.values())


def exported(kind: str, tmp_path: Path) -> dict[str, Any]:
    """Relative path -> parsed JSON, of a trial with passes, failures, a leak and an invalid run."""
    folder = build_trial(tmp_path / "trial", (LARGE,))
    where = folder.run_folder("large", "rename", "baseline", 1)
    later = chat_request(messages=[
        {"role": "system", "content": "You are a coding agent."},
        {"role": "user", "content": "Rename foo."},
        {"role": "assistant", "tool_calls": [{"id": "call0"}]},
        {"role": "tool", "tool_call_id": "call0", "content": "main.py"},
    ])  # fmt: skip
    (where / "wire.jsonl").unlink()
    append_line(where / "wire.jsonl", call_reply("ls"))
    append_line(where / "wire.jsonl", text_reply("Done.", reasoning="It is renamed.", id=2, request=later))
    write_json(where / "run.json", run_record(contender="large"))
    made = exporter_by_name(kind).export(folder, judge(folder))
    for name, content in made.files.items():
        (tmp_path / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / name).write_bytes(content)
    return {name: json.loads(content) for name, content in made.files.items()}


def read_by(part: str, script: str, folder: Path) -> dict[str, Any]:
    """What a project's own reader, in an environment of its own, makes of a folder."""
    python = {"harbor": HARBOR_PYTHON, "inspect": INSPECT_PYTHON}[part]
    done = subprocess.run([python, "-c", script, folder], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


class TestAtif:
    def test_steps_calls_and_results(self, tmp_path: Path) -> None:
        files = exported("atif", tmp_path)
        assert len(files) == RUNS
        steps = files["large/rename/baseline/1.json"]["steps"]
        assert [step["step_id"] for step in steps] == list(range(1, len(steps) + 1))
        first, last = steps[-2:]
        assert first["tool_calls"] == [
            {"tool_call_id": "call0", "function_name": "bash", "arguments": {"command": "ls"}}
        ]  # fmt: skip
        assert first["observation"] == {"results": [{"source_call_id": "call0", "content": "main.py"}]}
        assert (last["message"], last["reasoning_content"]) == ("Done.", "It is renamed.")
        assert files["large/rename/baseline/1.json"]["extra"]["code"] == "PASS"

    def test_partial_rewards_go_along(self, tmp_path: Path) -> None:
        folder = build_trial(tmp_path / "trial", (LARGE,))
        gate = failed_gate().model_copy(update={"rewards": {"reward": 0.5, "style": 1.0}})
        where = folder.run_folder("large", "rename", "baseline", 1)
        write_json(where / "run.json", run_record(contender="large", gate=gate))
        files = exporter_by_name("harbor").export(folder, judge(folder)).files
        trial = json.loads(files["large/rename__baseline__1/result.json"])
        assert trial["verifier_result"] == {"rewards": {"reward": 0.5, "style": 1.0}}
        (evals,) = json.loads(files["large/result.json"])["stats"]["evals"].values()
        assert evals["reward_stats"]["reward"]["0.5"] == ["rename__baseline__1"]

    @pytest.mark.formats
    def test_harbors_own_model_takes_it(self, tmp_path: Path) -> None:
        exported("atif", tmp_path)
        script = """
import json, pathlib, sys
from harbor.models.trajectories import Trajectory
found = [Trajectory.model_validate_json(path.read_text()) for path in pathlib.Path(sys.argv[1]).rglob("*.json")]
print(json.dumps({"read": len(found), "versions": sorted({t.schema_version for t in found})}))
"""
        assert read_by("harbor", script, tmp_path / "out") == {"read": RUNS, "versions": ["ATIF-v1.7"]}


class TestHarbor:
    def test_an_invalid_run_has_no_reward(self, tmp_path: Path) -> None:
        files = exported("harbor", tmp_path)
        results = {name: each for name, each in files.items() if name.endswith("result.json") and name.count("/") > 1}
        assert len(results) == RUNS
        invalid = results["large/explain__baseline__3/result.json"]
        assert invalid["verifier_result"] is None
        assert invalid["exception_info"]["exception_type"] == "I-SANDBOX"
        rewards = [each["verifier_result"]["rewards"]["reward"] for each in results.values() if each["verifier_result"]]
        assert (len(rewards), sum(rewards)) == (11, 9)

    @pytest.mark.formats
    def test_harbors_own_model_takes_it(self, tmp_path: Path) -> None:
        exported("harbor", tmp_path)
        script = """
import json, pathlib, sys
from harbor.models.trial.result import TrialResult
from harbor.models.trajectories import Trajectory
root = pathlib.Path(sys.argv[1])
found = [TrialResult.model_validate_json(path.read_text()) for path in root.glob("*/*/result.json")]
for path in root.rglob("trajectory.json"):
    Trajectory.model_validate_json(path.read_text())
print(json.dumps({"read": len(found), "valid": sum(result.reward_valid for result in found)}))
"""
        assert read_by("harbor", script, tmp_path / "out") == {"read": RUNS, "valid": 11}

    @pytest.mark.formats
    def test_harbors_viewer_lists_the_job_as_harbor_would_have_counted_it(self, tmp_path: Path) -> None:
        exported("harbor", tmp_path)
        script = """
import json, pathlib, sys
from harbor.models.job.result import JobStats
from harbor.viewer.scanner import JobScanner
scanner = JobScanner(pathlib.Path(sys.argv[1]))
(job,) = scanner.list_jobs()
config, result = scanner.get_job_config(job), scanner.get_job_result(job)
trials = scanner.list_trials(job)
found = [scanner.get_trial_result(job, trial) for trial in trials]
counted = JobStats.from_trial_results(found, n_total_trials=len(found))
same = json.loads(counted.model_dump_json()), json.loads(result.stats.model_dump_json())
for stats in same:
    stats["n_cache_tokens"] = None
    for one in stats["evals"].values():
        one["metrics"] = one["metrics"] and []
        for names in [*one["reward_stats"].get("reward", {}).values(), *one["exception_stats"].values()]:
            names.sort()
print(json.dumps({
    "job": job, "named": config.job_name, "trials": len(trials), "total": result.n_total_trials,
    "configs": sum(scanner.get_trial_config(job, trial) is not None for trial in trials),
    "same": same[0] == same[1],
    "mean": round(next(iter(result.stats.evals.values())).metrics[0]["mean"], 4),
}))
"""
        assert read_by("harbor", script, tmp_path / "out") == {
            "job": "large", "named": "large", "trials": RUNS, "total": RUNS, "configs": RUNS, "same": True,
            "mean": round(9 / 11, 4),
        }  # fmt: skip


class TestInspect:
    def test_an_invalid_run_is_an_error_without_a_score(self, tmp_path: Path) -> None:
        (log,) = exported("inspect", tmp_path).values()
        assert (log["results"]["total_samples"], log["results"]["completed_samples"]) == (RUNS, 11)
        broken = [sample for sample in log["samples"] if "error" in sample]
        assert [("scores" in sample, sample["id"]) for sample in broken] == [(False, "explain")]

    def test_its_name_is_one_of_inspects(self, tmp_path: Path) -> None:
        (name,) = exported("inspect", tmp_path)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\+00-00_large-baseline_[0-9a-f]{22}\.json", name)

    @pytest.mark.formats
    def test_inspect_lists_it(self, tmp_path: Path) -> None:
        exported("inspect", tmp_path)
        script = """
import json, sys
from inspect_ai.log import list_eval_logs, read_eval_log
(info,) = list_eval_logs(sys.argv[1])
log = read_eval_log(info)
print(json.dumps({"task": info.task, "same": info.task_id == log.eval.task_id, "samples": len(log.samples)}))
"""
        found = read_by("inspect", script, tmp_path / "out")
        assert found == {"task": "large-baseline", "same": True, "samples": RUNS}

    @pytest.mark.formats
    def test_the_packed_form_that_inspect_writes_is_read(self, tmp_path: Path) -> None:
        exported("inspect", tmp_path)
        script = """
import json, pathlib, sys
from inspect_ai.log import read_eval_log, write_eval_log
(path,) = pathlib.Path(sys.argv[1]).glob("*.json")
write_eval_log(read_eval_log(str(path)), str(path.with_suffix(".eval")))
print(json.dumps({}))
"""
        read_by("inspect", script, tmp_path / "out")
        (packed,) = (tmp_path / "out").glob("*.eval")
        runs = [run for run in importer_by_name("inspect").read(packed) if isinstance(run, ImportedRun)]
        assert [outcome_of(run).outcome for run in runs].count(Outcome.PASSED) == 9
        assert len(runs) == RUNS
        broken = tmp_path / "broken.eval"
        broken.write_bytes(packed.read_bytes()[:-200])
        with pytest.raises(UsageError, match=r"broken\.eval"):
            importer_by_name("inspect").read(broken)

    @pytest.mark.formats
    def test_inspects_own_reader_takes_it(self, tmp_path: Path) -> None:
        exported("inspect", tmp_path)
        script = """
import json, pathlib, sys
from inspect_ai.log import read_eval_log
(path,) = pathlib.Path(sys.argv[1]).glob("*.json")
log = read_eval_log(str(path))
sample = next(s for s in log.samples if (s.id, s.epoch) == ("rename", 1))
print(json.dumps({
    "status": log.status,
    "samples": len(log.samples),
    "accuracy": round(log.results.scores[0].metrics["accuracy"].value, 4),
    "roles": [message.role for message in sample.messages],
    "score": sample.scores["gate"].value,
}))
"""
        assert read_by("inspect", script, tmp_path / "out") == {
            "status": "success",
            "samples": RUNS,
            "accuracy": round(9 / 11, 4),
            "roles": ["user", "assistant", "tool", "assistant"],
            "score": "C",
        }


class TestConversation:
    """The same form for every API."""

    def test_responses(self) -> None:
        called = {"type": "function_call", "call_id": "c1", "name": "shell", "arguments": "{}"}
        first = {"model": "m", "instructions": "Be brief.", "input": [{"role": "user", "content": [{"text": "Go."}]}]}
        second = {**first, "input": [{"type": "function_call_output", "call_id": "c1", "output": "a.py"}]}
        talk = conversation([
            self.of(first, {"object": "response", "status": "completed", "output": [called]}),
            self.of(second, {"object": "response", "status": "completed", "output": []}),
        ])  # fmt: skip
        assert (talk.system, talk.task) == ("Be brief.", "Go.")
        assert talk.turns[0].results == {"c1": "a.py"}

    def test_messages(self) -> None:
        called = {"type": "tool_use", "id": "t1", "name": "bash", "input": {"command": "ls"}}
        first = {"model": "m", "system": [{"text": "Be brief."}], "messages": [{"role": "user", "content": "Go."}]}
        result = {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "a.py"}]}
        second = {**first, "messages": [{"role": "user", "content": [result]}]}
        talk = conversation([
            self.of(first, {"type": "message", "content": [called], "stop_reason": "tool_use"}),
            self.of(second, {"type": "message", "content": [{"type": "text", "text": "Done."}]}),
        ])  # fmt: skip
        assert (talk.system, talk.task) == ("Be brief.", "Go.")
        assert talk.turns[0].results == {"t1": "a.py"}

    def of(self, request: dict[str, Any], body: dict[str, Any]) -> Exchange:
        return plain_reply(200, body, request=request)


@pytest.mark.parametrize("kind", ["atif", "harbor", "inspect"])
def test_a_trial_without_runs_has_nothing_to_show(kind: str, tmp_path: Path) -> None:
    folder = build_trial(tmp_path / "trial", (Contender("small", Role.INCUMBENT, {}),))
    with pytest.raises(BadSubjectError, match="holds no run"):
        exporter_by_name(kind).export(folder, judge(folder))


@pytest.mark.parametrize("kind", ["harbor", "inspect"])
def test_what_is_exported_can_be_imported(kind: str, tmp_path: Path) -> None:
    exported(kind, tmp_path)
    where = tmp_path / "out"
    files = [where] if kind == "harbor" else list(where.iterdir())
    found = [run for path in files for run in importer_by_name(kind).read(path)]
    assert [outcome_of(run).outcome for run in found if isinstance(run, ImportedRun)].count(Outcome.PASSED) == 9
    assert len(found) == RUNS


@pytest.mark.parametrize(("text", "later_s"), [("\u202e\x00", 0.0), ("2026-01-01T00:00:00Z", 1e308), ("", 0.0)])
def test_a_time_that_is_none_is_told_in_one_line(text: str, later_s: float) -> None:
    with pytest.raises(BadSubjectError, match="no time that this format can hold"):
        time_of(text, later_s)
    assert time_of("2026-01-01T00:00:00+00:00", 1.5).isoformat() == "2026-01-01T00:00:01.500000+00:00"
