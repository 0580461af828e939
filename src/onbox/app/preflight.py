"""What a server lacks for an agent, before hours are spent on it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from onbox import preflight
from onbox.atomic_files import write_json
from onbox.engines.served import options_of, who_serves
from onbox.errors import BoxError, UsageError
from onbox.evidence.folder import append_line
from onbox.evidence.records import Preflight, PreflightCase
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from onbox.wire.limits import WireLimits


@dataclass(frozen=True)
class PreflightResult:
    """The cases, of which model, and the folder of their evidence."""

    folder: Path
    model: str
    record: Preflight

    @property
    def conclusion(self) -> str:
        """What all cases together say, in one sentence without its full stop."""
        return preflight.conclusion(self.record)


def check_server(
    url: str,
    *,
    model: str | None = None,
    out: Path | str | None = None,
    show: Callable[[PreflightCase], None] = lambda case: None,
) -> PreflightResult:
    """Ask the server at a URL some twenty short questions: can an agent work with it, and which flag is missing?

    Args:
        url: of an OpenAI-compatible server.
        model: its name in requests; the server is asked if left out.
        out: the evidence folder; `trials/preflight-DATE-TIME` if left out.
        show: called with each case as it is decided.

    Raises:
        UsageError: the URL is none, or the folder is not empty.
        BoxError: no server answers there.
    """
    folder = Path(out) if out else Path("trials") / f"preflight-{datetime.now():%Y%m%d-%H%M%S}"
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder}: is there already and not empty", "name another folder")
    limits = WireLimits(request_s=2 * preflight.PATIENCE_S)
    with StampedClient(Endpoint.parse(url), read_timeout_s=preflight.PATIENCE_S, limits=limits) as client:
        served = who_serves(client, model)
        if served is None:
            raise BoxError(f"{url}: no server answers there", "start it, or name another URL")
        served = replace(served, options=options_here(client.endpoint))
        name = model or (served.models[0] if served.models else "default")
        record, exchanges = preflight.long(client, name, served, show)
    write_json(folder / "preflight.json", record)
    for exchange in exchanges:
        append_line(folder / "preflight.jsonl", exchange)
    return PreflightResult(folder, name, record)


def options_here(endpoint: Endpoint) -> dict[str, str] | None:
    """The options of a server on this box, by its command line; None where that cannot be seen."""
    import psutil

    from onbox.launch.ports import listener_pid

    pid = listener_pid(endpoint)
    try:
        return options_of(psutil.Process(pid).cmdline()) if pid else None
    except psutil.Error:
        return None
