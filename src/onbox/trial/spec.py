"""What a trial is to do: as the caller, a trial file, or the frozen plan of another trial says it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from onbox import recipes
from onbox.bench.tasks import DEFAULT, task_source
from onbox.errors import UsageError
from onbox.evidence.records import (
    AgentCommand,
    ArmPlan,
    Audited,
    Limits,
    Network,
    OmittedTask,
    OwnerValues,
    Plan,
    QuantPlan,
    SightPlan,
    SpeedPlan,
    Spending,
)
from onbox.field_errors import first_problem
from onbox.recipes import Recipe
from onbox.recipes.yaml_text import read_yaml
from onbox.trial.arms import ArmEntry, arms_of
from onbox.wire.endpoint import Endpoint

SPEED = SpeedPlan(requests=8, at_least_s=5.0, budget_s=90.0)
"""Enough for an interval of about a percent, on a slow processor as on a fast accelerator."""

BUILTIN_AGENT = "builtin"
Until = Literal["all", "settled"]


class TrialSpec(BaseModel):
    """What a trial is to do. A field that was set explicitly goes before a trial file; None leaves it to the default.

    `speed` alone has None as a value: no measurement of the decode rate.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    contenders: tuple[str, ...] = ()
    """Recipe names, recipe files, GGUF files, URLs or one trial file; the first is the incumbent."""
    tasks: str | None = None
    """A set of builtin tasks (`short`, `quick`, `core`, `builtin`: all) or a folder."""
    task_names: tuple[str, ...] = ()
    """Only these."""
    runs: int | None = None
    """Runs of each task."""
    parallel: int | None = None
    """Runs at a time."""
    ray: str | None = None
    """Address of a cluster over whose nodes the runs are spread; empty: this box alone."""
    quick: bool = False
    """The small fixed set of tasks."""
    seed: int | None = None
    """Of the runs."""
    reserve_bytes: int | None = None
    """What the guard keeps available."""
    model: str | None = None
    """The model's name in requests to a URL; by default the server is asked."""
    api_key_env: str = ""
    """Environment variable with the key that a URL's server wants."""
    random_weights: bool = False
    """Whether a URL's server makes no sense on purpose."""
    speed: SpeedPlan | None = SPEED
    see: SightPlan | None = None
    """Whether it sees; None: asked in a `trial` where something says that it does, and else not."""
    bench: bool = True
    """Run the tasks."""
    kind: str = "trial"
    """Of the plan: `trial`, `bench`, `speed` or `see`."""
    audit: Audited | None = None
    """How the gates of the tasks were audited, for the record."""
    network: Network = "none"
    """What a network is let in for."""
    networked: frozenset[str] = frozenset()
    """Tasks whose gates were found to need it, and have it."""
    left_out: tuple[OmittedTask, ...] = ()
    """Tasks that are not done, for the record."""
    limits: Limits | None = None
    """Of the agent."""
    nudges: int = 0
    """Of the agent."""
    agent: str | None = None
    """A name, a command or a YAML file, as --agent takes it."""
    agent_command: AgentCommand | None = None
    """Of a frozen plan."""
    arms: tuple[ArmPlan, ...] = ()
    """Treatments beside the baseline."""
    values: OwnerValues | None = None
    """What the owner values."""
    quants: tuple[str, ...] = ()
    """Folders or files of quants of one model, or recipes of it, that are to be compared."""
    frozen_quants: tuple[QuantPlan, ...] = ()
    """Of another trial's plan, whose contenders these are."""
    until: Until | None = None
    """When the trial ends: after `all` runs, or as soon as a look in between shows it `settled`."""
    spending: Spending | None = None
    """How the looks of `settled` share the chance of an error."""

    @model_validator(mode="before")
    @classmethod
    def _none_is_unset(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {name: value for name, value in data.items() if value is not None or name == "speed"}

    def over(self, **defaults: Any) -> "TrialSpec":
        """This spec, with `defaults` for the fields that were not set explicitly."""
        unset = {name: value for name, value in defaults.items() if name not in self.model_fields_set}
        return self.model_copy(update=unset)


class TrialFile(BaseModel):
    """A trial as a file: the same words as the options of `onbox trial`."""

    model_config = ConfigDict(extra="forbid")

    contenders: list[str | dict[str, Any]] = Field(min_length=1)
    tasks: str = DEFAULT
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
    values: OwnerValues = OwnerValues()
    quants: list[str] = []
    until: Until = "all"
    spending: Spending = "obrien-fleming"
    network: Network = "none"


def with_file(spec: TrialSpec) -> tuple[TrialSpec, list[Recipe]]:
    """Read a trial file, if the one contender is one; what the spec says explicitly goes before it.

    Returns:
        the spec with the file's values, and the file's contenders; none where there is no file.

    Raises:
        UsageError: the file is malformed.
    """
    if len(spec.contenders) != 1 or Path(spec.contenders[0]).suffix not in (".yaml", ".yml"):
        return spec, []
    path = Path(spec.contenders[0])
    data = read_yaml(path)
    if not isinstance(data, dict) or "contenders" not in data:
        return spec, []
    if "onbox_version" in data:
        return _with_plan(spec, path, data)
    try:
        file = TrialFile.model_validate(data)
    except ValidationError as error:
        raise UsageError(f"{path}: {first_problem(error, TrialFile)}", "README.md has an example") from error
    inline = [
        recipes.parse(entry, where=f"{path}: contenders", folder=path.parent)
        if isinstance(entry, dict)
        else recipe_of(entry, None, path.parent)
        for entry in file.contenders
    ]
    source, _ = task_source(file.tasks)
    names = ("runs", "seed", "speed", "parallel", "limits", "nudges", "agent", "network", "values", "until", "spending")
    values = {name: getattr(file, name) for name in names}
    tasks = file.tasks if source == "builtin" else str(path.parent / source)
    arms = arms_of(file.arms, path) if file.arms else ()
    quants = tuple(_by_trial_file(path, source) for source in file.quants)
    return _over(spec, tasks, file.task_names, **values, arms=arms, ray=file.ray, quants=quants), inline


def _by_trial_file(path: Path, source: str) -> str:
    """A folder or file by where the trial file lies; a recipe's name as it is."""
    there = path.parent / source
    return str(there) if there.exists() else source


def _with_plan(spec: TrialSpec, path: Path, data: dict[str, Any]) -> tuple[TrialSpec, list[Recipe]]:
    """The values of another trial's frozen plan."""
    try:
        plan = Plan.model_validate(data)
    except ValidationError as error:
        raise UsageError(f"{path}: {first_problem(error)}") from error
    values: dict[str, Any] = {"limits": plan.agent.limits, "nudges": plan.agent.nudges, "arms": plan.treatments}
    values |= {"values": plan.values, "until": "settled" if plan.looks else "all", "spending": plan.spending}
    values["frozen_quants"] = plan.quants
    if spec.agent is None:
        values |= {"agent": plan.agent.name, "agent_command": plan.agent.command}
    values |= {"runs": plan.runs, "seed": plan.seed, "speed": plan.speed, "parallel": plan.parallel, "ray": plan.ray}
    values |= {"see": plan.see, "network": plan.network}
    again = _over(spec, plan.tasks_from, [task.name for task in plan.tasks], **values)
    again = again.model_copy(update={"kind": plan.kind, "bench": spec.bench and bool(plan.tasks)})
    return again, [contender.served for contender in plan.contenders]


def _over(spec: TrialSpec, tasks: str, task_names: Sequence[str], **values: Any) -> TrialSpec:
    """The spec over a file's values; the file's names of tasks belong to the file's tasks."""
    names = tuple(task_names) if "tasks" not in spec.model_fields_set else ()
    spec = spec.model_copy(update={"contenders": ()})
    return spec.over(tasks=tasks, task_names=names, **values)


def values_of(path: Path) -> OwnerValues:
    """What the owner values, from a YAML file: the fields of `values` in a trial file, with or without that word.

    Raises:
        UsageError: the file is malformed.
    """
    data = read_yaml(path)
    if isinstance(data, dict) and set(data) == {"values"}:
        data = data["values"]
    try:
        return OwnerValues.model_validate(data)
    except ValidationError as error:
        raise UsageError(f"{path}: {first_problem(error, OwnerValues)}", "docs/values.md has an example") from error


def recipe_of(
    name: str, model: str | None, folder: Path = Path(), api_key_env: str = "", random_weights: bool = False
) -> Recipe:
    if name.startswith(("http://", "https://")):
        Endpoint.parse(name)
        return recipes.of_url(name, model, api_key_env, random_weights)
    return recipes.find(name, folder)
