"""From schema version 2 to 3: the route past the parser has its name of today."""

from collections.abc import Mapping
from typing import Any


def run(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """`run.json` whose `replay` has a `raw_route`."""
    replay = data.get("replay")
    if not isinstance(replay, Mapping) or "past_parser" not in replay or "raw_route" in replay:
        return data
    rest = {name: value for name, value in replay.items() if name != "past_parser"}
    return {**data, "replay": {**rest, "raw_route": replay["past_parser"]}}
