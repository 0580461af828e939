"""Past llama.cpp's parser: a chat request as text (`/apply-template`), and that completed (`/completion`)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from onbox.engines.base import RawRoute
from onbox.engines.raw_completion import PROMPT, answer, output_limit, sampling

if TYPE_CHECKING:
    from onbox.evidence.records import Exchange
    from onbox.wire.client import StampedClient


def route(client: "StampedClient", body: Mapping[str, Any]) -> tuple[RawRoute | None, list["Exchange"]]:
    """See `onbox.engines.base.FindRawRoute`."""
    rendered = client.request("POST", "/apply-template", {**body, "stream": False}, purpose=PROMPT)
    prompt = answer(rendered).get("prompt")
    if not isinstance(prompt, str):
        return None, [rendered]
    raw = {"prompt": prompt, "n_predict": output_limit(body), "stream": False, **sampling(body)}
    return RawRoute("/completion", raw, "llama.cpp, /apply-template and /completion"), [rendered]
