"""What vLLM does with pictures (sources of 0.32.0: `config/multimodal.py`, `renderers/hf.py`)."""

import re
from collections.abc import Mapping, Sequence

from onbox.engines.known import known
from onbox.engines.sight import CommandLine, EngineSight, HidingOption, image_limit
from onbox.schema.sight import SightReason

ONLY, LIMIT = "language-model-only", "limit-mm-per-prompt"
_IMAGE = re.compile(r"image|vision", re.IGNORECASE)
_PARTS = re.compile(r"for\s+\w+\s+in\s+\w+(?:\.content|\[\s*['\"]content['\"]\s*\])")
"""A loop over the parts of a message: then vLLM leaves the place of a picture to the template."""


def hiding(line: CommandLine) -> Sequence[HidingOption]:
    """`--language-model-only` sets the limit of every modality to 0; `--limit-mm-per-prompt` that of images."""
    name, found = f"vLLM {line.version}" if line.version else "vLLM", []
    last = line.last(ONLY, f"no-{ONLY}")
    if last is not None and last[0] == ONLY and last[1].lower() != "false":
        found.append(HidingOption(f"--{ONLY}", "command line", f"{name}: start it without --{ONLY}", ONLY))
    limit = image_limit(line, LIMIT)
    if limit is not None and limit[1] == 0:
        found.append(
            HidingOption(
                limit[0], "command line", f"{name}: --{LIMIT} with an image limit above 0, or without it", LIMIT
            )
        )
    return found


def remedies(version: str | None) -> Mapping[SightReason, str]:
    """By the options that the version knows."""
    name = f"vLLM {version}" if version else "vLLM"
    only = f" without --{ONLY} and" if known("vllm", version).option(ONLY) is not False else ""
    return {
        SightReason.NO_IMAGE_SLOT: f"{name}: --chat-template FILE with the model's own template for pictures",
        SightReason.REFUSED: f"{name}: start it{only} without an image limit of 0 in --{LIMIT}",
    }


def slot(template: str) -> bool:
    """vLLM puts the place in by itself for a template that takes a message as one text."""
    return bool(_IMAGE.search(template) or not _PARTS.search(template))


def served(line: CommandLine) -> str:
    """What follows `serve`, or `--model`."""
    given = line.last("model")
    if given and given[1]:
        return given[1]
    after = next((at + 1 for at, word in enumerate(line.words) if word == "serve"), len(line.words))
    return next((word for word in line.words[after : after + 1] if not word.startswith("-")), "")


SIGHT = EngineSight(hiding=hiding, remedies=remedies, served=served, slot=slot)
