"""Whatever a run is made of: it is invalid only for what the model cannot have caused, and what passed is a pass."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from onbox.evidence.records import AgentEnd, AgentStop, Exchange, TransportError
from onbox.judge.results import Cause, Outcome
from onbox.judge.runs.attribution import attribute
from onbox.judge.runs.run_context import RunContext
from tests.builders import failed_gate, run_record
from tests.exchanges import call_reply, plain_reply, streamed, text_reply
from tests.unit.judge.runs.shapes import CUT, echo, error

GOOD = '{"command": "ls"}'


def cut_connection(n: int) -> Exchange:
    broken = plain_reply(None, None, id=n, error="connection reset")
    return broken.model_copy(update={"error_kind": TransportError.RESET})


ANSWERS: dict[str, Callable[[int], Exchange]] = {
    "call": lambda n: call_reply(id=n),
    "broken call": lambda n: call_reply(arguments=CUT, id=n),
    "empty call": lambda n: call_reply(arguments="{}", id=n),
    "words": lambda n: text_reply("Done.", id=n),
    "nothing": lambda n: text_reply("", completion_tokens=57, id=n),
    "cut at its length": lambda n: text_reply("and so on", finish_reason="length", id=n),
}
"""What ends with a whole answer."""
OF_THE_MODEL: dict[str, Callable[[int], Exchange]] = {
    "full": lambda n: plain_reply(400, error("8307 tokens exceeds 8192"), id=n, request=echo(GOOD)),
    "full in a stream": lambda n: plain_reply(200, error("Context size has been exceeded."), id=n, request=echo(GOOD)),
    "own broken call": lambda n: plain_reply(400, error("Bad Request"), id=n, request=echo(CUT)),
    "own broken call, 422": lambda n: plain_reply(422, error("arguments: not JSON"), id=n, request=echo(CUT)),
    "unparsed": lambda n: plain_reply(500, error("Failed to parse tool call"), id=n),
}
"""Errors that come of what the model, or the server for it, had said."""
FROM_OUTSIDE: dict[str, Callable[[int], Exchange]] = {
    "busy": lambda n: plain_reply(503, error("busy"), id=n),
    "too many": lambda n: plain_reply(429, error("slow down"), id=n),
    "reset": cut_connection,
    "wants a key": lambda n: plain_reply(401, error("invalid key"), id=n),
    "first refused": lambda n: plain_reply(400, error("tools: field not known"), id=n),
}
ALL = {**ANSWERS, **OF_THE_MODEL, **FROM_OUTSIDE}

names = st.lists(st.sampled_from(sorted(ALL)), max_size=6)
stops = st.sampled_from(AgentStop)


def made(parts: list[str]) -> list[Exchange]:
    return [ALL[name](n) for n, name in enumerate(parts, start=1)]


def after_the_last_answer(parts: list[str]) -> list[str]:
    last = max((n for n, name in enumerate(parts) if name in ANSWERS), default=-1)
    return parts[last + 1 :]


@given(names.filter(bool), stops, st.booleans(), st.sampled_from([None, "projected"]))
@settings(max_examples=300)
def test_a_gate_that_passed_is_a_pass(parts: list[str], stop: AgentStop, alive: bool, guarded: str | None) -> None:
    run = run_record(agent=AgentEnd(stop=stop, detail="exit code 1"), engine_alive=alive)
    assert attribute(run, made(parts), RunContext(guarded=guarded)).outcome is Outcome.PASSED


@given(names, stops)
@settings(max_examples=600)
def test_invalid_is_only_what_the_model_cannot_have_caused(parts: list[str], stop: AgentStop) -> None:
    run = run_record(gate=failed_gate(), agent=AgentEnd(stop=stop, detail="exit code 1"))
    result = attribute(run, made(parts))
    assert (result.outcome is Outcome.INVALID) == result.code.startswith("I-")
    assert (result.attribution is Cause.AGENT) <= (result.outcome is Outcome.INVALID)
    rest = after_the_last_answer(parts)
    if set(rest) & set(OF_THE_MODEL) or (parts and parts[-1] in ("words", "nothing", "broken call")):
        assert result.outcome is not Outcome.INVALID, (parts, result.code)
    elif not parts or (rest == parts and set(rest) <= set(FROM_OUTSIDE)):
        assert result.outcome is Outcome.INVALID, (parts, result.code)


@given(names, stops, st.sampled_from(sorted(OF_THE_MODEL)), st.integers(1, 3))
@settings(max_examples=300)
def test_what_comes_when_it_is_asked_again_changes_nothing(
    parts: list[str], stop: AgentStop, name: str, times: int
) -> None:
    """An error that tells of the model, then faults from outside: the first counts."""
    run = run_record(gate=failed_gate(), agent=AgentEnd(stop=stop, detail="exit code 1"))
    alone = attribute(run, made([*parts, name]))
    again = attribute(run, made([*parts, name, *["busy"] * times]))
    assert (again.code, again.outcome) == (alone.code, alone.outcome)


@given(stops, st.integers(1, 4))
def test_a_stream_that_the_agent_left_says_nothing_of_the_server(stop: AgentStop, calls: int) -> None:
    left = streamed([], id=9, error="the client left", error_kind=TransportError.CLIENT_LEFT)
    run = run_record(gate=failed_gate(), agent=AgentEnd(stop=stop, detail="exit code 1"))
    result = attribute(run, [*made(["call"] * calls), left])
    assert result.attribution is not Cause.SERVING
