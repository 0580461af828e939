"""Results as Harbor keeps them: a job for each contender, in it a trial with a trajectory for each run of onbox.

The folder is one of jobs, as `harbor view` takes it (0.26): of each job its configuration and its result, of each trial
the same.
"""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import Plan
from onbox.exporters import Export
from onbox.exporters.atif import trajectory
from onbox.exporters.runs import ExportedRun, agent_of, as_json, shown, time_of
from onbox.judge.results import Outcome, Verdict

SOURCE = "onbox"
"""What Harbor calls the data set that the tasks are of."""


class Harbor:
    """An invalid run has an exception and no reward: Harbor would count an errored trial as 0."""

    name = "harbor"

    def export(self, folder: TrialFolder, verdict: Verdict) -> Export:
        """`CONTENDER/result.json` and `config.json`, and the same with `agent/trajectory.json` for each trial below.

        Raises:
            BadSubjectError: the trial holds no run.
        """
        plan, files = folder.plan(), dict[str, bytes]()
        jobs: dict[str, list[tuple[ExportedRun, dict[str, Any]]]] = defaultdict(list)
        for run in shown(folder, verdict):
            trial = f"{run.record.task}__{run.record.arm}__{run.record.n}"
            home = f"{run.record.contender}/{trial}"
            result = _result(run, trial, plan)
            jobs[run.record.contender].append((run, result))
            files[f"{home}/result.json"] = as_json(result)
            files[f"{home}/config.json"] = as_json(result["config"])
            files[f"{home}/agent/trajectory.json"] = as_json(trajectory(run, agent_of(plan)))
        for contender, trials in jobs.items():
            files[f"{contender}/result.json"] = as_json(_job(contender, [result for _, result in trials], plan))
            files[f"{contender}/config.json"] = as_json(_job_config(contender, trials, plan))
        return Export(files)


def _job(contender: str, trials: Sequence[dict[str, Any]], plan: Plan) -> dict[str, Any]:
    """The job's own result, with the counts that Harbor itself makes of its trials."""
    rewards: dict[str, list[str]] = defaultdict(list)
    exceptions: dict[str, list[str]] = defaultdict(list)
    for trial in trials:
        if trial["verifier_result"]:
            rewards[str(trial["verifier_result"]["rewards"]["reward"])].append(trial["trial_name"])
        if trial["exception_info"]:
            exceptions[trial["exception_info"]["exception_type"]].append(trial["trial_name"])
    valid = sum(map(len, rewards.values()))
    errored = sum(map(len, exceptions.values()))
    agent = trials[0]["agent_info"]
    mean = sum(float(value) * len(names) for value, names in rewards.items()) / valid if valid else None
    of_eval = {
        "n_trials": valid,
        "n_errors": errored,
        "metrics": [] if mean is None else [{"mean": mean}],
        "reward_stats": {"reward": rewards} if rewards else {},
        "exception_stats": exceptions,
    }
    ended = max(trial["finished_at"] for trial in trials)
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"onbox:{plan.created_at}:{contender}")),
        "started_at": min(trial["started_at"] for trial in trials),
        "updated_at": ended,
        "finished_at": ended,
        "n_total_trials": len(trials),
        "stats": {
            "n_completed_trials": len(trials),
            "n_errored_trials": errored,
            "evals": {f"{agent['name']}__{agent['model_info']['name']}__{SOURCE}": of_eval},
            "n_input_tokens": sum(trial["agent_result"]["n_input_tokens"] for trial in trials),
            "n_output_tokens": sum(trial["agent_result"]["n_output_tokens"] for trial in trials),
        },
    }


def _job_config(contender: str, trials: Sequence[tuple[ExportedRun, dict[str, Any]]], plan: Plan) -> dict[str, Any]:
    name, _ = agent_of(plan)
    return {
        "job_name": contender,
        "n_attempts": plan.runs,
        "n_concurrent_trials": plan.parallel,
        "agents": [{"name": name, "model_name": f"onbox/{trials[0][0].model}"}],
        "tasks": [{"path": task} for task in dict.fromkeys(run.record.task for run, _ in trials)],
    }


def _result(run: ExportedRun, trial: str, plan: Plan) -> dict[str, Any]:
    name, version = agent_of(plan)
    task = {"path": run.record.task}
    began = run.record.started_at
    ended = time_of(began, run.record.seconds).isoformat()
    result: dict[str, Any] = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"onbox:{plan.created_at}:{run.name}")),
        "task_name": run.record.task,
        "trial_name": trial,
        "trial_uri": run.result.folder,
        "task_id": task,
        "source": SOURCE,
        "task_checksum": run.record.task_sha256,
        "config": {"task": task, "trial_name": trial},
        "agent_info": {"name": name, "version": version, "model_info": {"name": run.model, "provider": "onbox"}},
        "agent_result": {
            "n_input_tokens": run.result.prompt_tokens,
            "n_output_tokens": run.result.completion_tokens,
            "metadata": run.details,
        },
        "verifier_result": None if run.rewards is None else {"rewards": run.rewards},
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
