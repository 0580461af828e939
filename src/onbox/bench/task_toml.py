"""`task.toml` as Harbor defines it: what onbox acts on, and what would change a task and is not heeded here.

Source: harbor 0.26, `models/task/config.py`. Unknown fields may be there, as there.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, StrictStr, ValidationError, field_validator, model_validator

from onbox.bench.image_layout import is_taken
from onbox.errors import UsageError
from onbox.field_errors import first_problem

Answer = Literal["workspace", "reply"]
Decides = Literal["exit-code", "reward"]
"""What of a gate is its verdict: the exit code of its script, or the reward that it writes, as in Harbor."""
Variables = tuple[tuple[str, str], ...]

VERIFIER_S = 600.0
"""Harbor's default; an agent has none there."""

_ORG_NAME = r"[a-zA-Z0-9][a-zA-Z0-9._-]*/[a-zA-Z0-9][a-zA-Z0-9._-]*"
_TEMPLATE = re.compile(r"\$\{([^}:]+)(?::-(.*))?\}")
_COMPOSED = re.compile(r"\$(?:\$|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?::?-([^}]*))?\})?")
_CREDENTIAL = re.compile(r"(KEY|SECRET|TOKEN(?!S)|PASSWORD|CREDENTIAL|AUTH)", re.IGNORECASE)
"""Names of variables that Harbor keeps out of its records; onbox gives none of them to a task."""
_ELSEWHERE = "run it with Harbor"
_NOT_HERE = (
    *("environment.mcp_servers", "environment.healthcheck", "environment.gpus", "environment.tpu"),
    *("environment.skills_dir", "verifier.environment", "verifier.collect"),
)
"""Fields of Harbor's that change what a task is, and that nothing here would heed."""
_ROOT = (None, "", 0, "0", "root")


class _TaskSection(BaseModel):
    name: str = ""

    @field_validator("name")
    @classmethod
    def _org_and_name(cls, name: str) -> str:
        if not re.fullmatch(_ORG_NAME, name) or ".." in name:
            raise ValueError("not of the form org/name")
        return name


class _Metadata(BaseModel):
    family: str = ""
    answer: Answer = "workspace"
    needs: tuple[str, ...] = ()
    exact: bool = False
    gate: Literal["", "apart"] = ""
    frame: bool = True
    committed: str = Field(default="", pattern=r"^(\d{4}-\d\d-\d\d)?$")
    verdict: Decides | None = None
    reward_min: float | dict[str, float] | None = None

    @model_validator(mode="after")
    def _one_verdict(self) -> "_Metadata":
        if self.gate == "apart" and self.verdict == "reward":
            raise ValueError("a gate that judges apart says its verdict with its exit code")
        if self.decides == "exit-code" and self.reward_min is not None:
            raise ValueError("reward_min is for a gate that writes a reward")
        return self

    @property
    def decides(self) -> Decides:
        return self.verdict or ("exit-code" if self.gate == "apart" else "reward")


class _Verifier(BaseModel):
    timeout_sec: float = Field(default=VERIFIER_S, gt=0)
    env: dict[str, str] = {}
    user: str | int | None = None
    environment_mode: Literal["shared", "separate"] | None = None
    network_mode: Literal["public", "no-network", "allowlist"] | None = None


class _Agent(BaseModel):
    timeout_sec: float | None = Field(default=None, gt=0)
    user: str | int | None = None
    network_mode: Literal["public", "no-network", "allowlist"] | None = None


class _Environment(BaseModel):
    network_mode: Literal["public", "no-network"] = "public"
    docker_image: str | None = None
    os: Literal["linux", "windows"] = "linux"
    env: dict[str, str] = {}
    workdir: str | None = None
    cpus: float | None = None
    memory_mb: int | None = None
    storage_mb: int | None = None

    @field_validator("os", mode="before")
    @classmethod
    def _any_case(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value


class _Solution(BaseModel):
    env: dict[str, str] = {}


class TaskToml(BaseModel):
    """The fields of `task.toml` that onbox acts on."""

    schema_version: StrictStr = "1.4"
    task: _TaskSection | None = None
    metadata: _Metadata = _Metadata()
    verifier: _Verifier = _Verifier()
    agent: _Agent = _Agent()
    environment: _Environment = _Environment()
    solution: _Solution = _Solution()
    steps: list[object] | None = Field(default=None, max_length=0)

    @model_validator(mode="before")
    @classmethod
    def _older_name(cls, data: Any) -> Any:
        if isinstance(data, dict) and "version" in data:
            return {"schema_version": data["version"], **data}
        return data

    @property
    def reward_min(self) -> dict[str, float]:
        """What each reward must reach; empty where the task says nothing."""
        wanted = self.metadata.reward_min
        if wanted is None:
            return {}
        return wanted if isinstance(wanted, dict) else {"reward": wanted}


def read_toml(path: Path) -> TaskToml:
    """Read a `task.toml`.

    Raises:
        UsageError: it is malformed, or asks for what nothing here could give; the message names the line or the field.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8"))
        for section, key in (name.split(".") for name in _NOT_HERE):
            part = data.get(section)
            if isinstance(part, dict) and part.get(key):
                raise UsageError(f"{path}: {section}.{key}: is not available to tasks here", _ELSEWHERE)
        facts = TaskToml.model_validate(data)
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 at byte {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        where = f"{path}:{line[1]}" if line else str(path)
        raise UsageError(f"{where}: not TOML: {error}") from error
    except ValidationError as error:
        places = [problem["loc"] for problem in error.errors()]
        if any(place[:1] == ("steps",) for place in places):
            raise UsageError(f"{path}: steps: a task of several steps cannot be run here", "split it") from error
        if ("environment", "network_mode") in places:
            message = f"{path}: environment.network_mode: no network can be given to a task here"
            raise UsageError(message, 'set it to "no-network" if the task needs none') from error
        raise UsageError(f"{path}: {first_problem(error, TaskToml)}") from error
    _refuse(path, facts)
    return facts


def resolved(path: Path, where: str, env: Mapping[str, str], *, composed: bool = False) -> Variables:
    """Variables of a task with `${NAME}` and `${NAME:-default}` replaced from the box, as in Harbor.

    Args:
        path: of the `task.toml`, for the message.
        where: the table of the variables.
        env: the table.
        composed: whether Harbor hands them to `docker compose`, which fills in every `$NAME` within a value.

    Raises:
        UsageError: a variable is not set and has no default, or it looks like a credential: a task gets none.
    """
    found = []
    for name, value in env.items():
        if match := _TEMPLATE.fullmatch(value):
            wanted, default = match.groups()
            if _CREDENTIAL.search(wanted) and wanted in os.environ:
                raise _credential(path, f"{where}.{name}", wanted)
            if wanted not in os.environ and default is None:
                raise UsageError(f"{path}: {where}.{name}: {wanted} is not set on this box", f"export {wanted}=...")
            value = os.environ.get(wanted, default or "")
        if composed:
            value = _COMPOSED.sub(partial(_filled_in, path, f"{where}.{name}"), value)
        if "\0" in value or "=" in name or not name:
            raise UsageError(f"{path}: {where}.{name}: not a variable")
        found.append((name, value))
    return tuple(found)


def _filled_in(path: Path, where: str, match: re.Match[str]) -> str:
    """What `docker compose` makes of a `$` in a value; a variable that is not set is empty."""
    name, default = match[1] or match[2], match[3]
    if match[0] == "$$":
        return "$"
    if not name:
        raise UsageError(f"{path}: {where}: a $ that docker compose cannot read", "write $$ for a $")
    if _CREDENTIAL.search(name) and name in os.environ:
        raise _credential(path, where, name)
    return os.environ.get(name) or default or ""


def _credential(path: Path, where: str, name: str) -> UsageError:
    message = f"{path}: {where}: {name} looks like a credential, and tasks get no credentials of this box"
    return UsageError(message, f"unset {name}, or {_ELSEWHERE}")


def _refuse(path: Path, facts: TaskToml) -> None:
    """Name what makes it another task than could be run here."""
    if facts.environment.os != "linux":
        raise UsageError(f"{path}: environment.os: {facts.environment.os} containers cannot be run here", _ELSEWHERE)
    if facts.verifier.environment_mode == "separate":
        raise UsageError(
            f"{path}: verifier.environment_mode: a separate environment for the gate is not supported", _ELSEWHERE
        )
    for section, user in (("agent", facts.agent.user), ("verifier", facts.verifier.user)):
        if user not in _ROOT:
            raise UsageError(f"{path}: {section}.user: is not available to tasks here", _ELSEWHERE)
    for section, mode in (("agent", facts.agent.network_mode), ("verifier", facts.verifier.network_mode)):
        if mode == "allowlist":
            raise UsageError(
                f"{path}: {section}.network_mode: a network limited to named hosts is not supported", _ELSEWHERE
            )
    workdir = facts.environment.workdir
    if workdir is not None and (not workdir.startswith("/") or is_taken(workdir)):
        raise UsageError(f"{path}: environment.workdir: {workdir} cannot be the workspace", _ELSEWHERE)
