"""Measure servers of known truth with the client that measures everything else, and write what was seen."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from onbox.engines.attached import Attached
from onbox.evidence.folder import write_json
from onbox.evidence.records import SpeedPlan
from onbox.evidence.truth import Truth
from onbox.selftest.host import serving
from onbox.selftest.lateness import Metronome, late_writes
from onbox.selftest.script import truth_tok_s
from onbox.selftest.shapes import INVALID, Shape, Tempo
from onbox.speed.measure import SpeedRun
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint

PLAN = SpeedPlan(requests=5, tokens=128, warmup_requests_max=1)
"""Five requests: a box that stands still for 60 ms in all is not yet 1 percent off."""
JOBS = 12
"""Shapes that are measured at a time: the streams are slow, so that two cores are mostly idle with so many."""
TRIES = 3
"""Of a shape whose rate is asked, where the box stood still meanwhile: the truth did not hold then, or was not seen."""
READ_TIMEOUT_S = 30.0

OnShape = Callable[[str], None]


def measure_shapes(
    shapes: Sequence[Shape],
    folder: Path,
    *,
    tempo: Tempo,
    plan: SpeedPlan = PLAN,
    jobs: int = JOBS,
    on_shape: OnShape = lambda name: None,
) -> None:
    """Measure each shape and write `SHAPE/truth.json` and `SHAPE/speed/1/` into `folder`.

    A try during which the servers or this process came late is moved to `SHAPE/set-aside/N` and made again, whatever it
    showed, but for the last.

    Args:
        shapes: which.
        folder: of the evidence.
        tempo: when the servers make their tokens.
        plan: of each measurement.
        jobs: how many shapes are measured at a time.
        on_shape: told the name of each shape that is done.

    Raises:
        BoxError: the servers did not start.
    """

    # The slowest first, so that none is waited for alone.
    ordered = sorted(shapes, key=lambda shape: not shape.stall)
    # In step, all replies would end at once, and the writing of one record would delay the last tokens of another.
    apart_s = (tempo.prefill_s + plan.tokens * tempo.token_s) / jobs

    def one(position: int, shape: Shape, endpoint: Endpoint) -> None:
        if position < jobs:
            time.sleep(position * apart_s)
        _measure(shape, endpoint, folder / shape.name, tempo, plan, metronome)
        on_shape(shape.name)

    metronome = Metronome()
    names = [shape.name for shape in shapes]
    with metronome.beating(), serving(names, tempo) as endpoints, ThreadPoolExecutor(jobs) as pool:
        begun = [pool.submit(one, position, shape, endpoints[shape.name]) for position, shape in enumerate(ordered)]
        for done in begun:
            done.result()


def _measure(
    shape: Shape, endpoint: Endpoint, folder: Path, tempo: Tempo, plan: SpeedPlan, metronome: Metronome
) -> None:
    truth = Truth(
        name=shape.name,
        says=shape.says,
        tok_s=truth_tok_s(shape, plan.tokens, tempo),
        expected_status=shape.expected,
        expected_checks=shape.checks,
    )
    write_json(folder / "truth.json", truth)
    for again in range(1, TRIES + 1):
        with StampedClient(endpoint, read_timeout_s=READ_TIMEOUT_S) as client:
            began, late_before = time.monotonic(), late_writes(client)
            run = SpeedRun(
                client,
                Attached(),
                shape.name,
                plan,
                folder / "speed" / "1",
                launch_id="selftest",
                engine_pid=None,
                apis=(shape.api,),
            )
            run.cold()
            run.measure()
            disturbed = metronome.late_since(began) or late_writes(client) != late_before
        if shape.expected == INVALID or not disturbed or again == TRIES:
            return
        shelf = folder / "set-aside" / str(again)
        shelf.parent.mkdir(exist_ok=True)
        (folder / "speed" / "1").rename(shelf)
