"""Told by what a file says of itself: which tool wrote it, and what it lacks to be another's.

A sign is a key that all files of a tool have, by the tool's own source. A file is a tool's when all signs of one of its
forms are there; further keys do not matter.
"""

from pathlib import Path
from typing import Any

from onbox.engines.profiles import BENCH_TOOLS
from onbox.errors import UsageError
from onbox.importers.reading import ParsedFile, not_such, read_document, within

SIGNS: dict[str, tuple[str, ...]] = {
    "llama-benchy": (
        "latency_mode latency_ms model benchmarks",
        "model test_name t_s_mean ttfr_mean",
    ),
    "aiperf": ("request_latency.avg request_latency.unit",),
    "guidellm": ("benchmarks.metrics.request_totals benchmarks.metrics.output_token_count",),
    **{tool.kind: tool.signs for tool in BENCH_TOOLS},
    "llama-bench": ("avg_ts n_prompt n_gen", "model test t/s"),
    "agent-bench": ("task model arm success",),
    "harbor": ("task_name trial_name agent_info", "n_total_trials stats"),
    "inspect": ("version eval.task eval.model status",),
}
"""Kind -> the signs of each of its forms; a point leads into an object, and into the first element of a list."""


def lacks(kind: str, record: Any) -> list[str]:
    """The signs that a record has not, of the form that it comes nearest to; none for a file of this kind."""
    found = [_missing(form.split(), record) for form in SIGNS[kind]]
    return min(found, key=len)


def kind_of(document: ParsedFile) -> str:
    """The kind whose signs are all there.

    Raises:
        UsageError: there is none; the nearest is named, with what is missing.
    """
    kinds = [kind for kind in SIGNS if not lacks(kind, document.first)]
    if len(kinds) == 1:
        return kinds[0]
    nearest = _nearest(document.first)
    if nearest is None:
        raise UsageError(f"{document.path}: no format that is known", f"known are {', '.join(SIGNS)}")
    missing = ", ".join(lacks(nearest, document.first))
    raise UsageError(f"{document.path}: no format that is known: nearest is {nearest}, without {missing}")


def document_of(kind: str, path: Path) -> ParsedFile:
    """The file of a kind, parsed.

    Raises:
        UsageError: it cannot be read, or is of another kind: what is missing is named, and which kind it looks like.
    """
    document = read_document(path)
    if not document.records:
        raise not_such(path, kind, "nothing in it")
    for number, record in enumerate(document.records, 1):
        if not (missing := lacks(kind, record)):
            continue
        where = f"record {number}: " if len(document.records) > 1 else ""
        other = next((each for each in SIGNS if each != kind and not lacks(each, record)), None)
        if other:
            raise UsageError(f"{path}: {where}not a file of {kind}, but of {other}", f"onbox import {other} ...")
        nearest = _nearest(record)
        also = (
            f"; nearest is {nearest}, without {', '.join(lacks(nearest, record))}"
            if nearest not in (None, kind)
            else ""
        )
        raise not_such(path, kind, f"{where}no {', '.join(missing)}{also}")
    return document


def _nearest(record: Any) -> str | None:
    """The kind of whose signs the largest share is there; None where not one is."""

    def share(kind: str) -> float:
        return max(1 - len(_missing(form.split(), record)) / len(form.split()) for form in SIGNS[kind])

    best = max(SIGNS, key=share)
    return best if share(best) > 0 else None


def _missing(signs: list[str], record: Any) -> list[str]:
    return [sign for sign in signs if not _has(record, sign.split("."))]


def _has(record: Any, keys: list[str]) -> bool:
    *way, last = keys
    inner = within(record, *way) if way else record
    if isinstance(inner, list):
        inner = inner[0] if inner else None
    return isinstance(inner, dict) and last in inner
