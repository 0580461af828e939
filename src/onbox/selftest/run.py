"""Measure servers of known truth with the client that measures everything else, and write what was seen."""

import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from onbox.atomic_files import write_json
from onbox.engines.openai.attached import AttachedServer
from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import SpeedPlan
from onbox.evidence.truth import Truth
from onbox.selftest.host import serving
from onbox.selftest.lateness import Metronome, server_late_s, was_late
from onbox.selftest.script import truth_tok_s
from onbox.selftest.shapes import INVALID, Shape, TokenTiming
from onbox.speed.measure import SpeedRun
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint

PLAN = SpeedPlan(requests=5, tokens=128, warmup_requests_max=1)
"""Five requests: a box that stands still for 60 ms in all is not yet 1 percent off."""
JOBS = 12
"""Shapes that are measured at a time: the streams are slow, so that two cores are mostly idle with so many."""
TRIES = 8
"""Of a shape whose rate is asked, where the box stood still meanwhile: the truth did not hold then, or was not seen."""
PAUSE_S = 3.0
"""Before the second try, and so much more before each that follows: what disturbs a box passes."""
READ_TIMEOUT_S = 30.0

OnShape = Callable[[str], None]


def measure_shapes(
    shapes: Sequence[Shape],
    folder: Path,
    *,
    tempo: TokenTiming,
    plan: SpeedPlan = PLAN,
    jobs: int = JOBS,
    tries: int = TRIES,
    on_shape: OnShape = lambda name: None,
) -> None:
    """Measure each shape and write `SHAPE/truth.json` and `SHAPE/speed/1/` into `folder`.

    A try during which the servers or this process came late is moved to `SHAPE/set-aside/N` and made again, whatever it
    showed; the last of `tries` counts as it is.

    Args:
        shapes: which.
        folder: of the evidence.
        tempo: when the servers make their tokens.
        plan: of each measurement.
        jobs: how many shapes are measured at a time.
        tries: of each shape whose rate is asked.
        on_shape: told the name of each shape that is done.

    Raises:
        BoxError: the servers did not start.
    """

    # The slowest first, so that none is waited for alone.
    pending = sorted(shapes, key=lambda shape: not shape.stall)
    # In step, all replies would end at once, and the writing of one record would delay the last tokens of another.
    apart_s = (tempo.prefill_s + plan.tokens * tempo.token_s) / jobs
    metronome = Metronome()

    def one(position: int, shape: Shape, endpoint: Endpoint) -> bool:
        if position < jobs:
            time.sleep(position * apart_s)
        disturbed = _measure(shape, endpoint, folder / shape.name, tempo, plan, metronome)
        again = disturbed and shape.expected != INVALID
        if not again:
            on_shape(shape.name)
        return again

    with metronome.beating(), serving([shape.name for shape in shapes], tempo) as endpoints:
        for number in range(1, tries + 1):
            pool = ThreadPoolExecutor(jobs)
            try:
                begun = [pool.submit(one, n, shape, endpoints[shape.name]) for n, shape in enumerate(pending)]
                pending = [shape for shape, done in zip(pending, begun, strict=True) if done.result()]
            finally:
                # An interrupt waits for no reply: the workers end when the servers do.
                pool.shutdown(wait=sys.exc_info()[0] is None, cancel_futures=True)
            if not pending or number == tries:
                break
            for shape in pending:
                _set_aside(folder / shape.name, number)
            time.sleep(PAUSE_S * number)
    for shape in pending:
        on_shape(shape.name)


def _set_aside(folder: Path, number: int) -> None:
    shelf = folder / "set-aside"
    shelf.mkdir(exist_ok=True)
    (folder / "speed" / "1").rename(shelf / str(number))


def _measure(
    shape: Shape, endpoint: Endpoint, folder: Path, tempo: TokenTiming, plan: SpeedPlan, metronome: Metronome
) -> bool:
    """Measure one shape; True when the server or this process came late meanwhile."""
    truth = Truth(
        name=shape.name,
        says=shape.says,
        tok_s=truth_tok_s(shape, plan.tokens, tempo),
        expected_status=shape.expected,
        expected_checks=shape.checks,
    )
    write_json(folder / "truth.json", truth)
    with StampedClient(endpoint, read_timeout_s=READ_TIMEOUT_S) as client:
        began, late_before = time.monotonic(), server_late_s(client)
        run = SpeedRun(
            client,
            AttachedServer(),
            shape.name,
            plan,
            folder / "speed" / "1",
            launch_id="selftest",
            engine_pid=None,
            apis=(shape.api,),
        )
        run.cold()
        run.measure()
        exchanges = TrialFolder(folder).exchanges(folder / "speed" / "1" / "requests.jsonl")
        return was_late(metronome, exchanges, began, server_late_s(client) - late_before)
