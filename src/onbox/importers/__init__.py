"""Records of other tools into evidence, one module each behind one protocol.

An importer says what a file says, under the tool's own names. What can be trusted in it is for the judge.
"""

import importlib
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol

from onbox.errors import UsageError
from onbox.evidence.imported import ImportedCell, ImportedRun


class Importer(Protocol):
    """One kind of file of another tool."""

    name: str
    """What `onbox import` calls it."""

    def read(self, path: Path) -> Sequence[ImportedCell] | Sequence[ImportedRun]:
        """What the file says.

        Raises:
            UsageError: it is not such a file; the message names the file and what is missing.
        """
        ...


_BUILTIN = {
    "llama-benchy": "onbox.importers.llama_benchy:LlamaBenchy",
    "aiperf": "onbox.importers.aiperf:AIPerf",
    "guidellm": "onbox.importers.guidellm:GuideLLM",
    "llama-bench": "onbox.importers.llama_bench:LlamaBench",
    "agent-bench": "onbox.importers.agent_bench:AgentBench",
    "harbor": "onbox.importers.harbor:Harbor",
    "inspect": "onbox.importers.inspect_log:InspectLog",
}
AUTO = "auto"
"""Stands for the kind that a file says of itself."""


def kind_of(path: Path) -> str:
    """The kind that a file, or a folder of a job, says of itself.

    Raises:
        UsageError: none that is known; the nearest is named, with what is missing.
    """
    from onbox.importers import detection
    from onbox.importers.reading import read_document

    if path.is_dir():
        return "harbor"
    if path.suffix == ".eval":
        return "inspect"
    return detection.kind_of(read_document(path))


def importer_by_name(name: str) -> Importer:
    """The importer registered under `name`, here or by an installed package's entry point `onbox.importers`.

    Raises:
        UsageError: there is none.
    """
    from onbox.engines.profiles import BENCH_TOOLS
    from onbox.importers.serving_bench import ServingBench

    if name in _BUILTIN:
        module, _, attribute = _BUILTIN[name].partition(":")
        importer: Importer = getattr(importlib.import_module(module), attribute)()
        return importer
    for tool in BENCH_TOOLS:
        if tool.kind == name:
            return ServingBench(tool)
    for entry in entry_points(group="onbox.importers", name=name):
        plugin: Importer = entry.load()()
        return plugin
    of_engines = (tool.kind for tool in BENCH_TOOLS)
    known = sorted({AUTO, *_BUILTIN, *of_engines, *(entry.name for entry in entry_points(group="onbox.importers"))})
    raise UsageError(f"import {name}: no such kind", f"one of {', '.join(known)}")
