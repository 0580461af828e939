"""All that others need to know of Ollama."""

from typing import TYPE_CHECKING, Any

from onbox.engines.base import EngineFacts, ProcessSigns
from onbox.engines.ollama.advice import advice
from onbox.engines.ollama.emulation import EMULATED
from onbox.engines.ollama.log import LOG
from onbox.engines.ollama.profile import PROFILE
from onbox.engines.ollama.raw_completion import route
from onbox.engines.ollama.requests import APIS
from onbox.engines.ollama.sight import SIGHT
from onbox.untrusted_json import UntrustedJsonError, parse_object

if TYPE_CHECKING:
    from onbox.wire.client import StampedClient


def probe(client: "StampedClient") -> dict[str, Any]:
    """The version, and by which API it is measured."""
    info = client.get_json("/api/version")
    return {"server": "ollama", "version": info.get("version")} if info else {}


def details(client: "StampedClient", model: str) -> dict[str, Any]:
    """It describes a model at an address of its own; its window is a setting that it does not tell."""
    exchange = client.request("POST", "/api/show", {"model": model}, purpose="probe")
    try:
        shown = parse_object(exchange.body()) if exchange.status == 200 else {}
    except UntrustedJsonError:
        shown = {}
    able = shown.get("capabilities")
    return {
        "version": (client.get_json("/api/version") or {}).get("version"),
        "sampling": {"parameters": shown["parameters"]} if shown.get("parameters") else None,
        "vision": "vision" in able if isinstance(able, list) else None,
    }


FACTS = EngineFacts(
    name="Ollama",
    owned_by=("library",),
    profile=PROFILE,
    log=LOG,
    signs=ProcessSigns(programs={"ollama": ("serve", "runner"), "ollama_host.py": ()}, images=("ollama",)),
    apis=APIS,
    emulated=EMULATED,
    probe=probe,
    details=details,
    raw_completion=route,
    advice=advice,
    sight=SIGHT,
)
