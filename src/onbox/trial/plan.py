"""What a trial will do, decided and frozen before the first measurement."""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, Literal

from onbox import __version__, recipes
from onbox.atomic_files import utc_now
from onbox.bench.agents import Agent, agent_of
from onbox.bench.agents.template import read_template
from onbox.bench.tasks import DEFAULT, SETS, Task, load_tasks, task_source
from onbox.engines import engine_by_name
from onbox.errors import BoxError, OnboxError, UsageError
from onbox.evidence.records import (
    PARALLEL_MAX,
    RUNS_MAX,
    AgentPlan,
    ContenderPlan,
    Limits,
    OmittedTask,
    OwnerValues,
    Plan,
    QuantPlan,
    Role,
    SightPlan,
    SpeedPlan,
    TaskPlan,
)
from onbox.fetch.pinned import where_weights
from onbox.recipes import Recipe
from onbox.schema.recipe import dummy_weights
from onbox.see.pictures import require_pillow
from onbox.trial.arms import BASELINE, check_arms, check_servers, frozen
from onbox.trial.expected_time import expected_of
from onbox.trial.quants import quants_of
from onbox.trial.ray_module import require_ray
from onbox.trial.spec import BUILTIN_AGENT, TrialSpec, recipe_of, with_file
from onbox.wire.endpoint import Endpoint

EMBEDDED_LIMITS = Limits(turns=8, wall_s=60.0, output_tokens=2048, turn_tokens=512, command_s=10.0)
"""For the pair that comes with onbox: small models that do not get there soon do not get there."""

RUNS = 3
RUNS_UNTIL_SETTLED = 12
LOOKS = (3, 5, 8, 12, 16, 20, 30, 40, 60, 80, 100)
"""Runs of each task after which it is looked, until it is settled; each look may change models, so there are few."""
SEED = 1
SEED_STRIDE = 1000
"""Requests of a run count up from its seed, so that two runs never share one."""


def make_plan(spec: TrialSpec, *, sandbox: str, read_gb_s: float | None) -> tuple[Plan, list[Task]]:
    """Resolve a spec into a plan and its tasks.

    Args:
        spec: what the trial is to do.
        sandbox: the tier that was chosen.
        read_gb_s: measured read bandwidth, for the expected time.

    Raises:
        UsageError: an unknown contender, task or field, or a malformed file.
    """
    spec, inline = with_file(spec)
    wanted = spec.tasks or DEFAULT
    source, names = task_source("quick" if spec.quick and wanted in SETS else wanted)
    seed = spec.seed if spec.seed is not None else SEED
    found = [
        *inline,
        *(
            recipe_of(name, spec.model, api_key_env=spec.api_key_env, random_weights=spec.random_weights)
            for name in spec.contenders
        ),
    ]
    found, quants = _with_quants(found, spec.quants) if spec.quants else (found, spec.frozen_quants)
    limits = spec.limits or (Limits() if found else EMBEDDED_LIMITS)
    if not found:
        found = [recipes.load(name) for name in recipes.EMBEDDED_PAIR]
    parallel = 1 if spec.parallel is None else spec.parallel
    if parallel < 1:
        raise UsageError(f"--parallel: {parallel} is not at least 1", "leave it out for one run at a time")
    if parallel > PARALLEL_MAX:
        raise UsageError(f"--parallel: {parallel} is more than {PARALLEL_MAX}", "no engine serves so many at a time")
    found = [_with_room(recipe, parallel) for recipe in found]
    for recipe in found:
        _check(recipe)
    found = _named_apart(found)
    if spec.ray:
        _check_cluster(found)
    settled = spec.until == "settled"
    runs = spec.runs if spec.runs is not None else RUNS_UNTIL_SETTLED if settled else RUNS
    if runs < 1:
        raise UsageError(f"runs: {runs} is not at least 1")
    if runs > RUNS_MAX:
        raise UsageError(f"runs: {runs} is more than {RUNS_MAX}", "a few runs of each task are enough")
    agent_plan = _agent(spec, limits)
    check_arms(spec.arms, agent_of(agent_plan))
    speed = _at_a_time(spec.speed, parallel) if spec.bench else spec.speed
    tasks, left_out = _tasks(source, spec, names, agent_plan, sandbox) if spec.bench else ([], ())
    _refuse_senseless(found if tasks else ())
    plan = Plan(
        created_at=utc_now(),
        onbox_version=__version__,
        kind=spec.kind,
        contenders=tuple(
            ContenderPlan(
                name=recipe.name,
                role=Role.CHALLENGER if position else Role.INCUMBENT,
                recipe=recipe,
            )
            for position, recipe in enumerate(found)
        ),
        tasks=tuple(_task_plan(task, spec) for task in tasks),
        tasks_from="builtin" if source == "builtin" else str(source.resolve()),
        left_out=left_out,
        network=spec.network,
        arms=(BASELINE, *(arm.name for arm in spec.arms)),
        treatments=frozen(spec.arms),
        runs=runs,
        seed=seed,
        parallel=parallel,
        ray=spec.ray or "",
        agent=agent_plan,
        speed=speed,
        see=_sight(spec),
        sandbox=sandbox,
        reserve_bytes=spec.reserve_bytes,
        values=spec.values or OwnerValues(),
        quants=tuple(quant.model_copy(update={"name": r.name}) for quant, r in zip(quants, found, strict=False)),
        looks=looks_until(runs) if settled else (),
        spending=spec.spending or "obrien-fleming",
        **({"stop_rule": _until_settled(runs)} if settled else {}),
        expected=expected_of(found, len(tasks) * runs * (1 + len(spec.arms)), speed, read_gb_s, parallel),
    )
    return plan, tasks


def _with_quants(found: list[Recipe], sources: Sequence[str]) -> tuple[list[Recipe], tuple[QuantPlan, ...]]:
    """The contenders, or the quants of one model in their place; one recipe beside them says how all are served.

    Raises:
        UsageError: several contenders beside quants, or quants that are not of one model.
    """
    if len(found) > 1:
        raise UsageError(
            f"--quants: {len(found)} further contenders",
            "name at most one recipe: it defines how the quants are served",
        )
    return quants_of(sources, found[0] if found else None)


def looks_until(runs: int) -> tuple[int, ...]:
    """Runs of each task at each look of a trial that ends when it is settled, `runs` at the latest."""
    return (*(look for look in LOOKS if look < runs), runs)


def _until_settled(runs: int) -> str:
    looks = ", ".join(map(str, looks_until(runs)))
    return f"judged after {looks} runs of each task, and ended at the first verdict that is not undecided"


def _sight(spec: TrialSpec) -> SightPlan | None:
    """Every contender is asked where the owner or a table of quants wants to know, else one that says it sees.

    Raises:
        BoxError: a model must see, and no picture can be drawn to find out.
    """
    if spec.see or spec.kind != "trial":
        return spec.see
    if spec.values and spec.values.must_see:
        require_pillow()
    return sight_plan(always=bool(spec.quants or spec.frozen_quants or (spec.values and spec.values.must_see)))


def sight_plan(**fields: Any) -> SightPlan:
    """How it is found out whether a contender sees, with pictures that no other trial has."""
    return SightPlan(seed=secrets.randbelow(2**31), **fields)


def _check_cluster(found: Sequence[Recipe]) -> None:
    """Each node stands its own engine up, so that there must be something to stand up.

    Raises:
        UsageError: a contender is a server that runs already.
        BoxError: Ray is not installed.
    """
    require_ray()
    for recipe in found:
        if recipe.url is not None:
            raise UsageError(
                f"--ray: {recipe.name}: is a server that is already running, and each node needs its own",
                "give a recipe or a file of weights",
            )


def _refuse_senseless(found: Iterable[Recipe]) -> None:
    """Raise UsageError where a contender makes no sense on purpose: runs of it would be compared with others'."""
    for recipe in found:
        if recipe.random_weights or dummy_weights(recipe.serve.arguments):
            raise UsageError(
                f"{recipe.name}: its weights are random, so it cannot pass any task and is compared with nothing",
                f"the rate of its kernels: onbox up {recipe.name}, then onbox speed URL --random-weights",
            )


def _with_room(recipe: Recipe, parallel: int) -> Recipe:
    """The recipe with room for so many runs at a time, where it is onbox that starts the engine."""
    if recipe.url is not None or parallel <= (recipe.serve.sequences or 1):
        return recipe
    return recipe.model_copy(update={"serve": recipe.serve.model_copy(update={"sequences": parallel})})


def _at_a_time(speed: SpeedPlan | None, parallel: int) -> SpeedPlan | None:
    """The measurement, with as many requests at a time as there will be runs: what their rates are held against."""
    if speed is None or parallel == 1 or parallel in speed.concurrency:
        return speed
    return speed.model_copy(update={"concurrency": (*speed.concurrency, parallel)})


def _agent(spec: TrialSpec, limits: Limits) -> AgentPlan:
    """The agent, found on this box.

    Raises:
        UsageError: there is none of that name.
        BoxError: it is not installed.
    """
    name, command = spec.agent or BUILTIN_AGENT, spec.agent_command
    if command is None and (template := read_template(name)) is not None:
        name, command = template
    plan = AgentPlan(name=name, version="", command=command, limits=limits, nudges=spec.nudges)
    return plan.model_copy(update={"version": agent_of(plan).version()}) if spec.bench else plan


def _tasks(
    source: Literal["builtin"] | Path,
    spec: TrialSpec,
    names: Sequence[str] | None,
    agent: AgentPlan,
    sandbox: str,
) -> tuple[list[Task], tuple[OmittedTask, ...]]:
    """The tasks of a source that can be done here, and those that are left out; one that was named must do.

    Raises:
        OnboxError: none can be done, or not one that was named.
    """
    left_out = list(spec.left_out)
    found = load_tasks(source, spec.task_names or names, lambda name, why: left_out.append(_left_out(name, why)))
    done: list[Task] = []
    first: OnboxError | None = None
    for task in found:
        try:
            _check_image(task, agent, sandbox)
        except OnboxError as error:
            if spec.task_names:
                raise
            first = first or error
            left_out.append(_left_out(task.name, error))
        else:
            done.append(task)
    if first is not None and not done:
        raise first
    return done, tuple(left_out)


def _task_plan(task: Task, spec: TrialSpec) -> TaskPlan:
    return TaskPlan(
        name=task.name,
        sha256=task.sha256,
        audit=spec.audit,
        committed=task.committed,
        network=task.name in spec.networked,
    )


def _left_out(name: str, error: OnboxError) -> OmittedTask:
    return OmittedTask(name=name, why=error.message)


def _check_image(task: Task, agent: AgentPlan, sandbox: str) -> None:
    """A task with an image of its own needs a tier that runs it, and an agent that needs nothing in it.

    Raises:
        BoxError: the tier runs no images.
        UsageError: the agent is not in the image.
    """
    containers = sandbox in ("docker", "podman")
    if not task.needs_docker and not (containers and task.image):
        return
    if not containers:
        raise BoxError(
            f"task {task.name}: its Dockerfile does more than copy, and the sandbox here is {sandbox}",
            "set ONBOX_SANDBOX=docker, or name other tasks with --task",
        )
    if agent.command is None and not agent.name.startswith(BUILTIN_AGENT):
        raise UsageError(
            f"task {task.name}: runs in an image of its own, which does not contain {agent.name}", "leave --agent out"
        )


def check_version(agent: Agent, plan: Plan) -> None:
    """The agent is still the one of the plan, and so are the servers of tools of its arms.

    Raises:
        UsageError: one has been changed since the plan was frozen.
        BoxError: one is gone.
    """
    if (version := agent.version()) != plan.agent.version:
        raise UsageError(
            f"agent {plan.agent.name}: is now {version}; the plan was frozen with {plan.agent.version}",
            "start a new trial",
        )
    check_servers(plan.treatments)


def run_seed(plan_seed: int, task: str, n: int) -> int:
    """The seed of run n of a task, for every contender and arm: a multiple of SEED_STRIDE that fits 31 bits.

    It depends on no other task, so that a run can be spec again alone.
    """
    digest = hashlib.sha256(f"{plan_seed} {task} {n}".encode()).digest()
    return (int.from_bytes(digest[:4]) % (2**31 // SEED_STRIDE)) * SEED_STRIDE


def tasks_of(plan: Plan) -> list[Task]:
    """The tasks of a frozen plan, as they are now.

    Raises:
        UsageError: a task is gone, or its files have changed since the plan was frozen.
    """
    tasks = tasks_now(plan)
    for task, planned in zip(tasks, plan.tasks, strict=True):
        if task.sha256 != planned.sha256:
            raise UsageError(f"task {task.name}: its files have changed since the plan was frozen", "start a new trial")
    return tasks


def tasks_now(plan: Plan) -> list[Task]:
    """The tasks of a plan, whether or not their files have changed since it was frozen.

    Raises:
        UsageError: a task is gone.
    """
    source, _ = task_source(plan.tasks_from)
    return as_planned(plan, load_tasks(source, [task.name for task in plan.tasks])) if plan.tasks else []


def as_planned(plan: Plan, tasks: Sequence[Task]) -> list[Task]:
    """The tasks, each with the network where the plan gives its gate one."""
    networked = {task.name for task in plan.tasks if task.network}
    return [replace(task, network=task.name in networked) for task in tasks]


def _check(recipe: Recipe) -> None:
    """Find now what would stop the trial half-way.

    Raises:
        UsageError: the name is no name of a folder, there is no such engine, it cannot do what the recipe asks for, or
            the URL is none.
        BoxError: the engine is not installed.
    """
    if recipe.name != recipes.slug(recipe.name):
        raise UsageError(f"name: {recipe.name}: not a name for a folder", "letters, digits, dot, dash and underscore")
    engine = engine_by_name(recipe.engine, recipe=recipe.name)
    if recipe.url is not None:
        Endpoint.parse(recipe.url)
    if recipe.weights is not None:
        engine.launch(recipe, where_weights(recipe.weights)[0], recipe.serve.port or 0)


def _named_apart(found: list[Recipe]) -> list[Recipe]:
    """Contenders are folders: those of one name, whatever its case, get numbers that no other name has."""
    names = [recipe.name.lower() for recipe in found]
    taken = set(names)
    apart = []
    for recipe, name in zip(found, names, strict=True):
        if names.count(name) > 1:
            numbered = next(text for n in count(1) if (text := f"{recipe.name}-{n}").lower() not in taken)
            taken.add(numbered.lower())
            recipe = recipe.model_copy(update={"name": numbered})
        apart.append(recipe)
    return apart
