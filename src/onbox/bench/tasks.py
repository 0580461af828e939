"""Tasks as they lie on disk, in Harbor's layout: what the agent is asked, the files it gets, the gate.

```
NAME/
  instruction.md             what the agent is asked
  task.toml                  timeouts and metadata
  environment/Dockerfile     FROM, WORKDIR and COPY only, so that no Docker is needed, and the files beside it
  solution/solve.sh          a known-good solution, for the audit
  tests/test.sh              the gate: exit code 0 pass, 1 fail
  generate.py                optional: makes another instance of the task for a seed (`instances.py`)
```
"""

import hashlib
import re
import stat
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, ValidationError

from onbox.bench.assembly import assembled
from onbox.bench.dockerfile import SEALED, Copy, read_copies
from onbox.errors import UsageError
from onbox.evidence.folder import first_problem

Answer = Literal["workspace", "reply"]

BUILTIN = next(path for path in (Path(__file__).parent / "suite", Path(__file__).parents[3] / "suite") if path.is_dir())
"""The tasks that travel with onbox: whole in a built package, parts in a clone (`assembly.py`)."""

GENERATOR = "generate.py"

QUICK = ("fix-failing-test", "fill-json", "write-to-test")
"""The builtin tasks that a model of 1.5 billion parameters can pass."""

CORE = (*QUICK, "rename-2-files", "rename-16-files", "rename-method", "chat-tcp", "chat-chmod", "chat-acid")
"""Nine of three families: a quarter of an hour for two small models on two cores."""

DEFAULT = "short"
SHORT = (*QUICK, "chat-chmod")
"""The four of a trial that names no tasks: under eight minutes for two small models on two cores."""

SETS: dict[str, tuple[str, ...] | None] = {DEFAULT: SHORT, "quick": QUICK, "core": CORE, "builtin": None}
"""The builtin tasks under names of their own; None: all of them."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NOT_HERE = (
    *("environment.mcp_servers", "environment.healthcheck", "environment.env", "environment.gpus", "environment.tpu"),
    *("verifier.env", "verifier.environment", "agent.user", "verifier.user"),
)
"""Fields of Harbor's that change what a task is, and that nothing here would heed."""
_NEEDED = ("instruction.md", "task.toml", "environment", "tests/test.sh")


@dataclass(frozen=True)
class Task:
    """One thing an agent is asked to do, and the gate that decides whether it was done.

    Args:
        name: the name of its folder.
        path: its folder.
        instruction: what the agent is asked, word for word.
        family: tasks of one kind share it (`rename`, `chat`, `small`).
        agent_timeout_s: wall time that the agent gets.
        gate_timeout_s: wall time that the gate gets.
        answer: where the gate looks: at the workspace, or at the agent's last message.
        needs: programs that the agent or the gate runs, beside Python and the shell: `node`.
        exact: the layout of the answer matters, so that the audit must not lay it out anew.
        frame: the gate holds what was not asked for to what it was; false for one that only runs a project's tests.
        committed: the day of the commit that it was made of, as YYYY-MM-DD; empty: of no commit.
        judges_apart: the gate never runs the code under test, but has it run, and says its verdict with a word.
        sha256: of every file of the task, names and execute bits included.
        origin_sha256: of the task that this is an instance of; its own where it was not generated.
    """

    name: str
    path: Path
    instruction: str
    family: str
    agent_timeout_s: float
    gate_timeout_s: float
    answer: Answer
    needs: tuple[str, ...]
    exact: bool
    judges_apart: bool
    sha256: str
    origin_sha256: str
    frame: bool = True
    committed: str = ""

    @property
    def generated(self) -> bool:
        """Whether each seed gives another instance."""
        return (self.path / GENERATOR).is_file()

    @property
    def environment(self) -> Path:
        """The folder of the Dockerfile and of what it copies."""
        return self.path / "environment"

    @property
    def tests(self) -> Path:
        """The folder of the gate."""
        return self.path / "tests"

    @property
    def solution(self) -> Path:
        """The folder of the known-good solution; it may be missing."""
        return self.path / "solution"

    @cached_property
    def copies(self) -> tuple[Copy, ...] | None:
        """What the Dockerfile copies into the workspace; None when it does more than copy."""
        return read_copies(self.environment / "Dockerfile")

    @property
    def sealed(self) -> Path | None:
        """The folder of packages that every command of the task finds as ENV_DIR, read-only; None: it has none."""
        folder = self.environment / SEALED
        return folder if folder.is_dir() else None

    @property
    def needs_docker(self) -> bool:
        """Whether the workspace cannot be made by copying files."""
        return self.copies is None


class _TaskSection(BaseModel):
    name: str = ""


class _Metadata(BaseModel):
    family: str = ""
    answer: Answer = "workspace"
    needs: tuple[str, ...] = ()
    exact: bool = False
    gate: Literal["", "apart"] = ""
    frame: bool = True
    committed: str = Field(default="", pattern=r"^(\d{4}-\d\d-\d\d)?$")


class _Verifier(BaseModel):
    timeout_sec: float = Field(default=60.0, gt=0)


class _Agent(BaseModel):
    timeout_sec: float = Field(default=120.0, gt=0)


class _Environment(BaseModel):
    network_mode: Literal["public", "no-network"] = "public"


class _TaskToml(BaseModel):
    """The fields of `task.toml` that onbox acts on; Harbor knows more, and they may be there."""

    schema_version: str = "1.4"
    task: _TaskSection = _TaskSection()
    metadata: _Metadata = _Metadata()
    verifier: _Verifier = _Verifier()
    agent: _Agent = _Agent()
    environment: _Environment = _Environment()
    steps: list[object] = Field(default=[], max_length=0)


def task_source(name: str) -> tuple[Literal["builtin"] | Path, tuple[str, ...] | None]:
    """Where the tasks of `--tasks NAME` lie, and which of them are meant: a set of builtin ones, or a folder's.

    Returns:
        `builtin` or the folder, and the names; None for all.
    """
    return ("builtin", SETS[name]) if name in SETS else (Path(name), None)


def load_tasks(source: Literal["builtin"] | Path, names: Sequence[str] | None = None) -> list[Task]:
    """Load the tasks of a folder of tasks, or of a folder that is itself a task.

    Args:
        source: `builtin` for the suite that travels with onbox.
        names: only these, in this order; None for all, sorted by name.

    Raises:
        UsageError: no such folder, no task in it, an unknown name, or a malformed task.
    """
    root = BUILTIN if source == "builtin" else source
    if not root.is_dir():
        raise UsageError(f"{root}: no such folder", f"name a folder of tasks, or one of {', '.join(SETS)}")
    single = (root / "task.toml").is_file() or (root / "instruction.md").is_file()
    folders = [root] if single else sorted(path for path in root.iterdir() if _looks_like_task(path))
    if not folders:
        raise UsageError(f"{root}: holds no task", "a task is a folder with instruction.md and task.toml")
    known = {folder.resolve().name: folder for folder in folders}
    for name in names or ():
        if name not in known:
            raise UsageError(f"{name}: no such task in {source}", f"known: {', '.join(known)}")
    return [load_task(known[name]) for name in (known if names is None else names)]


def load_task(path: Path) -> Task:
    """Load one task.

    Raises:
        UsageError: a file is missing or malformed; the message names the file, and the line or the field.
    """
    path = path.resolve()
    if not is_task_name(path.name):
        raise UsageError(f"{path}: a task's name holds letters, digits, dot, dash and underscore", "rename the folder")
    path = assembled(path)
    for needed in _NEEDED:
        if not (path / needed).exists():
            raise UsageError(f"{path / needed}: missing", "a task needs " + ", ".join(_NEEDED))
    facts, sha256 = _read_toml(path / "task.toml"), tree_sha256(path)
    return Task(
        name=path.name,
        path=path,
        instruction=_read_instruction(path / "instruction.md"),
        family=facts.metadata.family or path.name,
        agent_timeout_s=facts.agent.timeout_sec,
        gate_timeout_s=facts.verifier.timeout_sec,
        answer=facts.metadata.answer,
        needs=facts.metadata.needs,
        exact=facts.metadata.exact,
        judges_apart=facts.metadata.gate == "apart",
        sha256=sha256,
        origin_sha256=sha256,
        frame=facts.metadata.frame,
        committed=facts.metadata.committed,
    )


def is_task_name(name: str) -> bool:
    """Whether a task may be called so: it names folders, in the evidence too."""
    return _NAME.fullmatch(name) is not None


def tree_sha256(root: Path) -> str:
    """Hash of all files below a folder: relative name, execute bit and content of each, in sorted order.

    Compiled Python is left out: installing a package writes it beside the sources.
    """
    whole = hashlib.sha256()
    for path in sorted(task_files(root)):
        executable = "x" if path.stat().st_mode & stat.S_IXUSR else "-"
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        whole.update(f"{path.relative_to(root).as_posix()}\0{executable}\0{content}\n".encode())
    return whole.hexdigest()


def task_files(root: Path) -> Iterator[Path]:
    """The files below a folder of a task, without compiled Python."""
    return (path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _looks_like_task(path: Path) -> bool:
    return (path / "task.toml").is_file() or (path / "instruction.md").is_file()


def _read_instruction(path: Path) -> str:
    try:
        text = path.read_text("utf-8").strip()
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 at byte {error.start}") from error
    if not text:
        raise UsageError(f"{path}: empty", "write in it what the agent is asked")
    return text


def _read_toml(path: Path) -> _TaskToml:
    try:
        data = tomllib.loads(path.read_text("utf-8"))
        for section, key in (name.split(".") for name in _NOT_HERE):
            part = data.get(section)
            if isinstance(part, dict) and part.get(key):
                raise UsageError(f"{path}: {section}.{key}: cannot be given to a task here", "run it with Harbor")
        return _TaskToml.model_validate(data)
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
            raise UsageError(message, 'set it to "no-network" if the task can do without') from error
        raise UsageError(f"{path}: {first_problem(error)}") from error
