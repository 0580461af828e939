"""The route past a server's parser: the same prompt, and the text of the model as it wrote it.

How a server is asked for it is in the package of its engine (`onbox.engines.<engine>`).
"""

from onbox.engines.base import RawRoute
from onbox.engines.raw_completion import CHAT
from onbox.engines.served import RunningServer
from onbox.evidence.records import Exchange
from onbox.wire.client import StampedClient


def raw_route(
    client: StampedClient, served: RunningServer, request: Exchange
) -> tuple[RawRoute | None, list[Exchange]]:
    """The route for a recorded chat request, and the exchanges that found it; None where there is none.

    Args:
        client: a connection to the server.
        served: who serves.
        request: as it was recorded.
    """
    body, facts = request.request, served.facts
    if not request.path.endswith(CHAT) or not isinstance(body, dict) or facts is None or facts.raw_completion is None:
        return None, []
    return facts.raw_completion(client, body)
