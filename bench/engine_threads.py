"""Which threads and which processors leave the embedded engine its rate, and the client that measures it enough.

The engine and the client are confined to the first N processors; on each such box every number of threads is tried,
with the client where the scheduler puts it, and bound to the last processor with the engine on the others. A row is
one or more measurements of `onbox speed`: rate, how late the client woke, and status. More processors than this box
has cannot be had, and nothing is said of them. Run it on a quiet box:

    PYTHONPATH=src python bench/engine_threads.py [--processors 1,2] [--rounds 2]
"""

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median

from onbox import recipes
from onbox.app.speed import measure_speed
from onbox.engines.llama.embedded import LlamaEmbedded
from onbox.fetch import pinned
from onbox.judge.results import Measurement
from onbox.launch.lifetime import Lifetime

RECIPE = "qwen2.5-coder-0.5b"
HEAD = "| processors | threads | client | rate, tok/s | wakes late by (99 of 100) | status |\n|---|---|---|---|---|---|"


@contextmanager
def on(processors: Sequence[int]) -> Iterator[None]:
    """This process, and what it starts, on these processors alone."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, processors)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def bind(pid: int, processors: Sequence[int]) -> None:
    """Every thread of a process to these processors."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(ProcessLookupError):
            os.sched_setaffinity(int(task.name), processors)


def measured(threads: int, processors: Sequence[int], client: Sequence[int], place: Path) -> Measurement:
    """One measurement; where the client has processors of its own, the engine has the others."""
    recipe = recipes.load(RECIPE)
    recipe = recipe.model_copy(update={"serve": recipe.serve.model_copy(update={"threads": threads})})
    assert recipe.weights is not None
    weights, _ = pinned.fetch(recipe.weights, lambda done, total, source: None)
    with on(processors), Lifetime(recipe, LlamaEmbedded(), weights, place / "engine") as life:
        if tuple(client) != tuple(processors):
            assert life.engine_pid is not None
            bind(life.engine_pid, [each for each in processors if each not in client])
            bind(os.getpid(), client)
        return measure_speed(str(life.endpoint), budget_s=60, out=place / "trial").measurement


def late(found: Measurement) -> str:
    """How late the client woke, as its check has it."""
    check = next(check for check in found.checks if check.id == "CLIENT_LAG")
    return "unknown" if check.observed is None else f"{check.observed} {check.unit}".strip()


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processors", default=",".join(str(n) for n in (1, 2, 4, 16)))
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    here = sorted(os.sched_getaffinity(0))
    print(HEAD, flush=True)
    for count in [int(each) for each in options.processors.split(",")]:
        if count > len(here):
            print(f"| {count} | | | not measured: this box has {len(here)} | | |", flush=True)
            continue
        processors = here[:count]
        for threads in sorted({*range(1, min(count, 4) + 1), count - 1, count} - {0}):
            clients = [("anywhere", processors)]
            if count > 1 and threads < count:
                clients.append(("on the last alone", processors[-1:]))
            for name, client in clients:
                row(count, threads, name, processors, client, options.rounds)


def row(count: int, threads: int, name: str, processors: Sequence[int], client: Sequence[int], rounds: int) -> None:
    """One row: the median of some measurements, and of each its status."""
    with tempfile.TemporaryDirectory() as scratch:
        found = [measured(threads, processors, client, Path(scratch) / str(n)) for n in range(rounds)]
    rates = [each.decode_tok_s for each in found if each.decode_tok_s is not None]
    rate = f"{median(rates):.1f}" if rates else "no valid rate"
    status = ", ".join(
        each.status.value + "".join(f" {check.id}" for check in each.checks if check.status.value in ("warn", "fail"))
        for each in found
    )
    print(f"| {count} | {threads} | {name} | {rate} | {', '.join(map(late, found))} | {status} |", flush=True)


if __name__ == "__main__":
    main()
