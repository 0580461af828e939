"""A run that ended without a call, or with calls that cannot be carried out, is asked again, so that the judge can tell
a call that the server lost or broke from one that the model never made or wrote so.

The recorded request is sent again several times, round by round: unchanged, then streamed instead of whole or the
other way round, then past the server's parser. All requests of a round share a seed, and the seeds of rounds differ: a
server that keeps to seeds would otherwise say the same each time.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onbox.bench.raw_completion import raw_route
from onbox.bench.sandbox.halt import RunHalted
from onbox.engines.base import RawRoute
from onbox.engines.served import RunningServer, who_serves
from onbox.evidence.folder import append_line
from onbox.evidence.records import Exchange, ReplayEnd, ReplayPlan
from onbox.evidence.replies import read_reply
from onbox.protocol.call_arguments import cut_at_limit, faults_of, output_limit
from onbox.protocol.leaked_calls import leaked
from onbox.protocol.reply import Reply
from onbox.protocol.tool_schemas import offered_tools
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint

UNCHANGED = "replay"
FLIPPED = "replay-flipped"
RAW = "replay-raw"
SILENCE_S = 120.0
SEEDS = ("seed", "sampling_seed")
SAMPLED_WITHIN = ("sampling_params", "options")
"""Fields of a request that hold its sampling, where it is not at the top."""


def ambiguous(exchanges: Sequence[Exchange]) -> Exchange | None:
    """The exchange to ask again, where the bytes of a run do not say who lost its call or broke its arguments; else
    None.

    A run without a call: its last exchange. A run with a call that cannot be carried out: the last with such a call.
    Not ambiguous is what says it itself: an error, an answer cut off at its length, nothing at all, a call in the text.
    """
    requests = [each for each in exchanges if each.purpose == "agent" and offered_tools(each.request)]
    if not requests:
        return None
    replies = [read_reply(each) for each in requests]
    last, offered = replies[-1], offered_tools(requests[-1].request)
    if leaked(last.content, offered) or leaked(last.reasoning, offered):
        return None
    whole = requests[-1].status == 200 and not last.error and last.done
    if whole and last.finish_reason not in ("length", "tool_calls") and not last.tool_calls:
        only_thought = bool(last.reasoning.strip()) and not last.content.strip()
        words_alone = bool(last.content.strip()) and not any(reply.tool_calls for reply in replies)
        if only_thought or words_alone:
            return requests[-1]
    pairs = zip(reversed(requests), reversed(replies), strict=True)
    return next((exchange for exchange, reply in pairs if _broke_a_call(exchange, reply)), None)


def _broke_a_call(exchange: Exchange, reply: Reply) -> bool:
    """Whether a whole answer holds a call that does not fit what was offered, though there was room for it."""
    if exchange.status != 200 or reply.error or not reply.done or cut_at_limit(reply, output_limit(exchange.request)):
        return False
    return any(faults_of(reply, offered_tools(exchange.request)))


@dataclass
class Replayer:
    """Asks again, within a time that all runs of one contender share: one run after the other, whoever calls.

    Args:
        endpoint: the engine, no proxy between.
        plan: how often, and for how long.
        spent_s: by earlier runs.
    """

    endpoint: Endpoint
    plan: ReplayPlan
    spent_s: float = 0.0

    def __post_init__(self) -> None:
        self._served: RunningServer | None = None
        self._turn = threading.Lock()
        self._client: StampedClient | None = None
        self._halted = False

    def halt(self) -> None:
        """From another thread: break off what is being asked; every `settle` raises `Halted` from now on."""
        self._halted = True
        if (client := self._client) is not None:
            client.break_off()

    def settle(self, exchanges: Sequence[Exchange], path: Path) -> ReplayEnd | None:
        """Ask again what an ambiguous run ended with; None for any other.

        Args:
            exchanges: of the run.
            path: its `replay.jsonl`.

        Raises:
            Halted: it was broken off.
        """
        last = ambiguous(exchanges)
        if last is None or self.plan.rounds == 0:
            return None
        with self._turn:
            end = self._settle(last, path)
        if self._halted:
            raise RunHalted
        return end

    def _settle(self, last: Exchange, path: Path) -> ReplayEnd:
        left_s = self.plan.contender_s - self.spent_s
        if left_s <= 0:
            return ReplayEnd(rounds=0, seconds=0.0, ended="no time was left", raw_route="")
        began = time.monotonic()
        with StampedClient(self.endpoint, read_timeout_s=min(left_s, SILENCE_S)) as client:
            self._client = client
            if self._halted:
                raise RunHalted
            # A long answer of a slow server ends with the time too, however steadily it comes.
            clock = threading.Timer(left_s, client.break_off)
            clock.start()
            try:
                rounds, way = self._ask(client, last, path, deadline=began + left_s)
            finally:
                clock.cancel()
        seconds = time.monotonic() - began
        self.spent_s += seconds
        ended = "complete" if rounds == self.plan.rounds else "its time was over"
        return ReplayEnd(rounds=rounds, seconds=round(seconds, 3), ended=ended, raw_route=way.name if way else "")

    def _ask(self, client: StampedClient, last: Exchange, path: Path, deadline: float) -> tuple[int, RawRoute | None]:
        """Whole rounds, and the route past the parser."""
        if self._served is None:
            self._served = who_serves(client)
        way, found = raw_route(client, self._served, last) if self._served else (None, [])
        for exchange in found:
            append_line(path, exchange)
        for number in range(1, self.plan.rounds + 1):
            for purpose, target, body in _round(last, way, number):
                if time.monotonic() > deadline or self._halted:
                    return number - 1, way
                append_line(path, client.request("POST", target, body, purpose=purpose))
        return self.plan.rounds, way


def _round(last: Exchange, way: RawRoute | None, number: int) -> list[tuple[str, str, dict[str, Any]]]:
    """(purpose, path, body) of the requests of one round; the first is the recorded request to the byte."""
    streamed = bool(last.request.get("stream"))
    flipped = {name: value for name, value in last.request.items() if name != "stream_options"}
    requests: list[tuple[str, str, dict[str, Any]]] = [
        (UNCHANGED, last.path, last.request),
        (FLIPPED, last.path, {**flipped, "stream": not streamed}),
    ]
    if way is not None:
        requests.append((RAW, way.path, way.body))
    return [(purpose, path, _seeded(body, number)) for purpose, path, body in requests]


def _seeded(body: dict[str, Any], number: int) -> dict[str, Any]:
    """The body with the seed of a round; the first round keeps the recorded one, and none is given where none was."""
    return {name: _seeded_value(name, value, number) for name, value in body.items()}


def _seeded_value(name: str, value: Any, number: int) -> Any:
    if name in SEEDS and isinstance(value, int):
        return value + number - 1
    return _seeded(value, number) if name in SAMPLED_WITHIN and isinstance(value, dict) else value
