"""Tasks on disk: what loads, what is refused in one line, and the shape of the builtin suite."""

import shutil
import tomllib
from pathlib import Path

import pytest

from onbox.bench.assembly import assembled
from onbox.bench.dockerfile import Copy, read_copies
from onbox.bench.tasks import BUILTIN, CORE, QUICK, load_task, load_tasks, task_files
from onbox.errors import OnboxError, UsageError

STORY = {"rename-2-files", "rename-16-files", "rename-method", "chat-tcp", "chat-chmod", "chat-acid"}
NAMES = [task.name for task in load_tasks("builtin")]


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A task of one's own to break."""
    return Path(shutil.copytree(assembled(BUILTIN / "fill-json"), tmp_path / "fill-json"))


def one_line(error: OnboxError) -> str:
    assert "\n" not in error.message
    assert "\n" not in error.next_step
    return error.message


# ---------------------------------------------------------------- loading


def test_core_holds_the_six_of_the_story_and_the_quick_three() -> None:
    assert set(CORE) == STORY | set(QUICK)
    assert set(CORE) < set(NAMES)


def test_the_builtin_suite_is_broad() -> None:
    tasks = load_tasks("builtin")
    assert len(tasks) >= 24
    assert len({task.family for task in tasks}) >= 8
    assert sum(task.generated for task in tasks) >= 18
    # What needs more than Python and a shell is left out where it is not; enough is left.
    assert sum(not task.needs for task in tasks) >= 24


def test_names_pick_tasks_in_the_order_given() -> None:
    assert [task.name for task in load_tasks("builtin", QUICK)] == list(QUICK)


def test_a_folder_that_is_a_task_is_a_set_of_one(copied: Path) -> None:
    assert [task.name for task in load_tasks(copied)] == ["fill-json"]
    assert [task.name for task in load_tasks(copied.parent)] == ["fill-json"]


def test_what_a_task_says_of_itself() -> None:
    task = load_task(BUILTIN / "chat-tcp")
    assert (task.family, task.answer, task.agent_timeout_s, task.gate_timeout_s) == ("chat", "reply", 360.0, 60.0)
    assert task.instruction.startswith("Which three segments")
    assert not task.needs_docker


def test_an_unknown_task_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError) as raised:
        load_tasks("builtin", ["rename-3-files"])
    assert "rename-3-files" in one_line(raised.value)
    assert all(name in raised.value.next_step for name in NAMES)


def test_no_folder_and_no_tasks(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        load_tasks(tmp_path / "missing")
    with pytest.raises(UsageError, match="holds no task"):
        load_tasks(tmp_path)


@pytest.mark.parametrize("missing", ["instruction.md", "task.toml", "environment", "tests/test.sh"])
def test_a_missing_part_is_named(copied: Path, missing: str) -> None:
    path = copied / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(UsageError, match="missing") as raised:
        load_tasks(copied.parent)
    assert str(path) in one_line(raised.value)


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ('[task]\nname = "a"\nversion =\n', "task.toml:3", "not TOML"),
        ("[task\n", "task.toml:1", "not TOML"),
        ("[verifier]\ntimeout_sec = 0\n", "task.toml", "verifier.timeout_sec: input should be greater than 0"),
        ('[agent]\ntimeout_sec = "soon"\n', "task.toml", "agent.timeout_sec: input should be a valid number"),
        ('[metadata]\nanswer = "mail"\n', "task.toml", "metadata.answer: input should be 'workspace' or 'reply'"),
        ("[[steps]]\nname = 'first'\n", "task.toml", "steps: a task of several steps cannot be run here"),
        (
            "[[environment.mcp_servers]]\nname = 'a'\n",
            "task.toml",
            "environment.mcp_servers: cannot be given to a task",
        ),
        ("[verifier]\nenv = {A = 'b'}\n", "task.toml", "verifier.env: cannot be given to a task here"),
        (
            '[environment]\nnetwork_mode = "allowlist"\nallowed_hosts = ["example.org"]\n',
            "task.toml",
            "environment.network_mode: no network can be given to a task here",
        ),
    ],
)
def test_a_malformed_toml_is_one_line(copied: Path, text: str, where: str, what: str) -> None:
    (copied / "task.toml").write_text(text)
    with pytest.raises(UsageError) as raised:
        load_task(copied)
    message = one_line(raised.value)
    assert where in message
    assert what in message


def test_bytes_that_are_no_text_are_one_line(copied: Path) -> None:
    (copied / "task.toml").write_bytes(b"[task]\nname = '\xff'\n")
    with pytest.raises(UsageError, match="not UTF-8 at byte 15"):
        load_task(copied)
    shutil.copy(BUILTIN / "fill-json" / "task.toml", copied)
    (copied / "instruction.md").write_bytes(b" \n")
    with pytest.raises(UsageError, match="empty"):
        load_task(copied)


def test_fields_that_only_harbor_knows_are_let_be(copied: Path) -> None:
    with (copied / "task.toml").open("a") as file:
        file.write('cpus = 2\nmemory_mb = 2048\n\n[solution]\nenv = { A = "b" }\n')
    assert load_task(copied).family == "small"


# ---------------------------------------------------------------- hash


def test_the_hash_sees_content_names_and_execute_bits(copied: Path) -> None:
    first = load_task(copied).sha256
    assert first == load_task(BUILTIN / "fill-json").sha256
    (copied / "tests" / "gate.py").chmod(0o755)
    second = load_task(copied).sha256
    (copied / "tests" / "gate.py").chmod(0o644)
    (copied / "environment" / "app" / "README.md").rename(copied / "environment" / "app" / "READ.md")
    third = load_task(copied).sha256
    (copied / "instruction.md").write_text("Do it.\n")
    assert len({first, second, third, load_task(copied).sha256}) == 4


def test_the_hash_does_not_see_compiled_files_and_group_permissions(copied: Path) -> None:
    before = load_task(copied).sha256
    (copied / "tests" / "__pycache__").mkdir()
    (copied / "tests" / "__pycache__" / "gate.cpython-311.pyc").write_bytes(b"compiled")
    (copied / "instruction.md").chmod(0o664)
    assert load_task(copied).sha256 == before


# ---------------------------------------------------------------- Dockerfile


@pytest.mark.parametrize(
    ("text", "copies"),
    [
        ("FROM scratch\n", ()),
        ("FROM scratch\nWORKDIR /app\nCOPY . .\n", (Copy((".",), ".", True),)),
        ("# a\nfrom x\nCopy a.py \\\n  b.py src/\n", (Copy(("a.py", "b.py"), "src", True),)),
        ("FROM x\nWORKDIR /app/src\nCOPY a.py b.py\nWORKDIR ..\n", (Copy(("a.py",), "src/b.py", False),)),
        ("FROM x\nRUN pip install numpy\n", None),
        ("FROM x\nCOPY a.py /etc/a.py\n", None),
        ("FROM x\nCOPY ../a.py .\n", None),
        ("FROM x\nCOPY --chown=1 a.py .\n", None),
        ('FROM x\nCOPY ["a b.py", "."]\n', None),
        ("FROM x AS y\nCOPY a .\n", None),
        ("FROM x\nFROM y\n", None),
        ("FROM x\nWORKDIR /srv\n", None),
        ("FROM x\nCOPY 'a .\n", None),
        ("", None),
    ],
)
def test_which_dockerfiles_only_copy(tmp_path: Path, text: str, copies: tuple[Copy, ...] | None) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text(text)
    assert read_copies(path) == copies


# ---------------------------------------------------------------- the builtin suite


@pytest.mark.parametrize("name", NAMES)
def test_builtin_tasks_are_whole(name: str) -> None:
    task = load_task(BUILTIN / name)
    root, libraries = task.path, BUILTIN / "lib"
    facts = tomllib.loads((root / "task.toml").read_text())
    assert facts.keys() == {"schema_version", "task", "metadata", "verifier", "agent", "environment"}
    assert facts["schema_version"] == "1.4"
    assert facts["task"].keys() == {"name", "version", "description"}
    assert facts["task"]["name"] == f"onbox/{name}"
    assert facts["metadata"].keys() - {"needs"} == {"family", "answer", "gate"}
    assert facts["verifier"].keys() == facts["agent"].keys() == {"timeout_sec"}
    assert facts["environment"] == {"network_mode": "no-network"}
    for shared in ("gatelib.py", "test.sh"):
        assert (root / "tests" / shared).read_bytes() == (libraries / shared).read_bytes()
    assert (root / "genlib.py").exists() == (root / "generate.py").exists()
    assert name.startswith("ts-") == (root / "tests" / "tslib.py").exists()
    given, known = root / "environment" / "app", root / "tests" / "original"
    contents = [{path.relative_to(root): path.read_bytes() for path in task_files(root)} for root in (given, known)]
    assert contents[0] == contents[1]
    assert contents[0] or task.answer == "reply"


@pytest.mark.parametrize("name", QUICK)
def test_the_quick_tasks_are_tiny(name: str) -> None:
    for path in task_files(BUILTIN / name / "environment" / "app"):
        assert len(path.read_text().splitlines()) < 15, path
