"""Which options and variables a version of an engine knows.

A table beside this module is the whole truth of one version, taken by `tools/known_options.py` from the engine itself.
What is known of other versions from their source or logs stands below, and is not whole: an option that is in no table
of such a version is unknown to onbox, and not wrong.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from onbox.engines.log_lines import numbers

FOLDER = Path(__file__).parent

FORK = "mxfp4"
"""In a version: the christopherowen fork of vLLM 0.14, whose images carry this word in their tag."""
FORK_VERSION = "0.14"
FORK_ONLY = frozenset({"mxfp4-backend", "mxfp4-layers"})
REMOVED = {"VLLM_USE_FLASHINFER_MOE_MXFP4": "0.32"}
"""Prefix of a vLLM variable -> a version that ignores it, as all later ones do (source of 0.32 and 0.33)."""
ALIASES = {"tp": "tensor-parallel-size", "pp": "pipeline-parallel-size", "dp": "data-parallel-size"}
"""Short names of vLLM's options."""


@dataclass(frozen=True)
class KnownOptions:
    """What one version knows. `whole` says whether a name that is missing here is surely not known to it."""

    engine: str
    version: str
    options: frozenset[str]
    variables: frozenset[str]
    all_known: bool

    def option(self, name: str) -> bool | None:
        """Whether the version knows the option; None when nobody can say."""
        plain = ALIASES.get(name, name).replace("_", "-")
        if plain in FORK_ONLY and self.engine == "vllm":
            return True if FORK in self.version else (False if numbers(self.version) else None)
        known = any(each in self.options for each in (plain, plain.partition(".")[0], f"no-{plain}"))
        return known or (False if self.all_known else None)

    def variable(self, name: str) -> bool | None:
        """Whether the version reads the variable; None when nobody can say. Of others' variables nobody can."""
        if self.engine == "vllm" and name.startswith(tuple(REMOVED)) and numbers(self.version):
            gone = any(name.startswith(each) and numbers(self.version) >= numbers(at) for each, at in REMOVED.items())
            return True if FORK in self.version else (False if gone else None)
        if name in self.variables:
            return True
        own = name.startswith("VLLM_" if self.engine == "vllm" else "LLAMA_ARG_")
        return False if own and self.all_known else None


@cache
def known(engine: str, version: str | None) -> KnownOptions:
    """What `version` of `engine` knows. Without a table of just that version, the nearest one, which is not whole."""
    version = _of_llama_cpp(version)
    family = "llama.cpp" if engine.startswith("llama") else engine
    tables = [json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob(f"{family}-*.json"))]
    if not tables:
        return KnownOptions(family, version or "", frozenset(), frozenset(), False)
    at = numbers(version or "")
    table = min(tables, key=lambda each: _distance(numbers(each["version"]), at))
    same = bool(at) and numbers(table["version"])[:2] == at[:2] and FORK not in (version or "")
    return KnownOptions(family, version or "", frozenset(table["options"]), frozenset(table["variables"]), same)


def versions_known(engine: str) -> tuple[str, ...]:
    """The versions of which there is a table, the oldest first; empty for an engine that has none."""
    family = "llama.cpp" if engine.startswith("llama") else engine
    names = (path.stem.removeprefix(f"{family}-") for path in FOLDER.glob(f"{family}-*.json"))
    return tuple(sorted(names, key=numbers))


def unknown_version(engine: str, version: str | None) -> str:
    """One sentence on a version that onbox does not know; empty for one that it knows, or that cannot be seen.

    What its log says may then be misread or not read at all: whether it gets on is judged by processors, disk, memory
    and GPU.
    """
    tables = versions_known(engine)
    if not tables or version is None or not numbers(version) or FORK in version or known(engine, version).all_known:
        return ""
    span = tables[0] if len(tables) == 1 else f"{tables[0]} to {tables[-1]}"
    family = "llama.cpp" if engine.startswith("llama") else engine
    return (
        f"{family} {version} is none of those that onbox knows ({span}): its phases may go unnamed, and whether it "
        "gets on is told by processors, disk, memory and GPU"
    )


def _of_llama_cpp(version: str | None) -> str | None:
    """`b11549` of `xllamacpp 2026.10.11549`: the wheel's version ends with the build that it carries."""
    return f"b{version.rsplit('.', 1)[-1]}" if version and version.startswith("xllamacpp ") else version


def _distance(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(abs(a - b) for a, b in zip(one, other, strict=False))
