"""Harbor itself and onbox run the oracle of the same tasks, in containers of the same daemon and in bubblewrap.

`docs/harbor.md` holds the table of what both said. Harbor takes some five seconds for each task, so that it is given
two of each kind; `ONBOX_HARBOR=all` gives it all of them, and writes the table again.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from onbox.bench.audit.subject import AuditSubject
from onbox.bench.environments import environment_of
from onbox.bench.gate import grade
from onbox.bench.sandbox.bubblewrap import Bubblewrap
from onbox.bench.sandbox.container import ContainerSandbox
from onbox.bench.tasks import load_task
from onbox.errors import OnboxError
from onbox.evidence.records import GateEnd
from tests.dockerd import DOCKER, Dockerd
from tests.harbor_tasks import CASES, IMAGE, READY, Case
from tests.parts import COMPOSE, HARBOR_PYTHON, ROOT

pytestmark = [
    pytest.mark.docker,
    pytest.mark.bwrap,
    pytest.mark.formats,
    pytest.mark.slow,
    pytest.mark.timeout(2400),
]

PAGE = ROOT / "docs" / "harbor.md"
ALL = os.environ.get("ONBOX_HARBOR") == "all"
OF_A_KIND = len(CASES) if ALL else 2
AT_A_TIME = 3
NO_BRIDGE = "services:\n  main:\n    network_mode: none\n    stop_grace_period: 0s\n"
"""This daemon has no bridge, and a shell that sleeps hears no signal to stop."""
NO_BRIDGE_TO_BUILD = NO_BRIDGE + "    build:\n      network: none\n"


@dataclass(frozen=True)
class Said:
    """What became of one task in Harbor.

    Args:
        rewards: None where there were none.
        exception: its type; empty where there was none.
    """

    rewards: Mapping[str, float] | None
    exception: str


def given_to_harbor() -> list[Case]:
    kinds = defaultdict[str, list[Case]](list)
    for case in CASES:
        kinds[case.kind].append(case)
    return [case for cases in kinds.values() for case in cases[:OF_A_KIND]]


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of those that are built, and one of those that come with a ready image."""
    home = tmp_path_factory.mktemp("tasks")
    for case in CASES:
        case.write(home / folder_of(case))
    return home


def folder_of(case: Case) -> str:
    return "ready" if READY in case.files["task.toml"] else "built"


@pytest.fixture(scope="module")
def docker(dockerd: Dockerd) -> Iterator[ContainerSandbox]:
    """The daemon with both images, and the tier of containers in it."""
    dockerd.docker("import", "-c", 'CMD ["/bin/sh"]', "-", IMAGE, stdin=shell_tar())
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "Dockerfile").write_text(f"FROM {IMAGE}\nWORKDIR /data\nRUN echo given > word\n")
        dockerd.docker("build", "--network", "none", "--tag", READY, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", dockerd.host)
        patch.setenv("PATH", f"{Path(DOCKER).parent}:{os.environ['PATH']}")
        yield ContainerSandbox("docker")


def shell_tar() -> bytes:
    """The root of an image with busybox for all tools, and the box's own bash: Harbor needs one."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("bin", "usr/bin", "tmp", "proc", "sys", "dev", "etc", "root", "opt", "srv", "home"):
            (root / name).mkdir(parents=True)
        shutil.copy("/bin/busybox", root / "bin" / "busybox")
        for applet in subprocess.run(["/bin/busybox", "--list"], capture_output=True, check=True).stdout.split():
            place = root / "bin" / applet.decode()
            if not place.exists():
                place.symlink_to("busybox")
        (root / "usr" / "bin" / "env").symlink_to("/bin/busybox")
        shutil.copy("/bin/bash", root / "bin" / "bash")
        for word in subprocess.run(["ldd", "/bin/bash"], capture_output=True, check=True, text=True).stdout.split():
            if word.startswith("/"):
                (root / word.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(word, root / word.lstrip("/"))
        (root / "etc" / "passwd").write_text("root:x:0:0::/root:/bin/bash\nnobody:x:65534:65534::/tmp:/bin/sh\n")
        (root / "etc" / "group").write_text("root:x:0:\nnogroup:x:65534:\n")
        return subprocess.run(["tar", "-C", folder, "-c", "."], capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def in_harbor(docker: ContainerSandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Said]:
    """The oracle of the tasks in Harbor's own containers, by name; what Harbor takes for no task is not there."""
    out = tmp_path_factory.mktemp("jobs")
    for case in given_to_harbor():
        case.write(out / "tasks" / folder_of(case))
    quiet = {"HARBOR_TELEMETRY": "0", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "DO_NOT_TRACK": "1"}
    for folder, overlay in (("built", NO_BRIDGE_TO_BUILD), ("ready", NO_BRIDGE)):
        extra = out / f"{folder}.yaml"
        extra.write_text(overlay)
        command = [
            HARBOR_PYTHON,
            "-m",
            "harbor.cli.main",
            "run",
            "-p",
            out / "tasks" / folder,
            "-a",
            "oracle",
            "-e",
            "docker",
        ]
        command += ["-o", out / folder, "-n", AT_A_TIME, "-q", "-y", "--extra-docker-compose", extra]
        done = subprocess.run(
            [str(word) for word in command],
            env={**os.environ, **quiet, "DOCKER_CONFIG": str(COMPOSE), "HOME": str(out)},
            capture_output=True,
            timeout=1500,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
    found = {}
    for path in out.glob("*/*/*/result.json"):
        trial = json.loads(path.read_text())
        verified, exception = trial["verifier_result"], trial["exception_info"]
        rewards = None if verified is None else verified["rewards"]
        found[Path(trial["task_id"]["path"]).name] = Said(
            rewards, "" if exception is None else exception["exception_type"]
        )
    return found


def by_onbox(
    case: Case,
    folder: Path,
    docker: ContainerSandbox,
    scratch: Path,
    tier: type[Bubblewrap | ContainerSandbox] = Bubblewrap,
) -> GateEnd | OnboxError:
    """The oracle of a task in onbox: in bubblewrap where copying is enough, in a container where it is not."""
    try:
        task = load_task(folder)
        sandbox = docker if case.docker or tier is ContainerSandbox else Bubblewrap()
        assert case.docker or not task.needs_docker, case.name
        environment_of(task, sandbox)
        subject = AuditSubject(task, sandbox, scratch)
        left = subject.oracle()
        return grade(task, left.app, left.reply, subject.sandbox)
    except OnboxError as error:
        return error


@pytest.fixture(scope="module")
def in_onbox(
    docker: ContainerSandbox, tasks: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, GateEnd | OnboxError]:
    scratch = tmp_path_factory.mktemp("onbox")
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        ends = pool.map(
            lambda case: by_onbox(case, tasks / folder_of(case) / case.name, docker, scratch / case.name), CASES
        )
        return dict(zip((case.name for case in CASES), ends, strict=True))


def test_there_are_enough_of_enough_kinds() -> None:
    run = [case for case in CASES if not case.refused]
    assert len(run) >= 60
    assert len({case.kind for case in run}) >= 12


def test_harbor_says_what_is_written_here(in_harbor: dict[str, Said]) -> None:
    expected = {case.name: case.rewards for case in given_to_harbor() if not case.skipped}
    assert {name: outcome.rewards for name, outcome in in_harbor.items()} == expected


def test_onbox_gets_the_same_rewards(in_onbox: dict[str, GateEnd | OnboxError]) -> None:
    expected = {case.name: case.rewards or {} for case in CASES if not case.refused}
    ends = {name: end for name in expected if isinstance(end := in_onbox[name], GateEnd)}
    assert [(name, in_onbox[name]) for name in expected if name not in ends] == []
    assert {name: end.rewards for name, end in ends.items()} == expected


@pytest.mark.parametrize("kind", ["another WORKDIR", "variables", "/logs"])
def test_containers_of_the_box_say_the_same(docker: ContainerSandbox, tasks: Path, tmp_path: Path, kind: str) -> None:
    """Where copying is enough a container shows the box's own system, as bubblewrap does."""
    for case in (case for case in CASES if case.kind == kind):
        end = by_onbox(case, tasks / folder_of(case) / case.name, docker, tmp_path / case.name, ContainerSandbox)
        assert isinstance(end, GateEnd), (case.name, end)
        assert end.rewards == case.rewards, case.name


def test_a_pass_is_a_full_reward(in_onbox: dict[str, GateEnd | OnboxError]) -> None:
    for case in (case for case in CASES if not case.refused):
        end, counts = in_onbox[case.name], case.rewards or {}
        assert isinstance(end, GateEnd)
        if "reward" in counts or len(counts) == 1:
            value = counts["reward"] if "reward" in counts else next(iter(counts.values()))
            assert (end.exit_code, end.reward_min) == (int(value < 1), {next(iter(end.reward_min)): 1.0}), case.name
        else:
            assert end.exit_code in (None, 3), case.name
            assert end.reason.startswith("GATE_FAULT"), case.name


def test_what_is_refused_is_named(in_onbox: dict[str, GateEnd | OnboxError]) -> None:
    for case in (case for case in CASES if case.refused):
        end = in_onbox[case.name]
        assert isinstance(end, OnboxError), case.name
        assert case.refused in end.message, case.name


def test_the_page_holds_both_results(in_harbor: dict[str, Said], in_onbox: dict[str, GateEnd | OnboxError]) -> None:
    head, mark, rest = PAGE.read_text("utf-8").partition("<!-- table -->\n")
    _, end, tail = rest.partition("<!-- end of the table -->\n")
    assert mark
    assert end
    if ALL:
        rows = [_row(case, in_harbor.get(case.name), in_onbox[case.name]) for case in CASES]
        PAGE.write_text(f"{head}{mark}{_counts()}\n{HEAD}{''.join(rows)}{end}{tail}", "utf-8")
    page = PAGE.read_text("utf-8")
    assert _counts() in page
    rows = page.partition(HEAD)[2].splitlines(keepends=True)[: len(CASES)]
    harbor = {case.name for case in given_to_harbor()}
    for case, row in zip(CASES, rows, strict=True):
        if case.name in harbor:
            assert row == _row(case, in_harbor.get(case.name), in_onbox[case.name])
        else:
            outcome = Said(case.rewards, "") if case.rewards else None
            assert row.startswith(_row(case, outcome, in_onbox[case.name]).rsplit("|", 3)[0])
            assert row.endswith(f"| {_here(case, in_onbox[case.name])} |\n"), "ONBOX_HARBOR=all writes it again"


HEAD = "| task | kind | in | Harbor | onbox |\n|---|---|---|---|---|\n"


def _counts() -> str:
    """A row a kind."""
    kinds = defaultdict[str, list[Case]](list)
    for case in CASES:
        kinds[case.kind].append(case)
    lines = ["| kind | tasks | same | refused by onbox |", "|---|---|---|---|"]
    for kind, cases in (*kinds.items(), ("all", CASES)):
        refused = sum(bool(case.refused) for case in cases)
        lines.append(f"| {kind} | {len(cases)} | {len(cases) - refused} | {refused} |")
    return "\n".join(lines) + "\n"


def _row(case: Case, outcome: Said | None, end: GateEnd | OnboxError) -> str:
    harbor = "no task" if outcome is None else _rewards(outcome.rewards) or outcome.exception or "no reward"
    where = "docker" if case.docker else "bubblewrap"
    return f"| `{case.name}` | {case.kind} | {where} | {harbor} | {_here(case, end)} |\n"


def _here(case: Case, end: GateEnd | OnboxError) -> str:
    return f"refused: {case.refused}" if isinstance(end, OnboxError) else _verdict(end)


def _rewards(rewards: Mapping[str, float] | None) -> str:
    return ", ".join(f"{key} {value:g}" for key, value in (rewards or {}).items())


def _verdict(end: GateEnd) -> str:
    words = {0: "passed", 1: "not passed"}.get(-1 if end.exit_code is None else end.exit_code, "no verdict")
    return f"{_rewards(end.rewards)}: {words}" if end.rewards else words
