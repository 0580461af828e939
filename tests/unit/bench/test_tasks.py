"""Tasks on disk: what loads, what is refused in one line, and the shape of the builtin suite."""

import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from onbox.bench.assembly import assembled
from onbox.bench.image_layout import CopyInstruction, ImageLayout, read_layout
from onbox.bench.tasks import BUILTIN, CORE, QUICK, load_task, load_tasks, task_files
from onbox.errors import OnboxError, UsageError
from tests.parts import HARBOR_PYTHON

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
    with pytest.raises(UsageError, match="contains no task"):
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
        ('[task]\nname = "a/b"\nversion =\n', "task.toml:3", "not TOML"),
        ("[task\n", "task.toml:1", "not TOML"),
        ("[verifier]\ntimeout_sec = 0\n", "task.toml", "verifier.timeout_sec: input should be greater than 0"),
        ('[agent]\ntimeout_sec = "soon"\n', "task.toml", "agent.timeout_sec: a number is wanted, not 'soon'"),
        ('[metadata]\nanswer = "mail"\n', "task.toml", "metadata.answer: input should be 'workspace' or 'reply'"),
        ("[[steps]]\nname = 'first'\n", "task.toml", "steps: a task of several steps cannot be run here"),
        (
            "[[environment.mcp_servers]]\nname = 'a'\n",
            "task.toml",
            "environment.mcp_servers: is not available",
        ),
        ("[verifier.environment]\ncpus = 1\n", "task.toml", "verifier.environment: is not available to tasks here"),
        ("[verifier]\nenvironment_mode = 'separate'\n", "task.toml", "a separate environment for the gate"),
        ("[[verifier.collect]]\ncommand = 'a'\n", "task.toml", "verifier.collect: is not available"),
        ("[verifier]\nuser = 'nobody'\n", "task.toml", "verifier.user: is not available to tasks here"),
        ("[agent]\nuser = 1000\n", "task.toml", "agent.user: is not available to tasks here"),
        ("[environment]\nos = 'Windows'\n", "task.toml", "environment.os: windows containers cannot be run here"),
        ("[environment]\nos = 'plan9'\n", "task.toml", "environment.os: input should be 'linux' or 'windows'"),
        ("[environment]\nworkdir = '/tests'\n", "task.toml", "environment.workdir: /tests cannot be the workspace"),
        ("[environment]\nworkdir = 'app'\n", "task.toml", "environment.workdir: app cannot be the workspace"),
        ("[environment]\nenv = {A = 1}\n", "task.toml", "environment.env.A: input should be a valid string"),
        ("[environment]\nenv = {A = '${ONBOX_NOWHERE}'}\n", "task.toml", "ONBOX_NOWHERE is not set on this box"),
        ("[environment.healthcheck]\ncommand = 'a'\n", "task.toml", "environment.healthcheck: is not available"),
        ("[task]\nname = 'plain'\n", "task.toml", "task.name: not of the form org/name"),
        ("[task]\nname = 'a/b/c'\n", "task.toml", "not of the form org/name"),
        ("schema_version = 1.4\n", "task.toml", "schema_version: input should be a valid string"),
        ("version = 1.0\n", "task.toml", "schema_version: input should be a valid string"),
        (
            "[metadata]\ngate = 'apart'\nverdict = 'reward'\n",
            "task.toml",
            "a gate that judges apart says its verdict with its exit code",
        ),
        (
            "[metadata]\nverdict = 'exit-code'\nreward_min = 0.5\n",
            "task.toml",
            "reward_min is for a gate that writes a reward",
        ),
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
        file.write('cpus = 2\nmemory_mb = 2048\nunheard_of = [1]\n\n[solution]\nenv = { A = "b" }\n\n[new]\na = 1\n')
    task = load_task(copied)
    assert (task.family, task.solution_variables) == ("small", (("A", "b"),))


@pytest.mark.parametrize("version", ['version = "1.0"\n', 'schema_version = "9.9"\n', ""])
def test_any_version_that_harbor_takes_is_taken(copied: Path, version: str) -> None:
    (copied / "task.toml").write_text(version)
    task = load_task(copied)
    assert (task.decides, task.agent_timeout_s, task.gate_timeout_s) == ("reward", None, 600.0), "Harbor's defaults"


def test_variables_come_from_the_box_and_credentials_do_not(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toml = copied / "task.toml"
    toml.write_text("[environment.env]\nA = '${ONBOX_A:-other}'\nB = 'x${ONBOX_A}'\n")
    assert load_task(copied).variables == (("A", "other"), ("B", "x"))
    monkeypatch.setenv("ONBOX_A", "mine")
    assert dict(load_task(copied).variables)["A"] == "mine"
    # Harbor hands these to docker compose, which fills in what stands within; the others it passes as they are.
    toml.write_text("[environment.env]\nA = 'x$ONBOX_A-$$ONBOX_A ${ONBOX_B-b}'\n[verifier.env]\nB = 'x$ONBOX_A'\n")
    task = load_task(copied)
    assert (task.variables, task.gate_variables) == ((("A", "xmine-$ONBOX_A b"),), (("B", "x$ONBOX_A"),))
    toml.write_text("[environment.env]\nA = 'costs 5$'\n")
    with pytest.raises(UsageError, match=r"environment\.env\.A: a \$ that docker compose cannot read"):
        load_task(copied)
    monkeypatch.setenv("MY_API_KEY", "secret")
    toml.write_text("[environment.env]\nA = 'x$MY_API_KEY'\n")
    with pytest.raises(UsageError, match="looks like a credential"):
        load_task(copied)
    toml.write_text("[verifier.env]\nA = '${MY_API_KEY}'\n")
    with pytest.raises(UsageError, match="looks like a credential") as raised:
        load_task(copied)
    assert "secret" not in one_line(raised.value)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("environment/docker-compose.yaml", "a task of several services cannot be run here"),
        ("trajectory.json", "a previous conversation cannot be given"),
        ("tests/deep/.harborignore", "is not supported here"),
    ],
)
def test_files_that_make_it_another_task_are_refused(copied: Path, name: str, what: str) -> None:
    (copied / name).parent.mkdir(exist_ok=True)
    (copied / name).write_text("{}")
    with pytest.raises(UsageError, match=what) as raised:
        load_task(copied)
    assert str(copied / name) in one_line(raised.value)


def test_a_link_out_of_the_task_is_refused(copied: Path) -> None:
    (copied / "tests" / "inside").symlink_to("gate.py")
    load_task(copied)
    (copied / "environment" / "app" / "shadow").symlink_to("/etc/shadow")
    with pytest.raises(UsageError, match="a link that leads out of the task"):
        load_task(copied)


def test_canaries_are_not_shown(copied: Path) -> None:
    (copied / "instruction.md").write_text("<!-- a CANARY of x -->\n# canary\n\n# Title\nDo it. canary\n")
    assert load_task(copied).instruction == "# Title\nDo it. canary"


def test_an_image_goes_without_a_dockerfile(copied: Path) -> None:
    shutil.rmtree(copied / "environment")
    with pytest.raises(UsageError, match="environment: missing"):
        load_task(copied)
    (copied / "environment").mkdir()
    with pytest.raises(UsageError, match="Dockerfile: missing"):
        load_task(copied)
    (copied / "task.toml").write_text("[environment]\ndocker_image = 'busybox:local'\n")
    (copied / "environment").rmdir()
    assert load_task(copied).needs_docker


def test_one_that_is_unsupported_is_reported_and_the_others_load(copied: Path) -> None:
    other = Path(shutil.copytree(copied, copied.parent / "steps"))
    (other / "task.toml").write_text("[[steps]]\nname = 'first'\n")
    messages: list[tuple[str, str]] = []
    found = load_tasks(copied.parent, left_out=lambda name, error: messages.append((name, error.message)))
    assert [task.name for task in found] == ["fill-json"]
    ((name, why),) = messages
    assert name == "steps"
    assert "several steps" in why
    with pytest.raises(UsageError, match="several steps"):
        load_tasks(copied.parent, ["steps"], left_out=lambda name, error: messages.append((name, error.message)))
    shutil.rmtree(copied)
    with pytest.raises(UsageError, match="several steps"):
        load_tasks(copied.parent, left_out=lambda name, error: messages.append((name, error.message)))


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


APP = "/app"


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("FROM scratch\n", ImageLayout(APP, ())),
        ("FROM scratch\nWORKDIR /app\nCOPY . .\n", ImageLayout(APP, (CopyInstruction((".",), ".", True),))),
        (
            "# a\nfrom x\nCopy a.py \\\n  b.py src/\n",
            ImageLayout(APP, (CopyInstruction(("a.py", "b.py"), "src", True),)),
        ),
        (
            "FROM x\nWORKDIR /app/src\nCOPY a.py b.py\nWORKDIR ..\n",
            ImageLayout(APP, (CopyInstruction(("a.py",), "src/b.py", False),)),
        ),
        ("FROM x\nRUN pip install numpy\n", None),
        ("FROM x\nCOPY a.py /etc/a.py\n", None),
        ("FROM x\nCOPY ../a.py .\n", None),
        ("FROM x\nCOPY --chown=1 a.py .\n", None),
        ('FROM x\nCOPY ["a b.py", "."]\n', None),
        ("FROM x AS y\nCOPY a .\n", None),
        ("FROM x\nFROM y\n", None),
        ("FROM x\nWORKDIR /srv\n", ImageLayout("/srv", ())),
        ("FROM x\nCOPY a /srv/a\nWORKDIR /srv\n", ImageLayout("/srv", (CopyInstruction(("a",), "a", False),))),
        (
            "FROM x\nWORKDIR /root\nWORKDIR project\nCOPY a .\n",
            ImageLayout("/root/project", (CopyInstruction(("a",), ".", True),)),
        ),
        ("FROM x\nWORKDIR /srv/../opt/\n", ImageLayout("/opt", ())),
        ("FROM x\nWORKDIR /srv\nCOPY a /srv2/a\n", None),
        ("FROM x\nWORKDIR /\n", None),
        ("FROM x\nWORKDIR /usr/src/app\n", None),
        ("FROM x\nWORKDIR /tests\n", None),
        ("FROM x\nWORKDIR $HOME\n", None),
        ("FROM x\nENV A=b C='d e'\nENV F g h\n", ImageLayout(APP, (), (("A", "b"), ("C", "d e"), ("F", "g h")))),
        ("FROM x\nENV PATH=/opt/bin:$PATH\n", None),
        ('FROM x\nLABEL a=b\nEXPOSE 80\nCMD ["sh"]\n', ImageLayout(APP, ())),
        ("FROM x\nUSER nobody\n", None),
        ('FROM x\nENTRYPOINT ["sh"]\n', None),
        ("FROM x\nCOPY 'a .\n", None),
        ("", None),
    ],
)
def test_which_dockerfiles_only_copy(tmp_path: Path, text: str, layout: ImageLayout | None) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text(text)
    assert read_layout(path) == layout


def test_a_workdir_that_the_task_names_goes_before_that_of_its_dockerfile(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("FROM x\nWORKDIR /app\nCOPY a sub/a\n")
    assert read_layout(path, "/app/sub") == ImageLayout("/app/sub", (CopyInstruction(("a",), "a", False),))
    assert read_layout(path, "/srv") is None, "its files lie outside the workspace"
    (tmp_path / ".dockerignore").write_text("*.log\n")
    assert read_layout(path) is None


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
    assert facts["metadata"].keys() - {"needs"} == {"family", "answer", "gate", "verdict"}
    assert facts["metadata"]["verdict"] == task.decides == "exit-code"
    assert facts["verifier"].keys() == facts["agent"].keys() == {"timeout_sec"}
    assert facts["environment"] == {"network_mode": "no-network"}
    for shared in ("gatelib.py", "test.sh"):
        assert (root / "tests" / shared).read_bytes() == (libraries / shared).read_bytes()
    assert ("replylib" in (root / "tests" / "gate.py").read_text()) == (root / "tests" / "replylib.py").exists()
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


@pytest.mark.formats
def test_the_builtin_tasks_are_tasks_of_harbor(tmp_path: Path) -> None:
    """By Harbor's own check of a folder, and by its own reader of them."""
    paths = [str(load_task(BUILTIN / name).path) for name in NAMES]
    script = (
        "import sys\nfrom harbor.models.task.task import Task\n"
        "print(sum(Task.is_valid_dir(path) and len(Task(path).instruction) > 0 for path in sys.argv[1:]))\n"
    )
    done = subprocess.run(
        [HARBOR_PYTHON, "-c", script, *paths], capture_output=True, text=True, timeout=120, check=True
    )
    assert int(done.stdout) == len(NAMES)
