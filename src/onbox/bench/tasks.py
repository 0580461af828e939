"""Tasks as they lie on disk, in Harbor's layout: what the agent is asked, the files it gets, the gate.

```
NAME/
  instruction.md             what the agent is asked
  task.toml                  timeouts and metadata (`task_toml.py`)
  environment/Dockerfile     FROM, WORKDIR and COPY only, so that no Docker is needed, and the files beside it
  solution/solve.sh          a known-good solution, for the audit
  tests/test.sh              the gate: it writes a reward, or its exit code is the verdict
  generate.py                optional: makes another instance of the task for a seed (`instances.py`)
```
"""

import hashlib
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from onbox.bench.assembly import assembled
from onbox.bench.image_layout import SEALED, ImageLayout, read_layout
from onbox.bench.task_toml import Answer as Answer
from onbox.bench.task_toml import Decides, Variables, read_toml, resolved
from onbox.errors import OnboxError, UsageError

BUILTIN = next(path for path in (Path(__file__).parent / "suite", Path(__file__).parents[3] / "suite") if path.is_dir())
"""The tasks that travel with onbox: whole in a built package, parts in a clone (`assembly.py`)."""

GENERATOR = "generate.py"

QUICK = ("fix-failing-test", "fill-json", "write-to-test")
"""The builtin tasks that a model of 1.5 billion parameters can pass."""

CORE = (*QUICK, "rename-2-files", "rename-16-files", "rename-method", "chat-tcp", "chat-chmod", "chat-acid")
"""Nine of three families: a quarter of an hour for two small models on two cores."""

DEFAULT = "short"
SHORT = (*QUICK, "chat-chmod")
"""The four of a trial that names no tasks: meant to stay under eight minutes for two small models on two cores."""

HARD = (
    *("amended-tariff", "explicit-context", "expiring-store", "expression-language", "extract-handler"),
    *("integration-test", "job-rounds", "log-hunt", "migrate-records", "patch-text"),
)
"""Ten made to be beyond a model of 1.5 billion parameters: many files, long texts, exact descriptions."""

SETS: dict[str, tuple[str, ...] | None] = {
    DEFAULT: SHORT,
    "quick": QUICK,
    "core": CORE,
    "hard": HARD,
    "builtin": None,
}
"""The builtin tasks under names of their own; None: all of them."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NEEDED = ("instruction.md", "task.toml", "tests/test.sh")
_TEST_RUNNER = "testrun.py"
"""In `tests`, of a task that was made of a repository's history."""
_COMPOSE = "docker-compose.yaml"
"""The one name that Harbor knows."""
_CANARY = re.compile(r"^(<!--.*canary.*-->|#.*canary.*)$", re.IGNORECASE)
"""Lines that keep a task out of training data; Harbor shows none of them to an agent."""
_ELSEWHERE = "run it with Harbor"


@dataclass(frozen=True)
class Task:
    """One thing an agent is asked to do, and the gate that decides whether it was done.

    Args:
        name: the name of its folder.
        path: its folder.
        instruction: what the agent is asked, word for word.
        family: tasks of one kind share it (`rename`, `chat`, `small`).
        agent_timeout_s: wall time that the agent gets; None: the task sets no limit.
        gate_timeout_s: wall time that the gate gets.
        decides: what of the gate is its verdict.
        reward_min: what each reward must reach; empty for 1 on `reward`, or on the only one there is.
        image: that it names in the place of a Dockerfile's; empty where it names none.
        workdir: that it names in the place of the image's; empty where it names none.
        variables: of all commands.
        solution_variables: of the reference solution beside them.
        gate_variables: of the gate beside them.
        network: whether its gate and its reference solution have the box's network, by the user's own words.
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
    agent_timeout_s: float | None
    gate_timeout_s: float
    decides: Decides
    reward_min: tuple[tuple[str, float], ...]
    image: str
    workdir: str
    variables: Variables
    solution_variables: Variables
    gate_variables: Variables
    answer: Answer
    needs: tuple[str, ...]
    exact: bool
    judges_apart: bool
    sha256: str
    origin_sha256: str
    network: bool = False
    frame: bool = True
    committed: str = ""

    @property
    def generated(self) -> bool:
        """Whether each seed gives another instance."""
        return (self.path / GENERATOR).is_file()

    @property
    def tests_beside_code(self) -> bool:
        """Whether a project's own tests are the verdict: they run in one process with the code that they test."""
        return (self.tests / _TEST_RUNNER).is_file()

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
    def layout(self) -> ImageLayout | None:
        """The workspace that its Dockerfile makes by copying; None when it does more than copy."""
        return read_layout(self.environment / "Dockerfile", self.workdir)

    @property
    def sealed(self) -> Path | None:
        """The folder of packages that every command of the task finds as ENV_DIR, read-only; None: it has none."""
        folder = self.environment / SEALED
        return folder if folder.is_dir() else None

    @property
    def needs_docker(self) -> bool:
        """Whether the workspace cannot be made by copying files."""
        return self.layout is None


def task_source(name: str) -> tuple[Literal["builtin"] | Path, tuple[str, ...] | None]:
    """Where the tasks of `--tasks NAME` lie, and which of them are meant: a set of builtin ones, or a folder's.

    Returns:
        `builtin` or the folder, and the names; None for all.
    """
    return ("builtin", SETS[name]) if name in SETS else (Path(name), None)


def load_tasks(
    source: Literal["builtin"] | Path,
    names: Sequence[str] | None = None,
    left_out: Callable[[str, OnboxError], None] | None = None,
) -> list[Task]:
    """Load the tasks of a folder of tasks, or of a folder that is itself a task.

    Args:
        source: `builtin` for the suite that travels with onbox.
        names: only these, in this order; None for all, sorted by name.
        left_out: told the name of each task of a folder that cannot be loaded, and why, while the others are; one that
            was named, or is alone, is still an error, and so is each where nobody is told.

    Raises:
        UsageError: no such folder, no task in it, an unknown name, or a task that is malformed or unsupported.
    """
    root = BUILTIN if source == "builtin" else source
    if not root.is_dir():
        raise UsageError(f"{root}: no such folder", f"name a folder of tasks, or one of {', '.join(SETS)}")
    single = _looks_like_task(root)
    folders = [root] if single else sorted(path for path in root.iterdir() if _looks_like_task(path))
    if not folders:
        raise UsageError(f"{root}: contains no task", "a task is a folder with instruction.md and task.toml")
    known = {folder.resolve().name: folder for folder in folders}
    for name in names or ():
        if name not in known:
            raise UsageError(f"{name}: no such task in {source}", f"known: {', '.join(known)}")
    if left_out is None or single or names is not None:
        return [load_task(known[name]) for name in (known if names is None else names)]
    loaded, errors = [], list[tuple[str, OnboxError]]()
    for name, folder in known.items():
        try:
            loaded.append(load_task(folder))
        except OnboxError as error:
            errors.append((name, error))
    if not loaded:
        raise errors[0][1]
    for name, why in errors:
        left_out(name, why)
    return loaded


def load_task(path: Path) -> Task:
    """Load one task.

    Raises:
        UsageError: a file is missing or malformed, or the task is of a kind that cannot be run here; the message names
            the file, and the line or the field.
    """
    path = path.resolve()
    if not is_task_name(path.name):
        raise UsageError(
            f"{path}: a task's name may contain letters, digits, dot, dash and underscore", "rename the folder"
        )
    path = assembled(path)
    for needed in _NEEDED:
        if not (path / needed).exists():
            raise UsageError(f"{path / needed}: missing", "a task needs " + ", ".join((*_NEEDED, "environment")))
    toml = path / "task.toml"
    facts = read_toml(toml)
    _refuse(path, facts.environment.docker_image)
    return Task(
        name=path.name,
        path=path,
        instruction=_read_instruction(path / "instruction.md"),
        family=facts.metadata.family or path.name,
        agent_timeout_s=facts.agent.timeout_sec,
        gate_timeout_s=facts.verifier.timeout_sec,
        decides=facts.metadata.decides,
        reward_min=tuple(facts.reward_min.items()),
        image=facts.environment.docker_image or "",
        workdir=facts.environment.workdir or "",
        variables=resolved(toml, "environment.env", facts.environment.env, composed=True),
        solution_variables=resolved(toml, "solution.env", facts.solution.env),
        gate_variables=resolved(toml, "verifier.env", facts.verifier.env),
        answer=facts.metadata.answer,
        needs=facts.metadata.needs,
        exact=facts.metadata.exact,
        judges_apart=facts.metadata.gate == "apart",
        sha256=(sha256 := tree_sha256(path)),
        origin_sha256=sha256,
        frame=facts.metadata.frame,
        committed=facts.metadata.committed,
    )


def _refuse(path: Path, image: str | None) -> None:
    """Name what makes it another task than could be run here, before anything runs."""
    environment = path / "environment"
    if (environment / _COMPOSE).exists():
        raise UsageError(f"{environment / _COMPOSE}: a task of several services cannot be run here", _ELSEWHERE)
    if not image and not environment.is_dir():
        raise UsageError(f"{environment}: missing", "a task needs " + ", ".join((*_NEEDED, "environment")))
    if not image and not (environment / "Dockerfile").is_file():
        message = f"{environment / 'Dockerfile'}: missing"
        raise UsageError(message, "a task needs it, or environment.docker_image in its task.toml")
    if (path / "trajectory.json").exists():
        raise UsageError(
            f"{path / 'trajectory.json'}: a previous conversation cannot be given to an agent here", _ELSEWHERE
        )
    for folder in (path / "tests", path / "solution", environment):
        for file in folder.rglob("*"):
            if file.is_symlink() and not file.resolve().is_relative_to(path):
                raise UsageError(f"{file}: a link that leads out of the task", "replace it by the file itself")
            if file.name == ".harborignore" and folder != environment:
                raise UsageError(f"{file}: is not supported here", "remove it and what it lists")


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
        text = _without_canary(path.read_text("utf-8")).strip()
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 at byte {error.start}") from error
    if not text:
        raise UsageError(f"{path}: empty", "write the instruction for the agent into it")
    return text


def _without_canary(text: str) -> str:
    lines = text.split("\n")
    kept = next((n for n, line in enumerate(lines) if not _CANARY.match(line.strip())), len(lines))
    return "\n".join(lines[kept:])
