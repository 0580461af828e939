"""The runs of a trial with all that an exporter shows of them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from onbox.errors import BadSubjectError
from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import Plan, RunRecord
from onbox.exporters.conversation import ExportedConversation, conversation
from onbox.judge.results import Outcome, RunResult, Verdict
from onbox.protocol.reply import ToolCall
from onbox.untrusted_json import UntrustedJsonError, parse

DETAILS = ("contender", "arm", "n", "outcome", "attribution", "code", "detail", "replay", "replay_bound", "folder")


@dataclass(frozen=True)
class ExportedRun:
    """One run.

    Args:
        record: what was seen.
        result: what it means.
        talk: what was said.
        model: the model's name in requests.
        name: `CONTENDER/TASK/ARM/N`.
    """

    record: RunRecord
    result: RunResult
    talk: ExportedConversation
    model: str
    name: str

    @property
    def reward(self) -> float | None:
        """1 for a pass, 0 for a failure; None for an invalid run, which says nothing of the model."""
        if self.result.outcome is Outcome.INVALID:
            return None
        return float(self.result.outcome is Outcome.PASSED)

    @property
    def rewards(self) -> dict[str, float] | None:
        """What the gate wrote, beside `reward` where it wrote no such; None for an invalid run."""
        return None if self.reward is None else {"reward": self.reward, **self.result.rewards}

    @property
    def details(self) -> dict[str, Any]:
        """What other formats have no place for."""
        return {name: value for name, value in self.result.model_dump(mode="json").items() if name in DETAILS}


def time_of(text: str, later_s: float = 0.0) -> datetime:
    """A time of the evidence, or so many seconds after it.

    Raises:
        BadSubjectError: it is none.
    """
    try:
        return datetime.fromisoformat(text) + timedelta(seconds=later_s)
    except (ValueError, OverflowError) as error:
        raise BadSubjectError(f"{text[:40]!r}: no time that this format can hold") from error


def shown(folder: TrialFolder, verdict: Verdict) -> list[ExportedRun]:
    """Every run that the verdict speaks of.

    Raises:
        BadSubjectError: there is none.
    """
    runs = list(_shown(folder, verdict))
    if not runs:
        raise BadSubjectError(f"{folder.path}: holds no run of a task, so there is nothing to export in this format")
    return runs


def _shown(folder: TrialFolder, verdict: Verdict) -> Iterator[ExportedRun]:
    for result in verdict.runs:
        where = folder.path / result.folder
        record = folder.read(RunRecord, where / "run.json")
        talk = conversation(folder.exchanges(where / "wire.jsonl"))
        requests = [turn.exchange.request for turn in talk.turns if isinstance(turn.exchange.request, dict)]
        model = str(requests[0].get("model") or result.contender) if requests else result.contender
        yield ExportedRun(record, result, talk, model, f"{result.contender}/{result.task}/{result.arm}/{result.n}")


def agent_of(plan: Plan) -> tuple[str, str]:
    """(name, version) of the agent."""
    return f"onbox-{plan.agent.name}" if plan.agent.name == "builtin" else plan.agent.name, plan.agent.version


def arguments_of(call: ToolCall) -> dict[str, Any]:
    """The arguments of a call as an object; text that is none stands under `unparsed`."""
    try:
        value = parse(call.arguments or "{}", any_integer=True)
    except UntrustedJsonError:
        return {"unparsed": call.arguments}
    return value if isinstance(value, dict) else {"unparsed": call.arguments}


def as_json(value: Any) -> bytes:
    """Indented JSON, in ASCII: models say what no encoding carries."""
    return (json.dumps(value, indent=2, ensure_ascii=True) + "\n").encode()
