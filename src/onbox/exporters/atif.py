"""Trajectories in the Agent Trajectory Interchange Format, version 1.7, as Harbor reads it."""

from typing import Any

from onbox.evidence.folder import TrialFolder
from onbox.exporters import Export
from onbox.exporters.conversation import Turn
from onbox.exporters.runs import ExportedRun, agent_of, arguments_of, as_json, shown
from onbox.judge.results import Verdict

VERSION = "ATIF-v1.7"


class Atif:
    """One trajectory a run; onbox's own words are in `extra`."""

    name = "atif"

    def export(self, folder: TrialFolder, verdict: Verdict) -> Export:
        """A file for each run.

        Raises:
            BadSubjectError: the trial holds no run.
        """
        agent = agent_of(folder.plan())
        return Export({f"{run.name}.json": as_json(trajectory(run, agent)) for run in shown(folder, verdict)})


def trajectory(run: ExportedRun, agent: tuple[str, str]) -> dict[str, Any]:
    """One run as a trajectory."""
    steps: list[dict[str, Any]] = []
    if run.talk.system:
        steps.append({"source": "system", "message": run.talk.system})
    steps.append({"source": "user", "message": run.talk.task})
    steps += [_step(turn, f"turn{number}") for number, turn in enumerate(run.talk.turns, 1)]
    return {
        "schema_version": VERSION,
        "session_id": run.name.replace("/", "-"),
        "agent": {"name": agent[0], "version": agent[1], "model_name": run.model},
        "steps": [{"step_id": number, **step} for number, step in enumerate(steps, 1)],
        "final_metrics": {
            "total_prompt_tokens": run.result.prompt_tokens,
            "total_completion_tokens": run.result.completion_tokens,
            "total_steps": len(steps),
        },
        "extra": run.details,
    }


def _step(turn: Turn, name: str) -> dict[str, Any]:
    reply = turn.reply
    step: dict[str, Any] = {
        "timestamp": turn.exchange.started_at,
        "source": "agent",
        "message": reply.content,
        "metrics": {
            "prompt_tokens": reply.prompt_tokens,
            "completion_tokens": reply.completion_tokens,
            "extra": {"finish_reason": reply.finish_reason, "status": turn.exchange.status},
        },
        "llm_call_count": 1,
    }
    if reply.reasoning:
        step["reasoning_content"] = reply.reasoning
    if reply.error:
        step["extra"] = {"error": reply.error}
    if not reply.tool_calls:
        return step
    ids = [call.id or f"{name}-call{number}" for number, call in enumerate(reply.tool_calls, 1)]
    step["tool_calls"] = [
        {"tool_call_id": identity, "function_name": call.name, "arguments": arguments_of(call)}
        for identity, call in zip(ids, reply.tool_calls, strict=True)
    ]
    results = [(call, turn.results[call]) for call in ids if call in turn.results]
    if results:
        step["observation"] = {"results": [{"source_call_id": call, "content": text} for call, text in results]}
    return step
