"""A box with unified memory, and what is checked before a launch on it."""

from pathlib import Path

from onbox import recipes
from onbox.box.gpus import Accelerator
from onbox.box.memory import Memory
from onbox.engines import engine_by_name
from onbox.launch import launch_checks
from onbox.launch.budget import Budget
from onbox.launch.running_engines import RunningEngine
from onbox.recipes import Recipe
from onbox.schema.checks import Check

GIB = 2**30
SPARK_BYTES = int(121.69 * GIB)
GB10 = Accelerator(0, "NVIDIA GB10", unified=True, compute_capability="12.1")
SPARK = recipes.load("gpt-oss-120b-spark")
PORT = 51_000


def memory(available_gib: float = 115.0, free_gib: float = 100.0) -> Memory:
    return Memory(SPARK_BYTES, int(available_gib * GIB), True, "told", free_bytes=int(free_gib * GIB))


def box(reserve_gib: float = 10.0, plan_gib: float | None = 85.0, **kind: float) -> Budget:
    plan = None if plan_gib is None else int(plan_gib * GIB)
    return Budget(memory(**kind), int(reserve_gib * GIB), plan, "told", (GB10,))


def found(
    recipe: Recipe = SPARK, budget: Budget | None = None, living: tuple[RunningEngine, ...] = (), port: int = PORT
) -> dict[str, Check]:
    launch = engine_by_name(recipe.engine).launch(recipe, Path("/w"), port)
    return {each.id: each for each in launch_checks.launch_checks(recipe, launch, budget or box(), living, port)}
