"""Past Ollama's parser: 0.12 and later gives the text of a chat request in the place of an answer
(`_debug_render_only`) and completes it raw (`/api/generate`). By the source of August 2026; never run."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from onbox.engines.base import RawRoute
from onbox.engines.raw_completion import CHAT, PROMPT, answer, one_token, output_limit, sampling

if TYPE_CHECKING:
    from onbox.evidence.records import Exchange
    from onbox.wire.client import StampedClient


SAMPLED_BY = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "seed")
"""What it takes from a chat request; the first two are 1 where the request has none."""


def route(client: "StampedClient", body: Mapping[str, Any]) -> tuple[RawRoute | None, list["Exchange"]]:
    """See `onbox.engines.base.FindRawRoute`."""
    rendered = client.request("POST", CHAT, {**one_token(body), "_debug_render_only": True}, purpose=PROMPT)
    info = answer(rendered).get("_debug_info")
    prompt = info.get("rendered_template") if isinstance(info, dict) and not info.get("image_count") else None
    if not isinstance(prompt, str):
        return None, [rendered]
    options = {"num_predict": output_limit(body), "temperature": 1.0, "top_p": 1.0, **sampling(body, SAMPLED_BY)}
    raw = {"model": body.get("model"), "prompt": prompt, "raw": True, "stream": False, "options": options}
    return RawRoute("/api/generate", raw, "Ollama, _debug_render_only and /api/generate"), [rendered]
