"""Which threads and which processors leave the embedded engine its rate, and the client that measures it enough.

The engine and the client are confined to the first N processors. On each such box half of them, all of them, and one
and two fewer are tried as threads, with the client where the scheduler puts it, and bound to the last processor with
the engine on the others. A row is one or more measurements of `onbox speed`: rate, how late the client woke, and
status. More processors than this box has cannot be had, and nothing is said of them. Run it on a quiet box:

    PYTHONPATH=src python bench/engine_threads.py [--processors 1,2] [--rounds 2] [--budget 60]

For a box that cannot fetch weights, where 30 MB can be carried to but not 500: here

    PYTHONPATH=src python bench/engine_threads.py --pack carried

and there, with the dependencies of onbox installed:

    tar -xJf carried/xllamacpp.tar.xz -C "$(python3 -c 'import site; print(site.getsitepackages()[0])')"
    PYTHONPATH=src python3 bench/engine_threads.py --hollow carried/header.xz --processors 2,4,16

A hollow model has the header of the real one and zeros for weights: the same shapes, bytes and kernels, and no sense.
"""

import argparse
import importlib.util
import lzma
import os
import tarfile
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


def weights_of_recipe() -> Path:
    """The file, fetched if need be."""
    weights = recipes.load(RECIPE).weights
    assert weights is not None
    return pinned.fetch(weights, lambda done, total, source: None)[0]


def pack(folder: Path) -> None:
    """What another box needs: the engine's package, and the header of the model before its size in bytes."""
    from gguf import GGUFReader

    folder.mkdir(parents=True, exist_ok=True)
    path = weights_of_recipe()
    header = path.read_bytes()[: GGUFReader(path).data_offset]
    (folder / "header.xz").write_bytes(lzma.compress(path.stat().st_size.to_bytes(8, "little") + header, preset=3))
    spec = importlib.util.find_spec("xllamacpp")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    with tarfile.open(folder / "xllamacpp.tar.xz", "w:xz", preset=1) as archive:
        for each in (package, *package.parent.glob("xllamacpp-*.dist-info"), *package.parent.glob("xllamacpp.libs")):
            archive.add(each, each.name)
    for each in sorted(folder.iterdir()):
        print(f"{each}: {each.stat().st_size / 1e6:.1f} MB")


def unpack(header: Path, place: Path) -> Path:
    """A model of that header and size, with zeros for weights."""
    header_bytes = lzma.decompress(header.read_bytes())
    path = place / "hollow.gguf"
    with path.open("wb") as file:
        file.write(header_bytes[8:])
        file.truncate(int.from_bytes(header_bytes[:8], "little"))
    return path


def measured(
    threads: int, processors: Sequence[int], client: Sequence[int], place: Path, options: argparse.Namespace
) -> Measurement:
    """One measurement; where the client has processors of its own, the engine has the others."""
    recipe = recipes.load(RECIPE)
    serve = recipe.serve.model_copy(update={"threads": threads})
    recipe = recipe.model_copy(update={"serve": serve, "random_weights": options.hollow is not None})
    weights = options.weights
    with on(processors), Lifetime(recipe, LlamaEmbedded(), weights, place / "engine") as life:
        if tuple(client) != tuple(processors):
            assert life.engine_pid is not None
            bind(life.engine_pid, [each for each in processors if each not in client])
            bind(os.getpid(), client)
        hollow = options.hollow is not None
        return measure_speed(
            life.endpoint.api, budget_s=options.budget, random_weights=hollow, out=place / "trial"
        ).measurement


def late(found: Measurement) -> str:
    """How late the client woke, as its check has it."""
    check = next(check for check in found.checks if check.id == "CLIENT_LAG")
    return "unknown" if check.observed is None else f"{check.observed} {check.unit}".strip()


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processors", default=",".join(str(n) for n in (1, 2, 4, 16)))
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--budget", type=float, default=60.0, help="seconds a measurement")
    parser.add_argument("--hollow", type=Path, help="the header of a model that is not here")
    parser.add_argument("--pack", type=Path, help="write what another box needs into this folder, and measure nothing")
    options = parser.parse_args()
    if options.pack:
        pack(options.pack)
        return
    with tempfile.TemporaryDirectory() as scratch:
        options.weights = unpack(options.hollow, Path(scratch)) if options.hollow else weights_of_recipe()
        table(options)


def table(options: argparse.Namespace) -> None:
    """A row for each number of processors and of threads, and place of the client."""
    here = sorted(os.sched_getaffinity(0))
    print(HEAD, flush=True)
    for count in [int(each) for each in options.processors.split(",")]:
        if count > len(here):
            print(f"| {count} | | | not measured: this box has {len(here)} | | |", flush=True)
            continue
        processors = here[:count]
        for threads in sorted(each for each in {count // 2, count - 2, count - 1, count} if each > 0):
            clients = [("anywhere", processors)]
            if count > 1 and threads < count:
                clients.append(("on the last alone", processors[-1:]))
            for name, client in clients:
                row(count, threads, name, processors, client, options)


def row(
    count: int,
    threads: int,
    name: str,
    processors: Sequence[int],
    client: Sequence[int],
    options: argparse.Namespace,
) -> None:
    """One row: the median of some measurements, and of each its status."""
    with tempfile.TemporaryDirectory() as scratch:
        found = [measured(threads, processors, client, Path(scratch) / str(n), options) for n in range(options.rounds)]
    rates = [each.decode_tok_s for each in found if each.decode_tok_s is not None]
    rate = f"{median(rates):.1f}" if rates else "no valid rate"
    status = ", ".join(
        each.status.value + "".join(f" {check.id}" for check in each.checks if check.status.value in ("warn", "fail"))
        for each in found
    )
    print(f"| {count} | {threads} | {name} | {rate} | {', '.join(map(late, found))} | {status} |", flush=True)


if __name__ == "__main__":
    main()
