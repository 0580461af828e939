"""Results as Harbor keeps them: a `result.json` and a trajectory for each trial, which is onbox's run."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import Plan
from onbox.exporters import Export
from onbox.exporters.atif import trajectory
from onbox.exporters.runs import Shown, agent_of, as_json, shown
from onbox.judge.results import Outcome, Verdict


class Harbor:
    """An invalid run has an exception and no reward: Harbor would count an errored trial as 0."""

    name = "harbor"

    def export(self, folder: TrialFolder, verdict: Verdict) -> Export:
        """`CONTENDER/TASK__ARM__N/result.json` and `agent/trajectory.json` beside it.

        Raises:
            BadSubjectError: the trial holds no run.
        """
        plan, files = folder.plan(), dict[str, bytes]()
        for run in shown(folder, verdict):
            trial = f"{run.record.task}__{run.record.arm}__{run.record.n}"
            home = f"{run.record.contender}/{trial}"
            files[f"{home}/result.json"] = as_json(_result(run, trial, plan))
            files[f"{home}/agent/trajectory.json"] = as_json(trajectory(run, agent_of(plan)))
        return Export(files)


def _result(run: Shown, trial: str, plan: Plan) -> dict[str, Any]:
    name, version = agent_of(plan)
    task = {"path": run.record.task}
    began = run.record.started_at
    ended = _later(began, run.record.seconds)
    result: dict[str, Any] = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"onbox:{plan.created_at}:{run.name}")),
        "task_name": run.record.task,
        "trial_name": trial,
        "trial_uri": run.result.folder,
        "task_id": task,
        "task_checksum": run.record.task_sha256,
        "config": {"task": task, "trial_name": trial},
        "agent_info": {"name": name, "version": version, "model_info": {"name": run.model, "provider": "onbox"}},
        "agent_result": {
            "n_input_tokens": run.result.prompt_tokens,
            "n_output_tokens": run.result.completion_tokens,
            "metadata": run.told,
        },
        "verifier_result": None if run.reward is None else {"rewards": {"reward": run.reward}},
        "exception_info": None,
        "started_at": began,
        "finished_at": ended,
    }
    if run.result.outcome is Outcome.INVALID:
        result["exception_info"] = {
            "exception_type": run.result.code,
            "exception_message": run.result.detail,
            "exception_traceback": "",
            "occurred_at": ended,
        }
    return result


def _later(at: str, seconds: float) -> str:
    return (datetime.fromisoformat(at) + timedelta(seconds=seconds)).isoformat()
