"""A connection from an agent to the proxy: requests come in, replies go out, and a broken one is seen to be broken."""

import asyncio
import json
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from typing import Any

import h11

from onbox.evidence.records import WireBound
from onbox.wire.client import READ_BYTES

MAX_REQUEST_BYTES = 64 * 2**20
MAX_REQUESTS_BYTES = 256 * 2**20
"""Of all requests that a proxy has at a time; each run that is open has an equal share, and uses up no other's."""
LINGER_S = 2.0
"""How long one whose request is refused may go on sending it: hung up on at once, it would not see the answer."""


class RequestBudget:
    """What the requests of each run of a proxy hold.

    Args:
        runs: those that are open, by the part of an address that names them.
    """

    def __init__(self, runs: Collection[str]) -> None:
        self._runs = runs
        self._held_bytes: Counter[str] = Counter()

    def run_of(self, target: str) -> str:
        """The run that a request is of; an empty string for none that is open: all of those share one share."""
        name = split_target(target)[0]
        return name if name in self._runs else ""

    def hold(self, run: str, size: int) -> None:
        """Count bytes that a run holds; below 0, that it no longer does."""
        self._held_bytes[run] += size
        if not self._held_bytes[run]:
            del self._held_bytes[run]

    def is_spent(self, run: str) -> bool:
        """Whether a run holds more than its share."""
        return self._held_bytes[run] > MAX_REQUESTS_BYTES // max(1, len(self._runs))


class AgentDisconnected(ConnectionError):
    """The agent hung up before its reply was complete."""


class RequestTooLargeError(Exception):
    """A request that goes beyond a bound before it is whole.

    Args:
        bound: which.
    """

    def __init__(self, bound: WireBound, message: str) -> None:
        super().__init__(message)
        self.bound = bound


class AgentConnection:
    """One connection, for one request after the other.

    Args:
        reader: what the agent sends.
        writer: what it gets.
        budget: shared with the other connections; a request counts until it is answered.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, budget: RequestBudget) -> None:
        self._reader = reader
        self._writer = writer
        self._budget = budget
        self._held_bytes = 0
        self.run = ""
        """The run that its last request is of; empty until the head of one has come."""
        self.is_asking = False
        """Whether a request has come, and its reply is not yet sent."""
        self._http = h11.Connection(h11.SERVER)

    async def next_request(self) -> tuple[h11.Request, bytes] | None:
        """The next request with its body; None when the client has closed.

        Raises:
            RequestTooLargeError: it is too large, or its run holds too much.
        """
        self.release()
        self.is_asking = False
        request: h11.Request | None = None
        body = bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                if self._http.they_are_waiting_for_100_continue:
                    await self.send(h11.InformationalResponse(status_code=100, headers=[]))
                self._http.receive_data(await self._reader.read(READ_BYTES))
            elif isinstance(event, h11.Request):
                request = event
                self.run = self._budget.run_of(request.target.decode("latin-1"))
            elif isinstance(event, h11.Data):
                body += event.data
                self._hold(len(event.data))
                if len(body) > MAX_REQUEST_BYTES:
                    message = f"the request is larger than {MAX_REQUEST_BYTES:,} bytes"
                    raise RequestTooLargeError(WireBound.REQUEST_BYTES, message)
                if self._budget.is_spent(self.run):
                    message = "the requests of this run together are larger than its share"
                    raise RequestTooLargeError(WireBound.HELD_BYTES, message)
            elif isinstance(event, h11.EndOfMessage) and request is not None:
                self.is_asking = True
                return request, bytes(body)
            else:
                return None

    def _hold(self, size: int) -> None:
        self._held_bytes += size
        self._budget.hold(self.run, size)

    def release(self) -> None:
        """The last request is done with."""
        self._hold(-self._held_bytes)

    async def hear_out(self) -> None:
        """Throw away what the client still sends of a request that was refused, for a moment."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while await self._reader.read(READ_BYTES):
                    pass

    async def gone(self) -> None:
        """Return when the client closes; a client that sends early is left for the next request."""
        received = await self._reader.read(READ_BYTES)
        if received:
            self._http.receive_data(received)
            await asyncio.Event().wait()

    async def send(self, event: Any) -> None:
        """Send one h11 event.

        Raises:
            AgentDisconnected: the client has closed.
        """
        data = self._http.send(event) or b""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise AgentDisconnected from error

    async def refuse(self, status: int, message: str) -> None:
        """Answer with an error of the proxy's own."""
        body = json.dumps({"error": {"type": "onbox_proxy", "message": message}}).encode()
        headers = [("content-type", "application/json"), ("content-length", str(len(body)))]
        await self.send(h11.Response(status_code=status, headers=headers))
        await self.send(h11.Data(data=body))
        await self.send(h11.EndOfMessage())

    def abort(self) -> None:
        """Break the connection, so that the agent sees a broken reply as broken."""
        self._writer.transport.abort()

    def ready_for_next(self) -> bool:
        """Whether the connection can carry another request."""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            return True
        return False


def split_target(target: str) -> tuple[str, str]:
    """`/run/NAME/v1/x` into NAME and `/v1/x`."""
    _, _, rest = target.partition("/run/")
    name, _, path = rest.partition("/")
    return name, "/" + path
