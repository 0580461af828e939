"""Past vLLM's parser: a chat request as token ids (`/v1/chat/completions/render` where it is switched on, else
`/tokenize`), and these completed with special tokens shown."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from onbox.engines.base import RawRoute
from onbox.engines.raw_completion import CHAT, PROMPT, answer, output_limit, sampling

if TYPE_CHECKING:
    from onbox.evidence.records import Exchange
    from onbox.wire.client import StampedClient


def route(client: "StampedClient", body: Mapping[str, Any]) -> tuple[RawRoute | None, list["Exchange"]]:
    """See `onbox.engines.base.FindRawRoute`."""
    whole = {name: value for name, value in body.items() if name != "stream_options"}
    rendered = client.request("POST", f"{CHAT}/render", {**whole, "stream": False}, purpose=PROMPT)
    tried, ids, name = [rendered], answer(rendered).get("token_ids"), "render"
    if not isinstance(ids, list):
        kept = {key: body[key] for key in ("model", "messages", "tools") if key in body}
        tried.append(client.request("POST", "/tokenize", kept, purpose=PROMPT))
        ids, name = answer(tried[-1]).get("tokens"), "tokenize"
    if not isinstance(ids, list):
        return None, tried
    raw = {
        "model": body.get("model"),
        "prompt": ids,
        "max_tokens": output_limit(body),
        "skip_special_tokens": False,
        "stream": False,
        **sampling(body),
    }
    return RawRoute("/v1/completions", raw, f"vLLM, {name} and /v1/completions"), tried
