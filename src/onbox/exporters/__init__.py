"""A trial in the formats of other tools, one module each behind one protocol.

An exporter shows what the judge said and computes no number of its own.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Protocol

from onbox.errors import UsageError
from onbox.evidence.folder import TrialFolder
from onbox.judge.results import Verdict


@dataclass(frozen=True)
class Export:
    """What an exporter made.

    Args:
        files: relative path -> content; a single one is the whole export, several make a folder.
        is_folder: whether one alone makes a folder too, where its name is how its tool finds it.
        notes: what the format has no place for, or what was left out and why, one sentence each.
    """

    files: Mapping[str, bytes]
    notes: tuple[str, ...] = ()
    is_folder: bool = False


class Exporter(Protocol):
    """One format of another tool."""

    name: str
    """What `--to` calls it."""

    def export(self, folder: TrialFolder, verdict: Verdict) -> Export:
        """Show a judged trial in this format.

        Raises:
            BadSubjectError: the trial holds nothing that may be shown in it.
        """
        ...


_BUILTIN = {
    "llama-benchy": "onbox.exporters.llama_benchy:Json",
    "llama-benchy-csv": "onbox.exporters.llama_benchy:Csv",
    "llama-bench": "onbox.exporters.llama_bench:LlamaBench",
    "aiperf": "onbox.exporters.aiperf:AIPerf",
    "atif": "onbox.exporters.atif:Atif",
    "harbor": "onbox.exporters.harbor:Harbor",
    "inspect": "onbox.exporters.inspect_log:Inspect",
    "csv": "onbox.exporters.plain_csv:PlainCsv",
    "in-toto": "onbox.exporters.in_toto:InToto",
}


def exporter_by_name(name: str) -> Exporter:
    """The exporter registered under `name`, here or by an installed package's entry point `onbox.exporters`.

    Raises:
        UsageError: there is none.
    """
    if name in _BUILTIN:
        module, _, attribute = _BUILTIN[name].partition(":")
        exporter: Exporter = getattr(importlib.import_module(module), attribute)()
        return exporter
    for entry in entry_points(group="onbox.exporters", name=name):
        plugin: Exporter = entry.load()()
        return plugin
    raise UsageError(f"--to {name}: no such format", f"one of {', '.join(names())}")


def names() -> list[str]:
    """Every name that `exporter_by_name` knows, sorted."""
    return sorted({*_BUILTIN, *(entry.name for entry in entry_points(group="onbox.exporters"))})
