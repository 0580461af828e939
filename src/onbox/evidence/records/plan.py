"""What a trial will do, frozen before the first measurement: `plan.yaml`."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from onbox.errors import UsageError
from onbox.evidence.records.base import SCHEMA_VERSION, Count, FolderName, Record, Seconds
from onbox.evidence.records.sight import SightPlan
from onbox.evidence.records.values import OwnerValues
from onbox.schema.recipe import Recipe, without_unknown_keys

RUNS_MAX = 10_000
"""Of one task by one contender in one arm; beyond it a plan is a slip of the pen that would never end."""
PARALLEL_MAX = 1000
_WEEK_S = 7 * 24 * 3600.0
_TOKENS_MAX = 10**9
"""No context is longer."""
_TimeLimit = Annotated[float, Field(ge=0, le=_WEEK_S)]
_Repeats = Annotated[int, Field(ge=0, le=RUNS_MAX)]
_TokenLimit = Annotated[int, Field(ge=0, le=_TOKENS_MAX)]


class Role(StrEnum):
    """What a contender is to the owner."""

    INCUMBENT = "incumbent"
    CHALLENGER = "challenger"


class Limits(Record):
    """What ends one agent run."""

    turns: _Repeats = 30
    wall_s: _TimeLimit = 360.0
    output_tokens: _TokenLimit = 16_384
    """Sum over the run; `turn_tokens` limits a single reply."""
    turn_tokens: _TokenLimit = 4096
    command_s: _TimeLimit = 30.0
    """Wall time of one command of the agent."""
    same_call: _Repeats = 3
    """After so many identical calls the run ends: the model goes round in circles."""


class AgentCommand(Record):
    """A command line of the user's own that is an agent; its texts hold `{url}`, `{model}` and the like."""

    argv: tuple[str, ...]
    env: dict[str, str] = Field(default_factory=dict)
    files: dict[str, str] = Field(default_factory=dict)
    """Texts for its home, by relative path."""
    stdin: str = ""
    readable: tuple[str, ...] = ()
    """Folders that it must be able to read, in addition to the system's and its program's."""


class AgentPlan(Record):
    """The agent that works on the tasks."""

    name: str = "builtin"
    version: str
    command: AgentCommand | None = None
    """None: one that onbox knows by its name."""
    limits: Limits = Limits()
    nudges: _Repeats = 0
    """How often a reply without a tool call is answered with a request to go on."""


class McpServer(Record):
    """A server of tools that an agent starts and talks to over its pipes."""

    command: tuple[str, ...] = Field(min_length=1)
    """Its program and arguments, with `{workspace}` and `{home}` for where the run has them."""
    env: dict[str, str] = Field(default_factory=dict)
    """Variables, with the same placeholders."""
    version: str = ""
    """Of its program when the plan was frozen."""


class ArmPlan(Record):
    """A treatment: the baseline with one thing changed."""

    name: FolderName
    rules: str = ""
    """Instructions for the agent in addition to its task, as in an AGENTS.md."""
    mcp: dict[str, McpServer] = Field(default_factory=dict)
    """Servers of tools by name."""
    sampling: dict[str, Any] = Field(default_factory=dict)
    """Over the recipe's."""
    nudges: _Repeats | None = None
    """In the place of the plan's."""


class SpeedPlan(Record):
    """The decode measurement, fixed before it starts."""

    requests: _Repeats = 4
    """The least; more are made where so many take less than `at_least_s`. With a budget, the most that is wanted."""
    at_least_s: _TimeLimit = 0.0
    """What the measured requests decode for, by the pace of the warm-up: a fast server needs more of them."""
    tokens: _TokenLimit = 96
    """Output tokens asked of each request; with a budget, the most that is wanted."""
    budget_s: _TimeLimit | None = None
    """What the whole measurement may take: a slow server gets fewer and shorter requests. None: no limit."""
    least_requests: _Repeats = 4
    """Fewer than this are not made, whatever the budget."""
    least_tokens: _TokenLimit = 32
    """Shorter than this they are not, whatever the budget."""
    within: float | None = Field(default=None, gt=0, lt=1)
    """Relative uncertainty that is to be reached by a second round of requests; None: one round."""
    depth_tokens: _TokenLimit = 0
    warmup_requests_max: _Repeats = 5
    """Warm-up ends earlier when the last three requests agree within 1 % (coefficient of variation)."""
    seed: int = 1
    concurrency: tuple[Annotated[int, Field(ge=1, le=RUNS_MAX)], ...] = Field(default=(), max_length=PARALLEL_MAX)
    """Further concurrencies to be measured, after one request at a time."""
    depths: tuple[_TokenLimit, ...] = Field(default=(), max_length=PARALLEL_MAX)
    """Further depths to be measured with one request at a time, the shallowest first, up to one that takes too long
    (`--why`)."""
    backend: str = ""
    """Of the server, as the user states it; empty where nobody did."""
    precision: str = ""
    """Of the resident weights, as the user states it; empty where nobody did."""


Audited = Literal["builtin", "passed", "not asked"]
"""Audited with each release; passed on this box; the user said that it need not be."""


Network = Literal["none", "gates"]
"""What a user lets a network in for: nothing, or the gates and reference solutions of tasks that need one."""


class ReplayPlan(Record):
    """How a run that ended without a call is asked again, to find out who lost the call."""

    rounds: _Repeats = 5
    """Each sends the request unchanged, with streaming switched, and on the raw route; 0: nothing is sent again."""
    contender_s: _TimeLimit = 120.0
    """For all runs of a contender together."""


Spending = Literal["obrien-fleming", "e-process"]
"""Little at the first looks and almost all at the last (O'Brien and Fleming 1979); or a test that holds at any time."""


class TaskPlan(Record):
    """One task of the plan, pinned by the hash of its files."""

    name: FolderName
    sha256: str
    audit: Audited | None = None
    """Whether its gate was shown to tell right from wrong before the plan was frozen; None: an older plan."""
    committed: str = ""
    """The day of the commit that it was made of, as YYYY-MM-DD; empty: of none."""
    network: bool = False
    """Its gate needs the network, and gets it because the user said so; the agent has none."""


class OmittedTask(Record):
    """One task of the folder that is not part of the trial."""

    name: str
    why: str
    """What it needs that is not available here, or what is wrong with it."""


class QuantPlan(Record):
    """One quant of a model whose quants are compared, according to the headers of its files."""

    name: FolderName
    """Of the contender."""
    bytes: Count | None = None
    """Of its tensors; None: its files are not here yet."""
    bits_per_weight: float | None = None
    """Of the language model; None: as above."""
    types: dict[str, float] = Field(default_factory=dict)
    """Share of the parameters that each type of number holds, the largest first."""


def _of_another_age(recipe: Any) -> Any:
    """A recipe may have keys that this onbox does not know: it was frozen by another."""
    return without_unknown_keys(recipe) or None


class ContenderPlan(Record):
    """One model served one way."""

    name: FolderName
    """Also the name of its folder."""
    role: Role
    recipe: Annotated[Recipe | None, BeforeValidator(_of_another_age)]
    """The recipe as it was read, resolved and frozen; None: nothing was served, the runs are imported."""

    @property
    def served(self) -> Recipe:
        """By which it is served.

        Raises:
            UsageError: nothing is: its runs are imported.
        """
        if self.recipe is None:
            problem = f"{self.name}: the plan has no recipe for it"
            raise UsageError(problem, "its runs were imported, or plan.yaml was edited")
        return self.recipe

    @property
    def without_sense(self) -> bool:
        """Whether its weights are random on purpose."""
        return self.recipe is not None and self.recipe.without_sense


class ExpectedCost(Record):
    """What the trial should cost, as printed before it starts."""

    seconds: Seconds
    download_bytes: Count
    memory_bytes: Count
    basis: str
    """Where the seconds come from, in words."""


class Plan(Record):
    """`plan.yaml`: what was asked, frozen before the first measurement."""

    schema_version: int = SCHEMA_VERSION
    created_at: str
    onbox_version: str
    kind: str = "trial"
    """`trial`, or `bench`, `speed` or `see` if only that part was requested."""
    contenders: tuple[ContenderPlan, ...]
    tasks: tuple[TaskPlan, ...]
    tasks_from: str = "builtin"
    """`builtin`, or the folder from which the tasks were read."""
    left_out: tuple[OmittedTask, ...] = ()
    """The other tasks of that folder: they count for nobody."""
    network: Network = "none"
    """What the user lets a network in for; `TaskPlan.network` says which tasks have it."""
    arms: tuple[FolderName, ...] = Field(default=("baseline",), min_length=1)
    """How the agent is set up: `baseline`, then each of `treatments` by name."""
    treatments: tuple[ArmPlan, ...] = ()
    runs: int = Field(ge=0, le=RUNS_MAX)
    """Runs of each task by each contender and arm."""
    seed: int = Field(default=1, ge=-(2**63), lt=2**63)
    """Run n of every contender uses the same seeds, derived from this one."""
    parallel: int = Field(default=1, ge=1, le=PARALLEL_MAX)
    """Runs at a time on one engine."""
    ray: str = ""
    """Address of the Ray cluster over whose nodes the runs are spread; empty: this box alone."""
    agent: AgentPlan
    speed: SpeedPlan | None = SpeedPlan()
    see: SightPlan | None = None
    """Whether contenders see, and how that is found out; None: nobody asks."""
    replay: ReplayPlan = ReplayPlan()
    sandbox: str
    """The sandbox tier that was chosen when the plan was frozen; `none` only if the user said `--unsafe`."""
    reserve_bytes: int | None = None
    """Memory of the box that the guard of each engine keeps available; None: the default for the box."""
    stop_rule: str = "all runs of the plan, no peeking: the verdict is computed once, at the end"
    expected: ExpectedCost | None = None
    values: OwnerValues = OwnerValues()
    """What the owner values."""
    quants: tuple[QuantPlan, ...] = ()
    """Where the contenders are quants of one model: the largest first; empty: they are not."""
    looks: tuple[_Repeats, ...] = Field(default=(), max_length=RUNS_MAX)
    """Numbers of runs of each task after which the trial is judged, and ended if that settles it; empty: once, after
    all runs."""
    spending: Spending = "obrien-fleming"
    """How the looks share the chance of an error."""
    forerunners: "tuple[Forerunner, ...]" = ()
    """Trials beside this one that asked the same before, the oldest first."""


class Forerunner(Record):
    """A trial of the same contenders, tasks and arms that was judged before this one was planned."""

    name: str
    """Of its folder."""
    created_at: str
    verdict: str
    """The one that was written there."""
    looks: int = Field(default=1, ge=1)
    """How often it was judged."""
