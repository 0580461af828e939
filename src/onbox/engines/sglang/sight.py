"""What SGLang does with pictures (source: `configs/model_config.py`, `server_args.py`; never run by this project)."""

import re
from collections.abc import Mapping, Sequence

from onbox.engines.sight import OFF, CommandLine, EngineSight, HidingOption, image_limit
from onbox.schema.sight import SightReason

LIMIT, ENABLE, ONLY = "limit-mm-data-per-request", "enable-multimodal", "language-only"
OFF_BY_ITSELF = frozenset(
    {"Gemma3ForConditionalGeneration", "Llama4ForConditionalGeneration", "Step3VLForConditionalGeneration"}
)
"""Architectures whose pictures SGLang takes only when it is told to."""
_IMAGE = re.compile(r"image|vision", re.IGNORECASE)


def hiding(line: CommandLine) -> Sequence[HidingOption]:
    """A limit of 0, a tower that is left to another server, or an architecture that is off by itself."""
    name, found = f"SGLang {line.version}" if line.version else "SGLang", []
    limit = image_limit(line, LIMIT)
    if limit is not None and limit[1] == 0:
        remedy = f"{name}: --{LIMIT} with an image limit above 0, or without it"
        found.append(HidingOption(limit[0], "command line", remedy, LIMIT))
    if line.last(ONLY) and not line.last("encoder-urls"):
        found.append(HidingOption(f"--{ONLY}", "command line", f"{name}: start it without --{ONLY}", ONLY))
    enable = line.last(ENABLE, f"no-{ENABLE}", f"disable-{ENABLE.removeprefix('enable-')}")
    refused = enable is not None and (enable[0] != ENABLE or enable[1].lower() in OFF)
    if refused and enable is not None:
        found.append(HidingOption(f"--{enable[0]}", "command line", f"{name}: --{ENABLE}", enable[0]))
    if enable is None and OFF_BY_ITSELF & set(line.architectures):
        kind = next(each for each in line.architectures if each in OFF_BY_ITSELF)
        found.append(HidingOption(f"no --{ENABLE} (off by itself for {kind})", "command line", f"{name}: --{ENABLE}"))
    return found


def remedies(version: str | None) -> Mapping[SightReason, str]:
    name = f"SGLang {version}" if version else "SGLang"
    return {
        SightReason.NO_IMAGE_SLOT: f"{name}: --chat-template FILE with the model's own template for pictures",
        SightReason.REFUSED: f"{name}: --{ENABLE}, and no image limit of 0 in --{LIMIT}",
    }


def served(line: CommandLine) -> str:
    given = line.last("model-path", "model")
    return given[1] if given else ""


SIGHT = EngineSight(
    hiding=hiding,
    remedies=remedies,
    served=served,
    slot=lambda template: bool(_IMAGE.search(template)) or None,
)
"""Of a template without the word nothing follows: SGLang has conversation templates of its own beside it."""
