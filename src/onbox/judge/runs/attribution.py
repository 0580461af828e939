"""Who caused the end of a run: the model, the serving, the agent, the gate, the sandbox, a limit or the box.

The rules are applied in a fixed order, and the first that fits decides: what broke the run from outside; then the gate;
then, for a run that the gate refused, how the last exchange with the server ended, what its last answer was, and what
the calls before it were. Only recorded bytes count, never the words that an agent printed.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from onbox.evidence.offers import offered_tools
from onbox.evidence.records import AgentStop, Exchange, FaultKind, RunRecord, TransportError
from onbox.evidence.stream import Reply, ToolCall
from onbox.judge.formatting import percent, sentence
from onbox.judge.results import RunResult
from onbox.judge.rounding import rounded
from onbox.judge.runs.codes import CODES
from onbox.judge.runs.context_window import CONTEXT, harness_asked_too_much, output_limit
from onbox.judge.runs.observed_rate import observed_tok_s
from onbox.judge.runs.replays import Replayed, Settled, replayed
from onbox.judge.runs.replies import answer_without_call, call_fault, classify
from onbox.judge.runs.run_context import NOTHING_KNOWN, RunContext
from onbox.judge.runs.turns import decode_tok_s, first_token_s, turns_of
from onbox.judge.speed.estimator import Sample, digest
from onbox.judge.thresholds import RATE_SHARE_MIN

SECOND_NS = 1_000_000_000
LOOP_CALLS = 4
"""The same call this often, in a run that a limit ended, is a loop."""
UNPARSED = re.compile(
    r"does not match the expected .{0,60}format|failed to parse|unexpected token \d+ while expecting", re.IGNORECASE
)
GAVE_UP = frozenset({TransportError.CLIENT_LEFT, TransportError.RUN_ENDED})
"""An agent hung up, or its time was over; on a living engine it had waited long enough."""
FAULTS = {FaultKind.DISK_FULL: "I-DISK", FaultKind.OUT_OF_MEMORY: "I-OOM"}
"""All others are the sandbox's code."""
FRAME = re.compile(r"^FRAME_|\bFRAME\b")
"""How gates name what was to stay as it is."""
REPLAYED = frozenset({"S?-REASON-ONLY", "M-CLAIM", "M-PLAN", "M-ASK", "M-CODE", "M-REFUSE", "M-NOCALL"})
"""What an answer without a call may turn out not to be, when it is asked again."""
STOPS = {
    AgentStop.TURN_LIMIT: "L-TURNS",
    AgentStop.TOKEN_LIMIT: "L-LEN",
    AgentStop.TIME_LIMIT: "L-TIME",
    AgentStop.LOOP: "M-LOOP",
}


def attribute(run: RunRecord, exchanges: Sequence[Exchange], context: RunContext = NOTHING_KNOWN) -> RunResult:
    """Judge one run.

    Args:
        run: its `run.json`.
        exchanges: its `wire.jsonl`; only those with the purpose `agent` count.
        context: what else is known.
    """
    samples = samples_of(exchanges)
    result = attribute_samples(run, exchanges, samples, context)
    return held_to_rate(result, observed_tok_s(samples), context.calibrated_tok_s)


def samples_of(exchanges: Sequence[Exchange]) -> list[Sample]:
    """The answers to the agent's requests, each read once."""
    return [digest(exchange) for exchange in exchanges if exchange.purpose == "agent"]


def attribute_samples(
    run: RunRecord, exchanges: Sequence[Exchange], samples: Sequence[Sample], context: RunContext
) -> RunResult:
    """Judge one run by itself, its answers read already: see `attribute`, and `held_to_rate` for what is left."""
    asked = [exchange for exchange in exchanges if exchange.purpose == "agent"]
    replies = [sample.reply for sample in samples]
    turns = turns_of(asked, samples)
    if context.struck is not None:
        code, detail = "I-STRUCK", context.struck
    elif context.task_sha256 is not None and run.task_sha256 != context.task_sha256:
        code, detail = "I-TASK", f"planned {context.task_sha256[:12]}, run {run.task_sha256[:12]}"
    else:
        code, detail = _rule(run, asked, samples, context)
    again = replayed(context.replays, offered_tools(asked[-1].request)) if asked else None
    if again is not None and code in REPLAYED:
        code, detail = _settled(code, again), f"{detail}; {again.detail}"
    meaning = CODES[code]
    return RunResult(
        contender=run.contender,
        task=run.task,
        arm=run.arm,
        n=run.n,
        outcome=meaning.outcome,
        attribution=meaning.cause,
        code=code,
        detail=sentence(f"{meaning.meaning}: {detail}" if detail else meaning.meaning),
        tool_calls=sum(len(reply.tool_calls) for reply in replies),
        turns=run.agent.turns,
        prompt_tokens=sum(reply.prompt_tokens or 0 for reply in replies),
        completion_tokens=sum(reply.completion_tokens or 0 for reply in replies),
        seconds=run.seconds,
        model_s=rounded(_under_way_ns(asked) / SECOND_NS),
        beside=run.beside,
        node=run.node,
        folder=context.folder,
        files_changed=run.changes.files,
        lines_changed=run.changes.lines_added + run.changes.lines_removed,
        rewards=run.gate.rewards if run.gate else {},
        reward_min=run.gate.reward_min if run.gate else {},
        size=_size(run),
        broken=_broken_files(run),
        lint=run.quality.lint if run.quality else (),
        replay=again.settled.value if again else "",
        replay_bound=rounded(again.bound) if again and again.bound is not None else None,
        ttft_s=first_token_s(turns),
        decode_tok_s=decode_tok_s(samples),
        each_turn=turns,
    )


def _broken_files(run: RunRecord) -> tuple[str, ...] | None:
    """What cannot be parsed any more; None where that is not known: nobody looked, or nothing could read some."""
    if run.quality is None or (run.quality.unread and not run.quality.broken):
        return None
    return run.quality.broken


def _rule(run: RunRecord, asked: Sequence[Exchange], samples: Sequence[Sample], context: RunContext) -> tuple[str, str]:
    """(code, what was seen) by the first rule that fits."""
    if context.guarded is not None and not run.engine_alive:
        return "I-GUARD", context.guarded
    if run.fault or run.fault_kind:
        return FAULTS.get(run.fault_kind or FaultKind.SANDBOX, "I-SANDBOX"), run.fault
    if not run.engine_alive:
        return "I-CONN", "the engine did not answer after the agent had stopped"
    if not asked:
        return "I-AGENT", run.agent.detail or "no request reached the server"
    if run.agent.stop is AgentStop.CRASH:
        return "I-AGENT", run.agent.detail
    if run.tampering:
        return "X-TAMPER", "; ".join(run.tampering)
    if run.gate is None or run.gate.exit_code not in (0, 1):
        ended = "it was not reached" if run.gate is None else _gate_end(run.gate.exit_code)
        return "I-GATE", ended
    if run.gate.exit_code == 0:
        return "PASS", ""
    return _refused(run, asked, [sample.reply for sample in samples], run.gate.reason)


def held_to_rate(result: RunResult, seen_tok_s: float | None, usual_tok_s: float | None) -> RunResult:
    """The result of a run once the usual rate of its server is known: one that ran out of time on a server that was far
    below it is invalid.

    Args:
        result: of the run by itself.
        seen_tok_s: the rate that was observed in it; None: too little came.
        usual_tok_s: of the server; None: nobody knows.
    """
    slow = _slow(seen_tok_s, usual_tok_s) if result.code == "L-TIME" else ""
    if not slow:
        return result
    told = CODES["I-SLOW"]
    detail = sentence(f"{told.meaning}: {slow}")
    changes = {"code": "I-SLOW", "outcome": told.outcome, "attribution": told.cause, "detail": detail}
    return result.model_copy(update=changes)


def _slow(seen_tok_s: float | None, calibrated_tok_s: float | None) -> str:
    """How far below its usual rate the server was; empty when it was not, or when that is not known."""
    if seen_tok_s is None or calibrated_tok_s is None or seen_tok_s >= RATE_SHARE_MIN * calibrated_tok_s:
        return ""
    share = percent(seen_tok_s / calibrated_tok_s)
    return f"{seen_tok_s:.3g} tok/s, {share} of {calibrated_tok_s:.3g}; below {percent(RATE_SHARE_MIN)} is not counted"


def _settled(code: str, again: Replayed) -> str:
    """The code of an ambiguous run after its request was sent again."""
    if again.settled is Settled.DROPPED:
        return "S-DROP"
    if code == "S?-REASON-ONLY" and again.settled is not Settled.OPEN:
        return "M-PLAN"
    return code


def _refused(run: RunRecord, asked: Sequence[Exchange], replies: Sequence[Reply], reason: str) -> tuple[str, str]:
    """Why the gate said no."""
    last, reply = asked[-1], replies[-1]
    limit, detail = STOPS.get(run.agent.stop), run.agent.detail
    if limit is None and last.error_kind in GAVE_UP:
        limit, detail = "L-TIME", last.error or ""
    if limit is None and (broken := _broken(last, reply)):
        return broken, _short(reply.error or last.error or f"HTTP status {last.status}")
    offered = offered_tools(last.request)
    if reply.done and (code := classify(reply, list(offered))):
        if code == "L-LEN":
            return _cut_off(last, reply)
        return code, _short(reply.content or reply.reasoning)
    calls = [call for each in replies for call in each.tool_calls]
    if calls and (fault := _no_usable(calls, asked)):
        return fault, _short(f"{calls[-1].name} {calls[-1].arguments}")
    if limit:
        repeated = Counter((call.name, call.arguments) for call in calls).most_common(1)
        if repeated and repeated[0][1] >= LOOP_CALLS:
            return "M-LOOP", f"{repeated[0][1]} times {_short(' '.join(repeated[0][0]))}"
        return limit, detail
    if calls or not offered:
        return "F-FRAME" if FRAME.search(reason) else "F-GATE", reason
    return answer_without_call(reply.content, unchanged=run.changes.files == 0), _short(reply.content)


def _gate_end(exit_code: int | None) -> str:
    return "it was killed at its time limit" if exit_code is None else f"it ended with exit code {exit_code}"


def _broken(last: Exchange, reply: Reply) -> str | None:
    """The code of an exchange that ended in an error; None for a whole answer."""
    status = last.status
    if status is None:
        return "I-CONN"
    if status == 200 and not reply.error:
        return None if reply.done else "I-CONN"
    # What the server said; the words of onbox for a broken connection are no evidence.
    words = "" if reply.error == last.error else reply.error or ""
    if UNPARSED.search(words):
        return "S-PARSE500"
    if CONTEXT.search(words) and status in (200, 400, 413, 422, 500):
        return "I-SETTING" if harness_asked_too_much(words, last.request) else "L-CTX"
    if last.error:
        return "I-CONN"
    named = {401: "I-AUTH", 403: "I-AUTH", 404: "I-MODEL404", 429: "I-429"}
    return named.get(status, "I-4XX" if 400 <= status < 500 else "I-5XX")


def _cut_off(last: Exchange, reply: Reply) -> tuple[str, str]:
    """An answer that ended at its length: at the limit that the agent set, or before it, as the context was full."""
    limit, tokens = output_limit(last.request), reply.completion_tokens
    if limit is not None and tokens is not None and tokens < limit:
        return "L-CTX", f"cut off after {tokens} of the {limit} tokens that the agent allowed"
    set_by = f"the agent allows {limit} tokens an answer" if limit is not None else "the server's own limit"
    return "L-LEN", f"{set_by}: {_short(reply.content or reply.reasoning)}"


def _size(run: RunRecord) -> float | None:
    """Lines changed, over those that the reference solution changes."""
    reference = run.quality.reference if run.quality else None
    lines = reference.lines_added + reference.lines_removed if reference else 0
    return rounded((run.changes.lines_added + run.changes.lines_removed) / lines) if lines else None


def _no_usable(calls: Sequence[ToolCall], asked: Sequence[Exchange]) -> str | None:
    """The fault of the last call when not one of all could be carried out."""
    offered: dict[str, Mapping[str, object]] = {}
    for exchange in asked:
        offered.update(offered_tools(exchange.request))
    faults = [call_fault(call, offered) for call in calls]
    return faults[-1] if all(faults) else None


def _under_way_ns(exchanges: Sequence[Exchange]) -> int:
    """Length of the union of all exchanges: requests that overlap count once."""
    spans = sorted((exchange.t0_ns, exchange.t0_ns + (exchange.ended_ns or 0)) for exchange in exchanges)
    total, reached = 0, 0
    for start, end in spans:
        total += max(0, end - max(start, reached))
        reached = max(reached, end)
    return total


def _short(text: str, length: int = 160) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"
