"""Who caused the end of a run: the model, the serving, the agent, the gate, the sandbox, a limit or the box.

The rules are applied in a fixed order, and the first that fits decides: what broke the run from outside; then the gate;
then, for a run that the gate refused, how the last exchange with the server ended, what its last answer was, and what
the calls before it were. Only recorded bytes count, never the words that an agent printed.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from onbox.evidence.decode_rate import Sample, digest
from onbox.evidence.records import AgentStop, Exchange, FaultKind, GateEnd, GateLimit, RunRecord, WireBound
from onbox.judge.formatting import one_line, sentence
from onbox.judge.results import RunResult
from onbox.judge.rounding import rounded
from onbox.judge.runs.codes import CODES
from onbox.judge.runs.observed_rate import UsualRate, observed_tok_s
from onbox.judge.runs.replays import ReplayOutcome, ReplayResult, replayed
from onbox.judge.runs.replies import answer_without_call, call_fault, classify
from onbox.judge.runs.run_context import NOTHING_KNOWN, RunContext
from onbox.judge.runs.turns import decode_tok_s, first_token_s, turns_of
from onbox.judge.runs.wire_end import GAVE_UP, wire_end
from onbox.judge.thresholds import RATE_SHARE_MIN
from onbox.protocol.call_arguments import cut_at_limit, output_limit
from onbox.protocol.reply import Reply
from onbox.protocol.tool_schemas import offered_tools
from onbox.schema.units import percent, plus_minus

SECOND_NS = 1_000_000_000
DETAIL_CHARACTERS_MAX = 1000
"""Of what a gate, an agent or a fault says of itself."""
LOOP_CALLS = 4
"""The same call this often, in a run that a limit ended, is a loop."""
FAULTS = {FaultKind.DISK_FULL: "I-DISK", FaultKind.OUT_OF_MEMORY: "I-OOM"}
"""All others are the sandbox's code."""
FRAME = "FRAME_"
"""How the reason of a gate begins that finds what was to stay as it is changed."""
WAITED_NS = 60 * SECOND_NS
"""An agent that breaks off an answer and ends after so long had lost patience; sooner, it broke."""
LIMITS = {
    GateLimit.TIME: "its time limit",
    GateLimit.MEMORY: "its bound of memory",
    GateLimit.DISK: "its bound of disk",
}
KILLS = re.compile(r"\b(?:p?kill|killall)\b")
REPLAYED = frozenset({"S?-REASON-ONLY", "M-CLAIM", "M-PLAN", "M-ASK", "M-CODE", "M-REFUSE", "M-NOCALL"})
"""What an answer without a call may turn out not to be, when it is asked again."""
CALLED = frozenset(
    {"F-GATE", "F-FRAME", "F-HANG", "M-BADARGS", "M-MALFORMED", "M-LOOP", "L-TURNS", "L-TIME", "L-LEN", "S-ARGS"}
)
"""What a run with broken calls may turn out not to be, when they are asked for again."""
STOPS = {
    AgentStop.TURN_LIMIT: "L-TURNS",
    AgentStop.TOKEN_LIMIT: "L-LEN",
    AgentStop.TIME_LIMIT: "L-TIME",
    AgentStop.LOOP: "M-LOOP",
    AgentStop.WIRE_LIMIT: "L-WIRE",
    AgentStop.DISK_LIMIT: "L-DISK",
}
REFUSED_AS = {
    WireBound.RECORD_BYTES: "as the record was full",
    WireBound.REQUESTS_AT_A_TIME: "beyond those it may have under way",
    WireBound.REQUEST_BYTES: "too large",
    WireBound.HELD_BYTES: "beyond the room for those under way",
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
    return held_to_rate(result, observed_tok_s(samples), context.usual)


def samples_of(exchanges: Sequence[Exchange]) -> list[Sample]:
    """The answers to the agent's requests, each read once."""
    return [digest(exchange) for exchange in exchanges if exchange.purpose == "agent"]


def attribute_samples(
    run: RunRecord, exchanges: Sequence[Exchange], samples: Sequence[Sample], context: RunContext
) -> RunResult:
    """Judge one run by itself, its answers read already: see `attribute`, and `held_to_rate` for what is left."""
    agent_exchanges = [exchange for exchange in exchanges if exchange.purpose == "agent"]
    replies = [sample.reply for sample in samples]
    turns = turns_of(agent_exchanges, samples)
    if context.struck is not None:
        code, detail = "I-STRUCK", context.struck
    elif context.task_sha256 is not None and run.task_sha256 != context.task_sha256:
        code, detail = "I-TASK", f"planned {context.task_sha256[:12]}, run {run.task_sha256[:12]}"
    else:
        code, detail = _rule(run, agent_exchanges, samples, context)
    again = replayed(context.replays, offered_tools(context.replays[0].request)) if context.replays else None
    if again is not None and (settled := _settled(code, again, agent_exchanges, replies)):
        code, detail = settled, f"{detail}; {again.detail}"
    meaning, detail = CODES[code], detail[:DETAIL_CHARACTERS_MAX]
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
        model_s=rounded(_under_way_ns(agent_exchanges) / SECOND_NS),
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


def _rule(
    run: RunRecord, exchanges: Sequence[Exchange], samples: Sequence[Sample], context: RunContext
) -> tuple[str, str]:
    """(code, what was seen) by the first rule that fits."""
    # What passed was done before the engine was gone.
    gone = not run.engine_alive and (run.gate is None or run.gate.exit_code != 0)
    if context.guarded is not None and gone:
        return "I-GUARD", context.guarded
    if run.fault or run.fault_kind:
        return FAULTS.get(run.fault_kind or FaultKind.SANDBOX, "I-SANDBOX"), run.fault
    if gone:
        return "I-CONN", "the engine did not answer after the agent had stopped"
    if not exchanges:
        detail = run.agent.detail or "no request reached the server"
        return "I-AGENT", "; ".join(filter(None, (detail, _met_bounds(run))))
    if run.tampering:
        return "X-TAMPER", "; ".join(run.tampering)
    if run.gate is None:
        return "I-GATE", "it was not reached"
    if run.gate.exit_code not in (0, 1):
        return _without_verdict(run, run.gate, audited=context.audited)
    if run.gate.exit_code == 0:
        return "PASS", _met_bounds(run)
    return _refused(run, exchanges, [sample.reply for sample in samples], run.gate.reason)


def held_to_rate(result: RunResult, seen_tok_s: float | None, usual: UsualRate | None) -> RunResult:
    """The result of a run once the usual rate of its server is known: one that ran out of time on a server that was far
    below it is invalid.

    Args:
        result: of the run by itself.
        seen_tok_s: the rate that was observed in it; None: too little came.
        usual: of the server; None: nobody knows.
    """
    slow = _slow(seen_tok_s, usual) if result.code == "L-TIME" else ""
    if not slow:
        return result
    slow_run = CODES["I-SLOW"]
    detail = sentence(f"{slow_run.meaning}: {slow}")
    changes = {"code": "I-SLOW", "outcome": slow_run.outcome, "attribution": slow_run.cause, "detail": detail}
    return result.model_copy(update=changes)


def _slow(seen_tok_s: float | None, usual: UsualRate | None) -> str:
    """How far below its usual rate the server was, or may have been within that rate's uncertainty; empty when it was
    not, or when that is not known."""
    if seen_tok_s is None or usual is None or seen_tok_s >= RATE_SHARE_MIN * usual.most_tok_s:
        return ""
    share, known = percent(seen_tok_s / usual.tok_s), plus_minus(usual.relative or None)
    return (
        f"{seen_tok_s:.3g} tok/s, {share} of {usual.tok_s:.3g}{known}; below {percent(RATE_SHARE_MIN)} is not counted"
    )


def _settled(code: str, again: ReplayResult, exchanges: Sequence[Exchange], replies: Sequence[Reply]) -> str | None:
    """The code of a run after a request of it was sent again; None where that has no say in it."""
    if code in CALLED and any(_broken(exchanges, replies)):
        by_replay = {ReplayOutcome.BROKEN: "S-ARGS", ReplayOutcome.DROPPED: "S-DROP"}
        if code == "S-ARGS" and again.settled is ReplayOutcome.WRITTEN_SO:
            return "M-MALFORMED"
        return by_replay.get(again.settled, code)
    if code not in REPLAYED:
        return None
    if again.settled is ReplayOutcome.DROPPED:
        return "S-DROP"
    if code == "S?-REASON-ONLY" and again.settled is not ReplayOutcome.OPEN:
        return "M-PLAN"
    return code


def _refused(run: RunRecord, exchanges: Sequence[Exchange], replies: Sequence[Reply], reason: str) -> tuple[str, str]:
    """Why the gate said no: by the wire, then by limits; the exit code of the agent comes last."""
    last, reply = exchanges[-1], replies[-1]
    crashed = run.agent.stop is AgentStop.CRASH
    limit, detail = STOPS.get(run.agent.stop), run.agent.detail
    if run.refused:
        # Before the wire: who asks more than the proxy takes may have kept the server from answering too.
        return "L-WIRE", _met_bounds(run)
    if ended := wire_end(exchanges, replies, limited=limit is not None):
        return ended
    left = last.error_kind in GAVE_UP
    if limit is None and left and (not crashed or (last.ended_ns or 0) >= WAITED_NS):
        limit, detail = "L-TIME", last.error or ""
    offered = offered_tools(last.request)
    if reply.done and (code := classify(reply, list(offered))):
        if code == "L-LEN":
            return _cut_off(last, reply)
        return code, one_line(reply.content or reply.reasoning)
    # A call that the limit of the run cut off is no call that the model wrote so.
    whole = len(replies) - (limit is not None and not reply.done)
    calls = [call for each in replies[:whole] for call in each.tool_calls]
    if calls and all(faults := _broken(exchanges[:whole], replies[:whole])):
        if reply.tool_calls and cut_at_limit(reply, output_limit(last.request)):
            return _cut_off(last, reply)
        return faults[-1], one_line(f"{calls[-1].name} {calls[-1].arguments}")
    if limit:
        repeated = Counter((call.name, call.arguments) for call in calls).most_common(1)
        if repeated and repeated[0][1] >= LOOP_CALLS:
            return "M-LOOP", f"{repeated[0][1]} times {one_line(' '.join(repeated[0][0]))}"
        return limit, detail
    if crashed and (code := _crash(reply, _broken(exchanges[-1:], replies[-1:]))):
        return code, detail
    if calls or not offered:
        return "F-FRAME" if reason.startswith(FRAME) else "F-GATE", reason
    return answer_without_call(reply.content, unchanged=run.changes.files == 0), one_line(reply.content)


def _met_bounds(run: RunRecord) -> str:
    """The requests of a run that the proxy refused; empty where it refused none."""
    refused = [f"{count} {REFUSED_AS[bound]}" for bound, count in sorted(run.refused.items())]
    return f"onbox's proxy refused requests: {', '.join(refused)}" if refused else ""


def _crash(reply: Reply, faults: Sequence[str]) -> str | None:
    """The code of an agent that ended by itself with an error; None where the model had said its last word before."""
    if reply.done and not reply.tool_calls:
        return None
    if broken := next(filter(None, faults), None):
        return broken
    ends_others = any(KILLS.search(call.arguments) for call in reply.tool_calls)
    return "F-GATE" if ends_others else "I-AGENT"


def _broken(exchanges: Sequence[Exchange], replies: Sequence[Reply]) -> list[str]:
    """For each call of a run the code of what is wrong with it; an empty string for a usable one."""
    offered: dict[str, Mapping[str, object]] = {}
    for exchange in exchanges:
        offered.update(offered_tools(exchange.request))
    return [call_fault(call, offered) or "" for reply in replies for call in reply.tool_calls]


def _without_verdict(run: RunRecord, gate: GateEnd, *, audited: bool) -> tuple[str, str]:
    """The code of a run whose gate ended without a verdict.

    A gate that used up its time or its memory may have been made to by the code that it judges. Where its audit showed
    that it needs less for right code and for none, that is so; without an audit nobody knows, and it says so. Where
    nothing was changed there is no code of the model's, and the gate is as it was.
    """
    if gate.limit is None:
        return "I-GATE", _gate_end(gate)
    end = f"it was killed at {LIMITS[gate.limit]}"
    if run.changes.files == 0:
        return "I-GATE", f"{end}, on a workspace that nothing changed"
    if not audited:
        return "I-GATE", f"{end}; whether by the code that was left or by itself is unknown, as it was not audited"
    return "F-HANG", f"{end}, and within it judged the reference solution and a workspace with nothing done"


def _gate_end(gate: GateEnd) -> str:
    fault = gate.reason.removeprefix("GATE_FAULT").strip()
    return one_line(fault) if fault != gate.reason and fault else f"it ended with exit code {gate.exit_code}"


def _cut_off(last: Exchange, reply: Reply) -> tuple[str, str]:
    """An answer that ended at its length: at the limit that the agent set, or before it, as the context was full."""
    limit, tokens = output_limit(last.request), reply.completion_tokens
    if limit is not None and tokens is not None and tokens < limit:
        return "L-CTX", f"cut off after {tokens} of the {limit} tokens that the agent allowed"
    set_by = f"the agent allows {limit} tokens an answer" if limit is not None else "the server's own limit"
    return "L-LEN", f"{set_by}: {one_line(reply.content or reply.reasoning)}"


def _size(run: RunRecord) -> float | None:
    """Lines changed, over those that the reference solution changes."""
    reference = run.quality.reference if run.quality else None
    lines = reference.lines_added + reference.lines_removed if reference else 0
    return rounded((run.changes.lines_added + run.changes.lines_removed) / lines) if lines else None


def _under_way_ns(exchanges: Sequence[Exchange]) -> int:
    """Length of the union of all exchanges: requests that overlap count once."""
    spans = sorted((exchange.t0_ns, exchange.t0_ns + (exchange.ended_ns or 0)) for exchange in exchanges)
    total, reached = 0, 0
    for start, end in spans:
        total += max(0, end - max(start, reached))
        reached = max(reached, end)
    return total
