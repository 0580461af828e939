"""Past SGLang's parser: 0.5.13 and later gives the token ids of a chat request with its answer, of which one token is
wanted, and completes them (`/generate`). By the source of 0.5.13; never run."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from onbox.engines.base import RawRoute
from onbox.engines.raw_completion import CHAT, PROMPT, answer, one_token, output_limit, sampling

if TYPE_CHECKING:
    from onbox.evidence.records import Exchange
    from onbox.wire.client import StampedClient


def route(client: "StampedClient", body: Mapping[str, Any]) -> tuple[RawRoute | None, list["Exchange"]]:
    """See `onbox.engines.base.FindRawRoute`."""
    rendered = client.request("POST", CHAT, {**one_token(body), "return_prompt_token_ids": True}, purpose=PROMPT)
    choices = answer(rendered).get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    ids = first.get("prompt_token_ids") if isinstance(first, dict) else None
    if not isinstance(ids, list):
        return None, [rendered]
    parameters = sampling(body)
    if "seed" in parameters:
        parameters["sampling_seed"] = parameters.pop("seed")
    parameters |= {"max_new_tokens": output_limit(body), "skip_special_tokens": False}
    raw = {"input_ids": ids, "sampling_params": parameters, "stream": False}
    return RawRoute("/generate", raw, "SGLang, return_prompt_token_ids and /generate"), [rendered]
