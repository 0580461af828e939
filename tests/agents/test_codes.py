"""Every shape of failure that an engine can have, seen through the built-in agent and through opencode.

Both meet the same scripted engine, which plays the part that the model's name asks for. What an agent prints and its
exit code look alike for most of these; the wire does not.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from onbox.bench.sandbox.bubblewrap import Bubblewrap
from onbox.judge.runs.codes import CODES
from tests.agents.runs import Run, Scene, plan, scene
from tests.e2e.cli import scripted

NO_ENGINE = {"I-AGENT", "I-GATE", "I-TASK", "I-SANDBOX", "I-DISK", "I-OOM", "I-STRUCK", "I-GUARD", "X-TAMPER", "F-HANG",
             "L-DISK", "L-WIRE"}  # fmt: skip
"""What no engine causes; tests of the harness and of the judge have them, and test_wire_bounds.py the last two."""
NOT_IN_ONE_RUN = {"S-DROP", "S-ARGS", "I-SLOW"}
"""What only a replay, or the usual rate of the same server, can tell; S-ARGS also where a server refuses its own broken
call, which agents send back each in a way of their own (tests/unit/judge/runs/test_blame.py)."""
AT_ONCE = 3
"""Runs of opencode under way at the same time: each waits more than it works."""


@dataclass(frozen=True)
class Shape:
    """A mode of the scripted engine, and how a run with it is judged.

    Args:
        mode: of `tests.doubles.script`.
        code: of the judge.
        limits: of the agent.
    """

    mode: str
    code: str
    limits: dict[str, Any] = field(default_factory=dict, hash=False)


SHAPES = (
    Shape("good", "PASS"),
    Shape("wrong", "F-GATE"),
    Shape("frame", "F-FRAME"),
    Shape("lazy", "M-CLAIM"),
    Shape("plan", "M-PLAN"),
    Shape("ask", "M-ASK"),
    Shape("code", "M-CODE"),
    Shape("refuse", "M-REFUSE"),
    Shape("words", "M-NOCALL"),
    Shape("loop", "M-LOOP", {"turns": 5, "same_call": 4}),
    Shape("badargs", "M-BADARGS"),
    Shape("malformed", "M-MALFORMED"),
    Shape("reason", "S?-REASON-ONLY"),
    Shape("context", "L-CTX"),
    Shape("setting", "I-SETTING"),
    Shape("long", "L-LEN"),
    Shape("turns", "L-TURNS", {"turns": 3}),
    Shape("stall", "L-TIME"),
    Shape("leak", "S-LEAK"),
    Shape("harmony", "S-LEAK"),
    Shape("xml", "S-LEAK"),
    Shape("null", "S-EMPTY"),
    Shape("finish", "S-FINISH"),
    Shape("stripped", "S-STRIPPED"),
    Shape("history", "S-HISTORY"),
    Shape("error500", "S-PARSE500"),
    Shape("die", "I-CONN"),
    Shape("error503", "I-5XX"),
    Shape("error400", "I-4XX"),
    Shape("error429", "I-429"),
    Shape("error401", "I-AUTH"),
    Shape("error404", "I-MODEL404"),
)
each_shape = pytest.mark.parametrize("shape", [pytest.param(shape, id=shape.mode) for shape in SHAPES])


def test_no_code_that_an_engine_can_cause_is_left_out() -> None:
    assert {shape.code for shape in SHAPES} == set(CODES) - NO_ENGINE - NOT_IN_ONE_RUN


def run(stage: Scene, agent: str, shape: Shape, stall_s: float) -> Run:
    limits = {"wall_s": stall_s, **shape.limits} if shape.mode == "stall" else shape.limits
    return stage.run(plan(agent, **limits), shape.mode)


def engine_of(shape: Shape, stage: Scene, agent: str, stall_s: float) -> Run:
    """A run with the engine that all share; the one that dies has its own."""
    if shape.mode != "die":
        return run(stage, agent, shape, stall_s)
    with scripted("die") as url, scene(url, Bubblewrap(), stage.folder) as own:
        return run(own, agent, shape, stall_s)


@pytest.mark.bwrap
@each_shape
def test_by_the_builtin_agent(stage: Scene, shape: Shape) -> None:
    done = engine_of(shape, stage, "builtin", 1.0)
    assert done.result.code == shape.code, done.result


@pytest.mark.bwrap
@pytest.mark.parametrize("mode", ["good", "lazy", "leak", "null", "reason", "long", "error500", "context"])
def test_by_the_builtin_agent_over_responses(stage: Scene, mode: str) -> None:
    (shape,) = (shape for shape in SHAPES if shape.mode == mode)
    done = engine_of(shape, stage, "builtin-responses", 1.0)
    assert done.result.code == shape.code, done.result
    assert {exchange.path for exchange in done.exchanges} == {"/v1/responses"}


@pytest.fixture(scope="module")
def by_opencode(stage: Scene, request: pytest.FixtureRequest) -> Iterator[dict[str, Run]]:
    """A run for each shape that is asked for, a few at a time."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    requested = {item.callspec.params["shape"] for item in items if item.function is test_by_opencode}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = {
            shape.mode: pool.submit(engine_of, shape, stage, "opencode", 30.0) for shape in SHAPES if shape in requested
        }
        yield {mode: future.result() for mode, future in runs.items()}


@pytest.mark.agents
@pytest.mark.bwrap
@pytest.mark.slow
@each_shape
def test_by_opencode(by_opencode: dict[str, Run], shape: Shape) -> None:
    done = by_opencode[shape.mode]
    assert done.result.code == shape.code, (done.result, done.record.agent, log(done.folder))


def log(folder: Path) -> str:
    path = folder / "agent.log"
    return path.read_text(errors="replace")[-2000:] if path.exists() else "it printed nothing"
