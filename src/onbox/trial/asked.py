"""What is asked for: by the command line, by a trial file, or by the frozen plan of another trial."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from onbox import recipes
from onbox.bench.tasks import task_source
from onbox.errors import UsageError
from onbox.evidence.folder import first_problem
from onbox.evidence.records import AgentCommand, ArmPlan, Audited, Limits, Plan, SpeedPlan
from onbox.recipes import Recipe
from onbox.recipes.text import read_yaml
from onbox.trial.arms import ArmEntry, arms_of
from onbox.wire.endpoint import Endpoint

SPEED = SpeedPlan(requests=8, at_least_s=5.0)
"""Enough for an interval of about a percent, on a slow processor as on a fast accelerator."""

BUILTIN_AGENT = "builtin"


@dataclass(frozen=True)
class Asked:
    """What the command line asked for.

    Args:
        contenders: recipe names, recipe files, GGUF files, URLs or one trial file; the first is the incumbent.
        tasks: a set of builtin tasks (`quick`, `core`, `builtin`: all) or a folder; None takes the default.
        task_names: only these.
        runs: runs of each task; None takes the default.
        parallel: runs at a time; None takes the file's or one.
        ray: address of a cluster over whose nodes the runs are spread; empty: this box alone; None takes the file's.
        quick: the small fixed set.
        reserve_bytes: what the guard keeps available; None takes the default for the box.
        seed: of the runs; None takes the file's or the default.
        speed: measure decode speed.
        bench: run the tasks.
        kind: of the plan.
        audit: how the gates of the tasks were audited, for the record.
        limits: of the agent; None takes the file's or the default.
        nudges: of the agent.
        agent: its name, `cmd:...` or a YAML file; None takes the file's or the built-in one.
        agent_command: of a frozen plan.
        arms: treatments beside the baseline.
    """

    contenders: Sequence[str] = ()
    tasks: str | None = None
    task_names: Sequence[str] = ()
    runs: int | None = None
    parallel: int | None = None
    ray: str | None = None
    quick: bool = False
    seed: int | None = None
    reserve_bytes: int | None = None
    model: str | None = None
    api_key_env: str = ""
    speed: SpeedPlan | None = SPEED
    bench: bool = True
    kind: str = "trial"
    audit: Audited | None = None
    limits: Limits | None = None
    nudges: int = 0
    agent: str | None = None
    agent_command: AgentCommand | None = None
    arms: tuple[ArmPlan, ...] = ()


class TrialFile(BaseModel):
    """A trial as a file: the same words as the options of `onbox trial`."""

    model_config = ConfigDict(extra="forbid")

    contenders: list[str | dict[str, Any]] = Field(min_length=1)
    tasks: str = "core"
    task_names: list[str] = []
    runs: int | None = None
    parallel: int = 1
    ray: str = ""
    seed: int = 1
    speed: SpeedPlan | None = SPEED
    limits: Limits = Limits()
    nudges: int = 0
    agent: str = BUILTIN_AGENT
    arms: list[ArmEntry] = []


def with_file(asked: Asked) -> tuple[Asked, list[Recipe]]:
    """Take in a trial file, if the one contender that was named is one; what the command line says goes before it."""
    if len(asked.contenders) != 1 or Path(asked.contenders[0]).suffix not in (".yaml", ".yml"):
        return asked, []
    path = Path(asked.contenders[0])
    data = read_yaml(path)
    if not isinstance(data, dict) or "contenders" not in data:
        return asked, []
    if "onbox_version" in data:
        return _frozen(asked, path, data)
    try:
        file = TrialFile.model_validate(data)
    except ValidationError as error:
        raise UsageError(f"{path}: {first_problem(error)}") from error
    inline = [
        recipes.parse(entry, where=f"{path}: contenders", folder=path.parent)
        if isinstance(entry, dict)
        else recipe_of(entry, None, path.parent)
        for entry in file.contenders
    ]
    source, _ = task_source(file.tasks)
    tasks = file.tasks if source == "builtin" else str(path.parent / source)
    again = _again(asked, tasks, file.task_names, file.runs, file.seed, file.speed, file.parallel)
    again = replace(again, limits=file.limits, nudges=file.nudges, agent=asked.agent or file.agent)
    ray = file.ray if asked.ray is None else asked.ray
    return replace(again, arms=asked.arms or arms_of(file.arms, path), ray=ray), inline


def _frozen(asked: Asked, path: Path, data: dict[str, Any]) -> tuple[Asked, list[Recipe]]:
    """Ask again what another trial's frozen plan asked."""
    try:
        plan = Plan.model_validate(data)
    except ValidationError as error:
        raise UsageError(f"{path}: {first_problem(error)}") from error
    names = [task.name for task in plan.tasks]
    again = _again(asked, plan.tasks_from, names, plan.runs, plan.seed, plan.speed, plan.parallel)
    again = replace(again, bench=asked.bench and bool(plan.tasks), limits=plan.agent.limits, nudges=plan.agent.nudges)
    if asked.agent is None:
        again = replace(again, agent=plan.agent.name, agent_command=plan.agent.command)
    again = replace(again, arms=asked.arms or plan.treatments, ray=plan.ray if asked.ray is None else asked.ray)
    inline = [recipes.parse(contender.recipe, where=str(path), folder=None) for contender in plan.contenders]
    return replace(again, kind=plan.kind), inline


def _again(
    asked: Asked,
    tasks: str,
    task_names: Sequence[str],
    runs: int | None,
    seed: int,
    speed: SpeedPlan | None,
    parallel: int,
) -> Asked:
    """What a file asks, where the command line does not say otherwise."""
    default = Asked()
    return replace(
        asked,
        contenders=(),
        tasks=tasks if asked.tasks == default.tasks else asked.tasks,
        task_names=asked.task_names or (task_names if asked.tasks == default.tasks else ()),
        runs=runs if asked.runs is None else asked.runs,
        parallel=parallel if asked.parallel is None else asked.parallel,
        seed=seed if asked.seed == default.seed else asked.seed,
        speed=speed if asked.speed == default.speed else asked.speed,
    )


def recipe_of(name: str, model: str | None, folder: Path = Path(), api_key_env: str = "") -> Recipe:
    if name.startswith(("http://", "https://")):
        Endpoint.parse(name)
        return recipes.of_url(name, model, api_key_env)
    return recipes.find(name, folder)
