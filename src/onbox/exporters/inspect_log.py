"""Logs of Inspect AI, JSON, version 2: one for each contender and arm, a sample for each run.

`inspect view` lists a folder's JSON logs by their names, which begin with a time stamp (`_file.py` there, 0.3.285).
"""

import hashlib
from collections import defaultdict
from datetime import UTC
from typing import Any

from onbox.evidence.folder import TrialFolder
from onbox.exporters import Export
from onbox.exporters.runs import ExportedRun, agent_of, arguments_of, as_json, shown, time_of
from onbox.judge.results import Outcome, Verdict


class Inspect:
    """An invalid run is a sample with an error and no score, as Inspect has it for what broke from outside."""

    name = "inspect"

    def export(self, folder: TrialFolder, verdict: Verdict) -> Export:
        """A log for each contender and arm, in a folder for `inspect view --log-dir`.

        Raises:
            BadSubjectError: the trial holds no run.
        """
        plan, groups = folder.plan(), defaultdict(list)
        for run in shown(folder, verdict):
            groups[run.record.contender, run.record.arm].append(run)
        agent = agent_of(plan)
        files = {}
        for (contender, arm), runs in groups.items():
            task_id = hashlib.sha256(f"{plan.created_at}/{contender}/{arm}".encode()).hexdigest()[:22]
            log = _log(runs, agent, plan.created_at, arm)
            log["eval"] |= {"task_id": task_id, "run_id": task_id, "eval_id": task_id}
            name = f"{contender}-{arm}".replace("_", "-")
            files[f"{_stamp(plan.created_at)}_{name}_{task_id}.json"] = as_json(log)
        return Export(files, is_folder=True)


def _stamp(created: str) -> str:
    """As Inspect's own file names begin: a time without colons."""
    at = time_of(created)
    return f"{at.astimezone(UTC) if at.tzinfo else at:%Y-%m-%dT%H-%M-%S}+00-00"


def _log(runs: list[ExportedRun], agent: tuple[str, str], created: str, arm: str) -> dict[str, Any]:
    valid = [run.reward for run in runs if run.reward is not None]
    tasks = sorted({run.record.task for run in runs})
    accuracy = {"name": "accuracy", "value": sum(valid) / len(valid) if valid else 0.0, "params": {}, "metadata": {}}
    ended = (
        max(run.talk.turns[-1].exchange.started_at for run in runs if run.talk.turns) if _any_turn(runs) else created
    )
    usage = {
        "input_tokens": sum(run.result.prompt_tokens for run in runs),
        "output_tokens": sum(run.result.completion_tokens for run in runs),
        "total_tokens": sum(run.result.prompt_tokens + run.result.completion_tokens for run in runs),
    }
    return {
        "version": 2,
        "status": "success",
        "eval": {
            "created": created,
            "task": "onbox",
            "task_version": 0,
            "task_attribs": {"arm": arm},
            "model": f"openai-api/{runs[0].model}",
            "dataset": {"name": "onbox", "samples": len(runs), "sample_ids": tasks, "shuffled": False},
            "config": {"epochs": max(run.record.n for run in runs)},
            "packages": {},
            "metadata": {"agent": agent[0], "agent_version": agent[1], "contender": runs[0].record.contender},
        },
        "plan": {"name": "plan", "steps": [], "config": {}},
        "results": {
            "total_samples": len(runs),
            "completed_samples": len(valid),
            "scores": [{"name": "gate", "scorer": "gate", "params": {}, "metrics": {"accuracy": accuracy}}],
        },
        "stats": {
            "started_at": min(run.record.started_at for run in runs),
            "completed_at": ended,
            "model_usage": {f"openai-api/{runs[0].model}": usage},
        },
        "samples": [_sample(run) for run in runs],
    }


def _any_turn(runs: list[ExportedRun]) -> bool:
    return any(run.talk.turns for run in runs)


def _sample(run: ExportedRun) -> dict[str, Any]:
    sample: dict[str, Any] = {
        "id": run.record.task,
        "epoch": run.record.n,
        "input": run.talk.task,
        "target": "the gate passes",
        "messages": _messages(run),
        "output": _output(run),
        "metadata": run.details,
        "total_time": run.record.seconds,
        "working_time": run.result.model_s,
    }
    if run.result.outcome is Outcome.INVALID:
        explanation = f"{run.result.code}: {run.result.detail}"
        return sample | {"error": {"message": explanation, "traceback": "", "traceback_ansi": ""}}
    score = {"value": "C" if run.reward else "I", "answer": run.record.agent.reply, "explanation": run.result.detail}
    return sample | {"scores": {"gate": {**score, "metadata": {"code": run.result.code}}}}


def _messages(run: ExportedRun) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"role": "system", "content": run.talk.system}] if run.talk.system else []
    found.append({"role": "user", "content": run.talk.task})
    for turn in run.talk.turns:
        content: list[dict[str, Any]] = [{"type": "reasoning", "reasoning": turn.reply.reasoning}]
        message: dict[str, Any] = {
            "role": "assistant",
            "source": "generate",
            "content": [*(content if turn.reply.reasoning else []), {"type": "text", "text": turn.reply.content}],
        }
        if turn.reply.tool_calls:
            message["tool_calls"] = [
                {"id": call.id, "function": call.name, "arguments": arguments_of(call), "type": "function"}
                for call in turn.reply.tool_calls
            ]
        found.append(message)
        found += [
            {"role": "tool", "content": turn.results[call.id], "tool_call_id": call.id, "function": call.name}
            for call in turn.reply.tool_calls
            if call.id in turn.results
        ]
    return found


def _output(run: ExportedRun) -> dict[str, Any]:
    if not run.talk.turns:
        return {"model": run.model, "choices": []}
    reply = run.talk.turns[-1].reply
    known = {"stop": "stop", "length": "max_tokens", "tool_calls": "tool_calls"}
    message = {"role": "assistant", "content": reply.content, "source": "generate"}
    choice = {"message": message, "stop_reason": known.get(reply.finish_reason or "", "unknown")}
    return {"model": run.model, "choices": [choice], "error": reply.error}
