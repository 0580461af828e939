"""What every llama.cpp server has in common, however it was started."""

from typing import Any

from onbox.engines.llama.facts import FACTS
from onbox.engines.llama.props import props
from onbox.engines.scrape import idle_signs
from onbox.wire.client import StampedClient


class LlamaServer:
    """Endpoints and counters of llama.cpp's server (facts of builds b11434 to b11549)."""

    metrics_path: str | None = "/metrics"
    facts = FACTS

    def ready(self, client: StampedClient) -> bool:
        """`/health` answers 503 while the model loads and 200 after."""
        return client.get("/health").status == 200

    def idle(self, metrics_text: str) -> dict[str, float]:
        """Requests that run and wait, and tokens made."""
        return idle_signs(metrics_text, FACTS.profile)

    def props(self, client: StampedClient) -> dict[str, Any]:
        """See `onbox.engines.llama.props`."""
        return props(client)
