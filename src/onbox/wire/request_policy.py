"""Someone who looks at each request of a run before it goes on, and at each exchange when it is over."""

from typing import Any, Protocol

from onbox.evidence.records import Exchange, WireBound


class RequestRefused(Exception):
    """A request that must not reach the engine; the message goes to the client."""


class RequestPolicy(Protocol):
    """What the proxy asks about the requests of one run; all calls come from the proxy's thread."""

    def admit(self, method: str, path: str, body: Any) -> tuple[str, Any]:
        """The purpose under which a request is recorded, and the body that is sent on in its place.

        Raises:
            Refused: the run may ask no more. Such a request is not recorded: the engine never saw it.
        """
        ...

    def refused(self, bound: WireBound) -> None:
        """Take in that a request met a bound of the proxy: it is neither sent on nor recorded."""
        ...

    def ended(self, exchange: Exchange) -> None:
        """Take in an exchange that is over and recorded."""
        ...
