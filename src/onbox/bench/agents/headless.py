"""Runs an agent of others: its command line, head-less, in the sandbox, with a home of its own and one port to talk to.

The agent's exit code and words are kept, and prove nothing: a lazy answer, a leaked call and an empty reply look the
same from outside. What happened is on the wire.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from onbox.atomic_files import write_atomic
from onbox.bench.agents import DISK_SPENT, AgentOutcome, Job
from onbox.bench.agents.program import Program, find
from onbox.bench.agents.run_watch import RunWatch, Side, without_tools
from onbox.bench.sandbox import Bind, CommandResult, CommandSpec, ReachableServer, StopSign
from onbox.evidence.records import AgentEnd, Limits, McpServer
from onbox.scratch import scratch_folder

HOME = "/home/agent"
WORKSPACE = "/app"
OUTPUT_BYTES = 4 * 2**20
"""Of what an agent prints; kept in `agent.log`."""
MEMORY_BYTES = 1 << 40
"""Address space of one process: JavaScript engines and WebAssembly reserve far more than they ever use."""
KEY = "none"
"""Agents insist on a key; the proxy's server wants none."""


@dataclass(frozen=True)
class RunSetup:
    """What an agent's module needs to know of a run.

    Args:
        prompt: what the user asks.
        url: of the API, with `/v1`.
        root: of the API, without `/v1`.
        model: its name in requests.
        home: the agent's home, as the agent sees it.
        workspace: the project, as the agent sees it.
        limits: of the run.
        rules: what it is told beside its task; an empty string for nothing.
        mcp: (argv, env) of the servers of tools that it may start, by name.
    """

    prompt: str
    url: str
    root: str
    model: str
    home: str
    workspace: str
    limits: Limits
    rules: str = ""
    mcp: Mapping[str, tuple[tuple[str, ...], dict[str, str]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Command:
    """How to start an agent.

    Args:
        argv: the words after its program.
        env: variables.
        files: texts to put into its home before it starts, by relative path.
        stdin: what it reads, often the prompt: an argument that begins with a dash would be an option.
    """

    argv: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    stdin: str = ""


class HeadlessAgent:
    """Base of the agents of others; a subclass says how one is started."""

    name: str
    takes = frozenset({"sampling"})
    """See `Agent.takes`."""
    program: str
    """Looked up on PATH."""
    install: str
    """The line that installs it."""
    package: str = ""
    """The Python package that it belongs to, where it is one."""

    def command(self, setup: RunSetup) -> Command:
        """How to start it for one run."""
        raise NotImplementedError

    def side(self) -> Side:
        """Which requests of a run are beside the task: those without tools."""
        return without_tools

    def find(self) -> Program:
        """Where it is installed.

        Raises:
            BoxError: it is not.
        """
        return find(self.program, self.install, self.package)

    def version(self) -> str:
        """See `Agent.version`."""
        return self.find().version

    def watch(self, limits: Limits, sampling: dict[str, Any], seed: int) -> RunWatch | None:
        """See `Agent.watch`."""
        return RunWatch(limits, sampling, seed, self.side())

    def run(self, job: Job) -> AgentOutcome:
        """See `Agent.run`."""
        assert job.watch is not None
        began = time.monotonic()
        with scratch_folder("home") as home, StopSign() as stop:
            job.watch.on_over = stop.show
            done = self._start(job, Path(home), stop)
        if job.log is not None:
            write_atomic(job.log, done.output)
        steps = [{"role": "user", "content": job.instruction}, *job.watch.steps]
        return AgentOutcome(_end(job, done), steps, time.monotonic() - began)

    def _start(self, job: Job, home: Path, stop: StopSign) -> CommandResult:
        own = Bind(home, HOME, writable=True)
        workspace = Bind(job.workspace, WORKSPACE, writable=True)
        place = job.sandbox.place
        placed = {name: _placed(server, place(own), place(workspace)) for name, server in job.mcp.items()}
        program, servers = self.find(), {name: find_server(server) for name, server in placed.items()}
        setup = RunSetup(
            prompt=job.instruction,
            url=job.endpoint.api,
            root=job.endpoint.root,
            model=job.model,
            home=place(own),
            workspace=place(workspace),
            limits=job.plan.limits,
            rules=job.rules,
            mcp={name: (server.argv, placed[name].env) for name, server in servers.items()},
        )
        command = self.command(setup)
        for name, text in command.files.items():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_text(text, "utf-8")
        shown = sorted({folder for each in (program, *servers.values()) for folder in each.folders})
        folders = {f"AGENT_DIR_{n}": Bind(folder, str(folder)) for n, folder in enumerate(shown, 1)}
        return job.sandbox.run(
            CommandSpec(
                [*_undisturbed(program.argv), *command.argv],
                binds={"APP_DIR": workspace, "HOME": own, **folders},
                cwd="APP_DIR",
                timeout_s=job.plan.limits.wall_s,
                env=command.env,
                stdin=command.stdin.encode("utf-8", "replace"),
                output_limit_bytes=OUTPUT_BYTES,
                reach=ReachableServer(job.endpoint.port, job.socket),
                stop=stop,
                memory_bytes=MEMORY_BYTES,
            )
        )


def _undisturbed(argv: tuple[str, ...]) -> tuple[str, ...]:
    """An agent in Python finds its own packages alone; those of a task are for the commands that it starts."""
    first, *rest = argv
    return (first, "-E", *rest) if rest and Path(first).name.startswith("python") else argv


def _placed(server: McpServer, home: str, workspace: str) -> McpServer:
    """A server of tools that knows where the folders of the run are: `{home}` and `{workspace}` are filled in."""

    def filled(text: str) -> str:
        return text.replace("{home}", home).replace("{workspace}", workspace)

    return McpServer(
        command=tuple(map(filled, server.command)), env={name: filled(value) for name, value in server.env.items()}
    )


def find_server(server: McpServer) -> Program:
    """A server of tools with its arguments, found on this box.

    Raises:
        BoxError: its program is not there.
    """
    name, *arguments = server.command
    found = find(name, f"install {name}, or name it by its path")
    return replace(found, argv=(*found.argv, *arguments))


def _end(job: Job, done: CommandResult) -> AgentEnd:
    """How the run stopped; the exit code of an agent counts only when nothing else tells."""
    watch, limits = job.watch, job.plan.limits
    assert watch is not None
    if done.over_disk:
        stop, detail = "disk_limit", DISK_SPENT
    elif watch.over:
        stop, detail = watch.over, watch.detail
    elif done.exit_code is None:
        stop, detail = "time_limit", f"{limits.wall_s:.0f} s"
    elif done.exit_code == 0:
        stop, detail = "answered", "exit code 0"
    else:
        lines = done.output.decode("utf-8", "replace").strip().splitlines() or ["it printed nothing"]
        stop = "endpoint" if watch.problem else "crash"
        code = "out of memory" if done.out_of_memory else f"exit code {done.exit_code}"
        detail = watch.problem or f"{code}: {lines[-1][:300]}"
    return AgentEnd(stop=stop, detail=detail, turns=watch.turns, reply=watch.reply)


def as_json(value: Any) -> str:
    """A configuration file in JSON."""
    return json.dumps(value, indent=2) + "\n"
