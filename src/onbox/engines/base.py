"""What an engine's package gives: a class that starts and asks it, and the facts by which others know it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from onbox.engines.emulation import EmulatedApi, MetricsPage
from onbox.engines.launch import Launch
from onbox.engines.log_lines import LogLines
from onbox.engines.sight import EngineSight
from onbox.schema.engine_profile import EngineProfile

if TYPE_CHECKING:  # the watcher reads facts, and must stay small
    from onbox.evidence.records import Exchange, SpeedPlan
    from onbox.schema.checks import Check
    from onbox.schema.recipe import Recipe
    from onbox.wire.client import StampedClient


METRICS_PATH = "/metrics"
"""Where most servers have their counters."""


class Engine(Protocol):
    """One kind of server.

    A class may also have an attribute `facts`, an `EngineFacts`: with it the watcher, the ruler, preflight, replays and
    the guard know the engine too. Without it the engine is started and asked, and no more is known of it.
    """

    name: str
    metrics_path: str | None
    """Where Prometheus counters are, counted from the root; None when it has none."""

    def launch(self, recipe: "Recipe", weights: Path, port: int) -> Launch:
        """How to serve `weights` by `recipe` on 127.0.0.1:`port`; nothing is started.

        Args:
            weights: the file or folder on this box, as `onbox.fetch` brought it.

        Raises:
            BoxError: the engine is not installed; the message says what to install.
            UsageError: the recipe asks for what this engine does not have.
        """
        ...

    def version(self) -> str | None:
        """The version that the last `launch` would start; None when only a running server could tell."""
        ...

    def ready(self, client: "StampedClient") -> bool:
        """Whether the server says that it is ready; the caller still asks it for a token."""
        ...

    def idle(self, metrics_text: str) -> dict[str, float]:
        """What runs and waits by a scrape, and what was made (`..._total`), by name; empty when it does not say."""
        ...

    def props(self, client: "StampedClient") -> dict[str, Any]:
        """What the running server says of itself, in a form fit for evidence."""
        ...


class Trouble(StrEnum):
    """What may be wrong between a server and an agent."""

    NO_TOOLS = "a request with tools is refused"
    NO_CALL = "no call comes"
    LEAK = "calls stand in the text"
    PARSE = "the server cannot parse what the model wrote"
    STREAM = "streams and whole answers differ"
    ARGUMENTS = "the arguments of calls come broken"
    REASONING_IN_TEXT = "thoughts stand in the text"
    REASONING_LOST = "thoughts are not passed back"
    CONTEXT = "the context is short"
    SAMPLING = "sampling defaults are not told"
    NO_USAGE = "usage is not told"
    APIS = "an API is missing"


@dataclass(frozen=True)
class ProcessSigns:
    """How the engine is seen among the processes and containers of a box.

    Args:
        programs: name of a program -> the words one of which has to follow; none where any may.
        modules: what stands after `python -m`.
        images: words in the name of an image.
    """

    programs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    modules: tuple[str, ...] = ()
    images: tuple[str, ...] = ()


@dataclass(frozen=True)
class MemoryAdvice:
    """What to change when memory runs short.

    Args:
        before: by the check before a launch.
        otherwise: by the guard, in a phase that `by_phase` has not.
        by_phase: by the guard.
    """

    before: str = "free memory, serve a shorter context or a smaller model, or set a smaller reserve"
    otherwise: str = "a shorter context, or a smaller quantisation"
    by_phase: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MemoryPlanner:
    """What an engine holds, where that follows from its own settings and not from the weights alone.

    Args:
        planned: (recipe, bytes of all memory, on a processor, bytes of the weights or None) -> (bytes, in words what
            they are made of); None bytes where nobody can say.
        loads_twice: whether the recipe has the weights in memory about twice while they load.
    """

    planned: Callable[["Recipe", int, bool, int | None], tuple[int | None, str]]
    loads_twice: Callable[["Recipe"], bool] = lambda recipe: False


@dataclass(frozen=True)
class GpuUse:
    """How many GPUs an engine spreads a model over.

    Args:
        tensor: that work on each layer together, each on its share (tensor parallel).
        total: with those that hold other layers, or another copy.
        holders: that hold one copy between them.
    """

    tensor: int
    total: int
    holders: int


def gpu_use(
    options: Mapping[str, Any], *, tensor: Sequence[str], pipeline: Sequence[str] = (), copies: Sequence[str] = ()
) -> GpuUse | None:
    """By the options of a command line, each 1 where it is not given; None where one is no number.

    Args:
        options: by their names without dashes.
        tensor, pipeline, copies: the names that each has.
    """

    def number(names: Sequence[str]) -> int:
        given = next((options[name] for name in names if name in options), 1)
        return int(str(given))

    try:
        each, stages, whole = (max(1, number(names)) for names in (tensor, pipeline, copies))
    except ValueError:
        return None
    return GpuUse(each, each * stages * whole, each * stages)


@dataclass(frozen=True)
class LaunchSituation:
    """What an engine's own doubts about a launch look at.

    Args:
        version: that would be started; None where nobody can say.
        unified: processor and accelerator share the memory.
    """

    version: str | None
    total_bytes: int
    available_bytes: int
    unified: bool


@dataclass(frozen=True)
class Api:
    """One way to ask for a stream of a given length.

    Args:
        path: counted from the root of the server.
        body: what to send, from the model's name, the prompt and the plan.
    """

    path: str
    body: Callable[[str, str, "SpeedPlan"], dict[str, Any]]


@dataclass(frozen=True)
class RawRoute:
    """A request whose answer no parser has touched.

    Args:
        path: counted from the root of the server.
        body: without a seed.
        name: in words.
    """

    path: str
    body: dict[str, Any]
    name: str


FindRawRoute = Callable[["StampedClient", Mapping[str, Any]], tuple[RawRoute | None, list["Exchange"]]]
"""(connection, body of a chat request) -> (the route, the exchanges that found it)."""


@dataclass(frozen=True)
class Advice:
    """For what a server advises.

    Args:
        trouble: what is wrong.
        version: of the server; None where it does not say.
        model: the model's names, by which its family is told.
        options: of its command line, by name; None where that is not known.
    """

    trouble: Trouble
    version: str | None
    model: str
    options: Mapping[str, str] | None = None

    def is_set(self, option: str, value: str = "") -> bool:
        """Whether the server was started with an option (and a value); False where its command line is not known."""
        given = None if self.options is None else self.options.get(option)
        return given is not None and (not value or given == value)


@dataclass(frozen=True)
class EngineFacts:
    """All that the rest of onbox knows of one engine; what is left out is not known.

    Args:
        name: as people write it.
        owned_by: what it says of itself in `owned_by` of `/v1/models`: how it is recognised when attached.
        profile: its counters and times, for the ruler, the watcher and judge.
        log: what its log says.
        signs: how it is seen among processes and containers.
        memory_advice: what to change when memory runs short.
        memory_plan: None: weights, cache and allowance by the headers of the weights.
        variables: prefixes of its own environment variables.
        call_parser_hint: for an engine that leaves calls in the text unless a parser is named: which one to name.
        apis: its own APIs, by name, the first of them the one it is measured by.
        probe: what more an attached server says of itself, for evidence.
        details: (connection, model) -> `version`, `sampling`, `vision` as far as it tells them apart from `probe`.
        raw_completion: finds the route past its parser.
        advice: the option that helps; empty where none is known.
        sight: what it does with pictures.
        caches: folders below `~/.cache` where it keeps what it compiles.
        room_option: how it is given room for `{parallel}` requests at a time.
        installs: engines of this package that one command brings, by the name they are registered under.
        launch_checks: its own doubts about a launch.
        gpu_use: by the options of its command line, over how many GPUs it spreads a model; None: not known.
        emulated: its own APIs as the selftest plays them, by the names of `apis`.
        metrics_page: its page of metrics as the selftest plays it.
        metrics_path: where its counters are, counted from the root, when others than onbox started it.
    """

    name: str
    owned_by: tuple[str, ...] = ()
    profile: EngineProfile | None = None
    log: LogLines = field(default_factory=LogLines)
    signs: ProcessSigns = field(default_factory=ProcessSigns)
    memory_advice: MemoryAdvice = field(default_factory=MemoryAdvice)
    memory_plan: MemoryPlanner | None = None
    variables: tuple[str, ...] = ()
    call_parser_hint: str = ""
    apis: Mapping[str, Api] = field(default_factory=dict)
    probe: Callable[["StampedClient"], dict[str, Any]] | None = None
    details: Callable[["StampedClient", str], dict[str, Any]] | None = None
    raw_completion: FindRawRoute | None = None
    advice: Callable[[Advice], str] | None = None
    sight: EngineSight | None = None
    caches: tuple[str, ...] = ()
    room_option: str = ""
    installs: Mapping[str, str] = field(default_factory=dict)
    launch_checks: Callable[["Recipe", LaunchSituation], tuple["Check", ...]] = lambda recipe, launch: ()
    gpu_use: Callable[[Mapping[str, Any]], GpuUse | None] = lambda options: None
    emulated: Mapping[str, EmulatedApi] = field(default_factory=dict)
    metrics_page: MetricsPage | None = None
    metrics_path: str = METRICS_PATH
