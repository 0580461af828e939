"""What llama.cpp's server does with pictures (sources of b11549: `common/arg.cpp`, `tools/server/server-common.cpp`).

The tower is a file of its own (mmproj). Pictures are put into the text of a message before the template sees it, so
that the template needs no place for them.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from onbox.engines.sight import OFF, ON, CommandLine, EngineSight, HidingOption
from onbox.schema.sight import SightReason

GIVEN = ("mmproj", "mm", "mmproj-url", "mmu")
HIDDEN, SHOWN = ("no-mmproj", "no-mmproj-auto"), "mmproj-auto"
HUB = ("hf", "hfr", "hf-repo")
VARIABLES = (
    *("LLAMA_ARG_MMPROJ", "LLAMA_ARG_MMPROJ_URL", "LLAMA_ARG_MMPROJ_AUTO", "LLAMA_ARG_NO_MMPROJ"),
    *("LLAMA_ARG_NO_MMPROJ_AUTO", "LLAMA_ARG_HF_REPO"),
)
HOST = "llama_host.py"


def hiding(line: CommandLine) -> Sequence[HidingOption]:
    """`--no-mmproj` takes the projector away again, also one that is given by name."""
    name = f"llama.cpp {line.version}" if line.version else "llama.cpp"
    if (host := _host(line)) is not None:
        off = "vision.enabled: false"
        return (
            (HidingOption(off, "command line", f"{name}: the recipe without {off}"),) if host.get("no_mmproj") else ()
        )
    last = line.last(*HIDDEN, SHOWN)
    if last is not None:
        if last[0] == SHOWN:
            return ()
        return (HidingOption(f"--{last[0]}", "command line", f"{name}: --mmproj FILE, without --{last[0]}", last[0]),)
    for variable in ("LLAMA_ARG_NO_MMPROJ", "LLAMA_ARG_NO_MMPROJ_AUTO"):
        if line.environment.get(variable, "").lower() in ON:
            return (HidingOption(variable, "environment", f"{name}: --mmproj FILE, with {variable} unset"),)
    if line.environment.get("LLAMA_ARG_MMPROJ_AUTO", "").lower() in OFF:
        return (HidingOption("LLAMA_ARG_MMPROJ_AUTO", "environment", f"{name}: --mmproj FILE, with it unset"),)
    return ()


def remedies(version: str | None) -> Mapping[SightReason, str]:
    name = f"llama.cpp {version}" if version else "llama.cpp"
    return {SightReason.NO_PROJECTOR_GIVEN: f"{name}: --mmproj FILE"}


def served(line: CommandLine) -> str:
    if (host := _host(line)) is not None:
        return str(host.get("model") or "")
    given = line.last("model", "m")
    return given[1] if given else ""


def projector(line: CommandLine) -> bool:
    """Whether a file is named, or comes with a repository of the hub by itself."""
    if (host := _host(line)) is not None:
        return bool(host.get("mmproj"))
    by_variable = any(line.environment.get(each) for each in VARIABLES if each.endswith(("MMPROJ", "URL", "REPO")))
    return line.last(*GIVEN, *HUB) is not None or by_variable


def _host(line: CommandLine) -> Mapping[str, object] | None:
    """What the embedded engine was started with."""
    at = next((at for at, word in enumerate(line.words) if Path(word).name == HOST), None)
    if at is None or at + 1 >= len(line.words):
        return None
    try:
        options = json.loads(line.words[at + 1])
    except (ValueError, RecursionError):
        return None
    return options if isinstance(options, dict) else None


SIGHT = EngineSight(
    hiding=hiding,
    remedies=remedies,
    served=served,
    projector_needed=True,
    projector=projector,
    variables=VARIABLES,
)
