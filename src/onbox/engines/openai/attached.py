"""Any OpenAI-compatible server that runs already: onbox neither starts nor stops it."""

from pathlib import Path
from typing import Any

from onbox.engines.base import METRICS_PATH
from onbox.engines.launch import Launch
from onbox.engines.openai_models import first_model
from onbox.engines.registry import all_facts, facts_by_owner, metrics_paths
from onbox.engines.scrape import idle_signs
from onbox.errors import UsageError
from onbox.schema.recipe import Recipe
from onbox.wire.client import StampedClient


class AttachedServer:
    """A server known only by its URL; what it offers is found out by asking."""

    name = "attached"
    metrics_path: str | None = METRICS_PATH

    def launch(self, recipe: Recipe, weights: Path, port: int) -> Launch:
        raise UsageError(f"{recipe.name}: onbox does not start an attached server")

    def version(self) -> str | None:
        return None

    def ready(self, client: StampedClient) -> bool:
        """`/v1/models` answers."""
        return client.get("/v1/models").status == 200

    def idle(self, metrics_text: str) -> dict[str, float]:
        """Requests that run and wait, and tokens made, under the names of the engines that onbox knows."""
        return idle_signs(metrics_text, *(each.profile for each in all_facts() if each.profile))

    def props(self, client: StampedClient) -> dict[str, Any]:
        """What the server says of itself at `/v1/models`, `/version` and where its engine says more;
        where its counters are is found out too."""
        self.metrics_path = next((path for path in metrics_paths() if _has_counters(client, path)), METRICS_PATH)
        facts = first_model(client)
        version = client.get_json("/version")
        if version:
            facts["version"] = version.get("version")
        known = facts_by_owner(facts["owned_by"])
        if known and known.probe:
            facts |= known.probe(client)
        return facts


def _has_counters(client: StampedClient, path: str) -> bool:
    exchange = client.get(path)
    return exchange.status == 200 and b"# TYPE" in exchange.body()
