"""The first requests to an engine that says it is ready: does it give a token, and is it warm?"""

import threading
import time
from collections.abc import Callable
from typing import Any

from onbox.errors import EngineError
from onbox.evidence.records import Exchange
from onbox.evidence.replies import read_reply
from onbox.launch.timeline import Timeline
from onbox.schema.recipe import WarmUp
from onbox.wire.client import StampedClient

POLL_S = 0.1
ANSWER_S = 1800.0
"""For the first answer of an engine without counters, where nothing can tell a hang from a slow one."""


class FirstRequests:
    """Asks an engine while the watch over it goes on: it may hang in its first request.

    Args:
        name: of the contender, for messages.
        model: as requests name it.
        client: makes a connection with this read limit in seconds.
        timeline: takes the phases, and looks on.
    """

    def __init__(self, name: str, model: str, client: Callable[[float], StampedClient], timeline: Timeline) -> None:
        self._name = name
        self._model = model
        self._client = client
        self._timeline = timeline

    def canary(self, since: float) -> None:
        """Ask for one real token: a server may say that it is ready before it is, and may say so while wedged.

        Args:
            since: monotonic time from which the phase counts.

        Raises:
            EngineError: it gives none.
        """
        self._timeline.begin("first token")
        exchange = self._ask([{"role": "user", "content": "Say ok."}], {"max_tokens": 1}, "canary")
        reply = read_reply(exchange)
        shown = reply.finish_reason or reply.content or reply.reasoning
        if exchange.status != 200 or reply.error or not shown:
            answer = f"status {exchange.status}: {exchange.body()[:300].decode('utf-8', 'replace')}"
            if exchange.status == 200 and reply.error and not exchange.error:
                answer = f"its answer cannot be read: {reply.error}"
            raise EngineError(
                f"{self._name}: up, but gives no token: {exchange.error or answer}",
                "onbox preflight says more of a server; its own log says why",
            )
        self._timeline.end("first token", since)

    def warm_up(self, plan: WarmUp) -> None:
        """The recipe's requests that compile and tune what the first real one would otherwise wait for.

        Raises:
            EngineError: one is not answered.
        """
        if not plan.requests:
            return
        began = time.monotonic()
        self._timeline.begin("warm-up")
        messages = [{"role": "user", "content": "Count from one to one hundred in words."}]
        for _ in range(plan.requests):
            exchange = self._ask(messages, {"max_tokens": plan.output_tokens, "temperature": 0}, "warm-up")
            if exchange.status != 200:
                raise EngineError(f"{self._name}: warm-up: {exchange.error or f'status {exchange.status}'}")
        self._timeline.end("warm-up", began)

    def _ask(self, messages: list[dict[str, str]], how: dict[str, Any], purpose: str) -> Exchange:
        answered: list[Exchange] = []

        def ask() -> None:
            with self._client(ANSWER_S) as client:
                body = {"model": self._model, "messages": messages, **how}
                answered.append(client.post("/chat/completions", body, purpose=purpose))

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        while asking.is_alive():
            self._timeline.sample()
            asking.join(POLL_S)
        return answered[0]
