"""Which server answers at a URL, and what it says of itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from onbox.engines.base import EngineFacts
from onbox.engines.openai.attached import AttachedServer
from onbox.engines.registry import facts_by_owner, facts_called
from onbox.wire.client import StampedClient

MODELS_MAX = 1000
TOKENS_MAX = 10**9
"""No context is longer; a larger number is none."""


@dataclass(frozen=True)
class RunningServer:
    """A running server.

    Args:
        kind: the engine as people call it, or `unknown`.
        version: as the server says it; None when it does not.
        models: the names it serves, first the one that is served by default.
        context_tokens: prompt and answer together; None when it does not say.
        sampling: what it samples by where a request does not say; None when it does not tell.
        vision: whether it says that it takes images; None when it does not say.
        origin: where the model's files came from, as the server says it; empty when it does not.
        options: of its command line, by name; None where that cannot be seen.
    """

    kind: str
    version: str | None
    models: tuple[str, ...]
    context_tokens: int | None
    sampling: dict[str, Any] | None
    vision: bool | None
    origin: str = ""
    options: Mapping[str, str] | None = None

    @property
    def facts(self) -> EngineFacts | None:
        """What is known of such a server."""
        return facts_called(self.kind)

    def __str__(self) -> str:
        return f"{self.kind} {self.version}" if self.version else self.kind


def who_serves(client: StampedClient, model: str | None = None) -> RunningServer | None:
    """Ask a server who it is; None when nothing answers there.

    Args:
        client: a connection to it.
        model: the model that is meant, where it serves several.
    """
    if client.get("/v1/models").status is None:
        return None
    listed = (client.get_json("/v1/models") or {}).get("data")
    listed = listed[:MODELS_MAX] if isinstance(listed, list) else []
    entries = [entry for entry in listed if isinstance(entry, dict) and isinstance(entry.get("id"), str)]
    chosen = next((entry for entry in entries if entry["id"] == model), entries[0] if entries else {})
    props = AttachedServer().props(client)
    known = facts_by_owner(chosen.get("owned_by"))
    details = known.details(client, str(chosen.get("id"))) if known and known.details else {}
    modalities = props.get("modalities")
    return RunningServer(
        kind=known.name if known else "unknown",
        version=_first_word(details.get("version"), props.get("version"), props.get("build_info")),
        models=tuple(entry["id"] for entry in entries),
        context_tokens=_positive(chosen.get("max_model_len")) or _positive(props.get("n_ctx")),
        sampling=details.get("sampling") or props.get("sampling_defaults") or None,
        vision=bool(modalities.get("vision")) if isinstance(modalities, dict) else details.get("vision"),
        origin=_word(chosen.get("root")) or "",
    )


def options_of(argv: Sequence[str]) -> dict[str, str]:
    """The options of a command line: `--name value`, `--name=value`, `--name`; an empty value where none follows."""
    options: dict[str, str] = {}
    name = ""
    for word in argv:
        if word.startswith("--"):
            name, _, value = word.partition("=")
            name = name.replace("_", "-")
            options[name] = value
            name = "" if value else name
        elif name:
            options[name], name = word, ""
    return options


def _first_word(*values: Any) -> str | None:
    return next((word for value in values if (word := _word(value))), None)


def _positive(value: Any) -> int | None:
    known = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= TOKENS_MAX
    return value if known else None


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
