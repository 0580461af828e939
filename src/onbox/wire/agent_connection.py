"""A connection from an agent to the proxy: requests come in, replies go out, and a broken one is seen to be broken."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import h11

from onbox.wire.client import READ_BYTES

MAX_REQUEST_BYTES = 64 * 2**20
MAX_REQUESTS_BYTES = 256 * 2**20
"""Of all requests that a proxy has at a time."""


@dataclass
class RequestBudget:
    """What the requests of all connections of a proxy hold."""

    held_bytes: int = 0


class AgentLeft(ConnectionError):
    """The agent hung up before its reply was complete."""


class AgentConnection:
    """One connection, for one request after the other.

    Args:
        reader: what the agent sends.
        writer: what it gets.
        budget: shared with the other connections; a request counts until the next one, or the end.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, budget: RequestBudget) -> None:
        self._reader = reader
        self._writer = writer
        self._budget = budget
        self._held_bytes = 0
        self.is_asking = False
        """Whether a request has come, and its reply is not yet sent."""
        self._http = h11.Connection(h11.SERVER)

    async def next_request(self) -> tuple[h11.Request, bytes] | None:
        """The next request with its body; None when the client has closed."""
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
            elif isinstance(event, h11.Data):
                body += event.data
                self._hold(len(event.data))
                if len(body) > MAX_REQUEST_BYTES or self._budget.held_bytes > MAX_REQUESTS_BYTES:
                    await self.refuse(413, "the request is larger than 64 MiB, or all are than 256 MiB")
                    return None
            elif isinstance(event, h11.EndOfMessage) and request is not None:
                self.is_asking = True
                return request, bytes(body)
            else:
                return None

    def _hold(self, size: int) -> None:
        self._held_bytes += size
        self._budget.held_bytes += size

    def release(self) -> None:
        """The last request is done with."""
        self._hold(-self._held_bytes)

    async def gone(self) -> None:
        """Return when the client closes; a client that sends early is left for the next request."""
        received = await self._reader.read(READ_BYTES)
        if received:
            self._http.receive_data(received)
            await asyncio.Event().wait()

    async def send(self, event: Any) -> None:
        """Send one h11 event.

        Raises:
            AgentLeft: the client has closed.
        """
        data = self._http.send(event) or b""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise AgentLeft from error

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
