"""Read a file of arms: the baseline, and treatments that differ from it in one thing each."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from onbox.bench.agents import Agent, takers
from onbox.bench.agents.headless import find_server
from onbox.errors import BoxError, UsageError
from onbox.evidence.records import ArmPlan, McpServer
from onbox.field_errors import first_problem
from onbox.input_files import input_text
from onbox.recipes.yaml_text import read_yaml

BASELINE = "baseline"
THINGS = ("rules", "mcp", "sampling", "nudges")
"""What an arm may change."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class ArmEntry(BaseModel):
    """One treatment as it is written."""

    model_config = ConfigDict(extra="forbid")

    name: str
    rules: str = ""
    rules_file: str = ""
    mcp: dict[str, McpServer] = {}
    sampling: dict[str, Any] = {}
    nudges: int | None = Field(default=None, ge=0)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    arms: list[ArmEntry] = Field(min_length=1)


def read_arms(path: Path) -> tuple[ArmPlan, ...]:
    """The treatments of a file.

    Raises:
        UsageError: it is malformed, or an arm changes nothing or more than one thing.
    """
    try:
        file = _File.model_validate(read_yaml(path))
    except ValidationError as error:
        raise UsageError(f"{path}: {first_problem(error, _File)}", "docs/agents.md has an example") from error
    return arms_of(file.arms, path)


def arms_of(entries: Sequence[ArmEntry], path: Path) -> tuple[ArmPlan, ...]:
    """The treatments that stand in a file.

    Args:
        entries: as they are written.
        path: of the file; a `rules_file` is relative to it.

    Raises:
        UsageError: an arm has no name of its own, or changes nothing or more than one thing.
    """
    arms = tuple(_arm(entry, path) for entry in entries)
    names = [BASELINE, *(arm.name.lower() for arm in arms)]
    for name in names[1:]:
        if names.count(name) > 1:
            raise UsageError(f"{path}: arms: {name}: the name is taken", "give each arm a name of its own")
    return arms


def check_arms(arms: Sequence[ArmPlan], agent: Agent) -> None:
    """Find out now whether the agent can be equipped so.

    Raises:
        UsageError: it cannot.
    """
    for arm in arms:
        if missing := sorted(set(changed(arm)) - agent.takes):
            raise UsageError(
                f"arm {arm.name}: the agent {agent.name} takes no {missing[0]}",
                f"it takes {', '.join(sorted(agent.takes))}; {missing[0]}: --agent {' or '.join(takers(missing[0]))}",
            )


def frozen(arms: Sequence[ArmPlan]) -> tuple[ArmPlan, ...]:
    """The arms with the versions of their servers of tools.

    Raises:
        BoxError: the program of a server is not on this box.
    """
    return tuple(
        arm.model_copy(update={"mcp": {name: _versioned(arm, name, server) for name, server in arm.mcp.items()}})
        for arm in arms
    )


def check_servers(arms: Sequence[ArmPlan]) -> None:
    """The servers of tools are still those of the plan.

    Raises:
        UsageError: one has been changed since the plan was frozen.
        BoxError: one is gone.
    """
    for then, now in zip(arms, frozen(arms), strict=True):
        for name, server in then.mcp.items():
            if server.version not in ("", version := now.mcp[name].version):
                raise UsageError(
                    f"arm {then.name}: mcp: {name}: is now {version}; the plan was frozen with {server.version}",
                    "start a new trial",
                )


def _versioned(arm: ArmPlan, name: str, server: McpServer) -> McpServer:
    try:
        return server.model_copy(update={"version": find_server(server).version})
    except BoxError as error:
        raise BoxError(f"arm {arm.name}: mcp: {name}: {error.message}", error.next_step) from error


def changed(arm: ArmPlan) -> list[str]:
    """Which things an arm changes."""
    return [name for name in THINGS if getattr(arm, name) not in ("", {}, None)]


def _arm(entry: ArmEntry, path: Path) -> ArmPlan:
    where = f"{path}: arms: {entry.name}"
    if not _NAME.fullmatch(entry.name):
        raise UsageError(f"{where}: not a name for a folder", "letters, digits, dot, dash and underscore")
    rules = entry.rules
    if entry.rules_file:
        file = path.parent / entry.rules_file
        try:
            rules += input_text(file)
        except UsageError as error:
            raise UsageError(
                f"{where}: rules_file: {entry.rules_file}{error.message.removeprefix(str(file))}", error.next_step
            ) from error
    arm = ArmPlan(name=entry.name, rules=rules, mcp=entry.mcp, sampling=entry.sampling, nudges=entry.nudges)
    if len(changed(arm)) != 1:
        what = ", ".join(changed(arm)) or "nothing"
        raise UsageError(
            f"{where}: changes {what}", f"change one of {', '.join(THINGS)}, so that its effect can be measured"
        )
    return arm
