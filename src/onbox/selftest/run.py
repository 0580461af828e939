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
from onbox.selftest.script import truth_tok_s
from onbox.selftest.shapes import Shape, Tempo
from onbox.speed.measure import SpeedRun
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint

PLAN = SpeedPlan(requests=5, tokens=128, warmup_requests_max=1)
"""Five requests: a box that stands still for 60 ms in all is not yet 1 percent off."""
JOBS = 12
"""Shapes that are measured at a time: the streams are slow, so that two cores are mostly idle with so many."""
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
        _measure(shape, endpoint, folder / shape.name, tempo, plan)
        on_shape(shape.name)

    with serving([shape.name for shape in shapes], tempo) as endpoints, ThreadPoolExecutor(jobs) as pool:
        begun = [pool.submit(one, position, shape, endpoints[shape.name]) for position, shape in enumerate(ordered)]
        for done in begun:
            done.result()


def _measure(shape: Shape, endpoint: Endpoint, folder: Path, tempo: Tempo, plan: SpeedPlan) -> None:
    truth = Truth(
        name=shape.name,
        says=shape.says,
        tok_s=truth_tok_s(shape, plan.tokens, tempo),
        expected_status=shape.expected,
        expected_checks=shape.checks,
    )
    write_json(folder / "truth.json", truth)
    with StampedClient(endpoint, read_timeout_s=READ_TIMEOUT_S) as client:
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
