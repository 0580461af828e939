"""A few questions to a server before hours are spent on it: can an agent work with it, and if not, which flag helps?

`short` is what a trial asks; `long` is `onbox preflight`: some twenty short requests, under a minute where the server
is not slow. The answers are cases; the exchanges behind them are evidence.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from onbox.engines.served import RunningServer
from onbox.evidence.records import Exchange, Preflight, PreflightCase, PreflightFinding
from onbox.preflight import calls, capabilities, coherence
from onbox.preflight.agent_room import AgentRoom, opening_size
from onbox.preflight.session import PreflightSession
from onbox.wire.client import StampedClient

PATIENCE_S = 60.0
"""After this long no further question is asked: what was not asked is unknown."""

NONSENSE = "not asked: its replies are nonsense, so no other answer would mean anything"
TASK = "List the files in the current directory."

_OPENING: tuple[tuple[str, Callable[[PreflightSession], PreflightCase]], ...] = (
    ("coherence", coherence.coherence),
    ("server", capabilities.server),
    ("model", capabilities.model_name),
    ("context", capabilities.context),
    ("sampling", capabilities.sampling),
    ("usage", coherence.usage),
    ("tool_call", calls.single),
)
_WITH_TOOLS: tuple[tuple[str, Callable[[PreflightSession], PreflightCase]], ...] = (
    ("streaming_agrees", calls.streaming_agrees),
    ("no_argument_call", calls.no_argument),
    ("long_arguments", calls.long_arguments),
    ("parallel_calls", calls.parallel),
    ("tool_result", calls.tool_result),
    ("call_after_reasoning", calls.after_reasoning),
    ("reasoning_passed_back", coherence.reasoning_passed_back),
)
"""Not asked where a request is refused for the tools in it."""
_WITHOUT: tuple[tuple[str, Callable[[PreflightSession], PreflightCase]], ...] = (
    ("apis", capabilities.apis),
    ("output_limit", capabilities.output_limit),
    ("image", capabilities.image),
)


def conclusion(record: Preflight) -> str:
    """What all cases together say of a server, in one sentence."""
    by_name = {case.name: case for case in record.cases}
    sense, call = by_name.get("coherence"), by_name.get("tool_call")
    if sense is not None and sense.finding is PreflightFinding.RANDOM_WEIGHTS:
        return "No agent can work with it: its weights are random. Only the rate of its kernels can be measured"
    if sense is not None and sense.finding is PreflightFinding.NONSENSE:
        return "No agent can work with it: its replies are nonsense. Check its weights, kernels and quantisation first"
    if record.tools:
        return "An agent can work with it"
    if call is not None and (call.status == "pass" or call.finding is PreflightFinding.BROKEN_ARGUMENTS):
        return "No agent can work with it: calls arrive, but their arguments are broken"
    return "No agent can work with it: no tool call arrives"


def remarks(record: Preflight, *, without_sense: bool) -> list[str]:
    """What is to be said of the cases that did not pass.

    Args:
        record: of the server.
        without_sense: its weights are random on purpose.
    """
    random = [case for case in record.cases if without_sense and (case.name, case.status) == ("coherence", "fail")]
    found = [
        f"preflight {case.name}: {case.advised()}"
        for case in record.cases
        if case.status != "pass" and case not in random
    ]
    return ["nonsense, as expected of random weights"] * len(random) + found


def short(
    client: StampedClient,
    model: str,
    tools: list[dict[str, Any]],
    template: str,
    agent: AgentRoom | None = None,
    *,
    options: Mapping[str, str] | None = None,
) -> tuple[Preflight, list[Exchange]]:
    """Ask for one fact and for one tool call.

    Args:
        client: a connection to the engine.
        model: the model's name in requests.
        tools: what the agent will offer; none: there is no agent, and no call is asked for.
        template: the chat template in use, by name, for the advice.
        agent: who will work, and the room that it needs; None: the context is not looked at.
        options: of the command line that the engine was started with, for the advice; None: onbox did not start it.

    Returns:
        The cases and the recorded exchanges behind them.
    """
    session = PreflightSession(client, model, options=options)
    cases = [coherence.coherence(session)]
    if tools and session.nonsense:
        cases.append(session.case("tool_call", "unknown", NONSENSE))
    elif tools:
        cases.append(calls.requested_call(session, TASK, tools, template=template))
        if agent is not None:
            size = opening_size(client, model, agent, session.exchanges[-1] if session.exchanges else None)
            session.ask_who_serves()
            cases.append(capabilities.agent_fits(session, agent.name, size, agent.turn_tokens))
    named = capabilities.model_name(session)
    can = any(case.name == "tool_call" and case.status == "pass" for case in cases)
    return Preflight(cases=(*cases, *([named] if named.status == "warn" else [])), tools=can), session.exchanges


def long(
    client: StampedClient, model: str, served: RunningServer, show: Callable[[PreflightCase], None] = lambda case: None
) -> tuple[Preflight, list[Exchange]]:
    """Ask everything.

    Args:
        client: a connection to the server.
        model: the model's name in requests.
        served: who serves.
        show: told each case as it falls.

    Returns:
        The cases and the recorded exchanges behind them.
    """
    session, began = PreflightSession(client, model, served), time.monotonic()
    cases: list[PreflightCase] = []
    for name, question in (*_OPENING, *_WITH_TOOLS, *_WITHOUT):
        if time.monotonic() - began > PATIENCE_S:
            case = session.case(name, "unknown", f"not asked: {PATIENCE_S:.0f} s were over")
        elif session.nonsense:
            case = session.case(name, "unknown", NONSENSE)
        elif session.tools_refused and (name, question) in _WITH_TOOLS:
            case = session.case(name, "unknown", "not asked: tools are refused")
        else:
            case = question(session)
        cases.append(case)
        show(case)
    record = Preflight(
        cases=tuple(cases),
        tools=not session.broken and any(case.name == "tool_call" and case.status == "pass" for case in cases),
        vision=session.vision,
        server=str(served),
        requests=len(session.exchanges),
        seconds=round(time.monotonic() - began, 3),
    )
    return record, session.exchanges
