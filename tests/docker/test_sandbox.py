"""The tiers docker and podman, for real, and a task of Harbor's kind whose Dockerfile does more than copy."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from onbox.bench.environments import environment_of
from onbox.bench.sandbox import Bind, CommandSpec, ReachableServer, StopSign
from onbox.bench.sandbox.box_image import NAME
from onbox.bench.sandbox.choose import VARIABLE, by_name, choose
from onbox.bench.sandbox.container import ContainerSandbox
from onbox.bench.sandbox.interior import PROCESSES
from onbox.bench.sandbox.probes import probe
from onbox.bench.tasks import load_task
from onbox.bench.tools import Toolbox
from onbox.errors import BoxError
from tests.dockerd import DOCKER, busybox_tar
from tests.e2e.cli import environment, onbox, scripted, verdict_of
from tests.programs.bench.sandbox.place import ASK, echoing

pytestmark = [pytest.mark.docker, pytest.mark.timeout(180)]


@pytest.fixture(scope="module", params=["docker", pytest.param("podman", marks=pytest.mark.podman)])
def tier(request: pytest.FixtureRequest) -> Iterator[ContainerSandbox]:
    """The tier, with the tests' own daemon or store behind it."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "docker":
            patch.setenv("DOCKER_HOST", request.getfixturevalue("dockerd").host)
            patch.setenv("PATH", f"{Path(DOCKER).parent}:{os.environ['PATH']}")
        else:
            for name, value in request.getfixturevalue("podman").variables.items():
                patch.setenv(name, value)
        patch.setenv(VARIABLE, request.param)
        made = choose()
        assert isinstance(made, ContainerSandbox)
        yield made


def run(tier: ContainerSandbox, folder: Path, *argv: str, **options: object) -> tuple[int | None, str]:
    bind = Bind(folder, "/app", writable=True)
    done = tier.run(CommandSpec(argv, binds={"APP_DIR": bind}, cwd="APP_DIR", **{"timeout_s": 30.0, **options}))  # type: ignore[arg-type]
    return done.exit_code, done.output.decode().strip()


LEFT_OPEN = {"docker": {"io_uring_setup", "AF_VSOCK"}, "podman": {"keyctl", "AF_VSOCK"}}
"""What the filters of docker 20.10 and podman 4.3 let through; `docs/sandbox.md` says so, and `SANDBOX_HELD` warns."""


def test_all_probes_hold_but_for_what_their_own_filters_leave_open(tier: ContainerSandbox) -> None:
    report = probe(tier)
    assert report.name == tier.name
    assert report.bounds is not None
    assert (report.bounds.memory_of, report.bounds.processes) == ("command", PROCESSES)
    open_ones = {made.name: made.detail for made in report.probes if not made.held}
    assert set(open_ones) <= {"call_kernel"}, open_ones
    answering = open_ones.get("call_kernel", "").removeprefix("the kernel answers: ")
    assert set(filter(None, answering.split(", "))) <= LEFT_OPEN[tier.name]
    assert len(report.probes) == 18


def test_a_command_works_in_the_workspace_and_says_how_it_ended(tier: ContainerSandbox, tmp_path: Path) -> None:
    script = "echo $APP_DIR $HOME; cat; echo made > file; exit 3"
    assert run(tier, tmp_path, "sh", "-c", script, stdin=b"heard") == (3, "/app /home/agent\nheard")
    assert (tmp_path / "file").read_text() == "made\n"
    assert run(tier, tmp_path, "no-such-command")[0] == 127
    assert run(tier, tmp_path, "sh", "-c", "kill -9 $$")[0] == 137


def test_it_is_killed_at_its_time_and_by_a_stop_sign(tier: ContainerSandbox, tmp_path: Path) -> None:
    assert run(tier, tmp_path, "sleep", "60", timeout_s=2.0)[0] is None
    with StopSign() as stop:
        threading.Timer(1.0, stop.show).start()
        assert run(tier, tmp_path, "sleep", "60", stop=stop)[0] is None
    assert tier.client.ask("ps", "--all", "--quiet") == ""


def test_a_hog_is_stopped_at_its_bound_and_reported_as_one(tier: ContainerSandbox, tmp_path: Path) -> None:
    """In 64 MiB: neither a command of its own nor a child behind a shell that goes on gets more."""
    little = CommandSpec([], {"APP_DIR": Bind(tmp_path, "/app")}, "APP_DIR", 30.0, memory_bytes=32 << 20)
    hog = "x = b'x' * (1 << 30); print('had it')"
    done = tier.run(replace(little, argv=["python3", "-c", hog]))
    assert (done.exit_code, done.out_of_memory) == (137, True)
    assert b"had it" not in done.output
    done = tier.run(replace(little, argv=["sh", "-c", f'python3 -c "{hog}"; echo on']))
    assert (done.exit_code, done.out_of_memory) == (0, True)
    assert b"on\n" in done.output
    done = tier.run(replace(little, argv=["python3", "-c", "print('little')"]))
    assert (done.exit_code, done.out_of_memory, done.output) == (0, False, b"little\n")


@pytest.mark.parametrize("where", ["/app", "/root-of-its-own"])
def test_a_disk_that_is_filled_by_many_files_ends_the_command(
    tier: ContainerSandbox, tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the workspace, and in the root of a task's own image, which can be written and is gone afterwards."""
    monkeypatch.setattr("onbox.bench.sandbox.disk_watch.BYTES_MAX", 32 << 20)
    if where != "/app":
        tier.client.ask("import", "-", "busybox:own", stdin=busybox_tar())
        tier = tier.of_image("busybox:own")
    fills = f"mkdir -p {where}; cd {where}; for n in $(seq 400); do head -c 1048576 /dev/zero > f$n; sleep 0.02; done"
    bind = Bind(tmp_path, "/app", writable=True)
    done = tier.run(CommandSpec(["sh", "-c", fills], binds={"APP_DIR": bind}, cwd="APP_DIR", timeout_s=120))
    assert (done.exit_code, done.over_disk) == (None, True)


def test_a_model_learns_that_its_command_ran_out_of_memory(tier: ContainerSandbox, tmp_path: Path) -> None:
    tight = replace(tier.bounds, memory_bytes=64 << 20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tier, "bounds", tight)
        tools = Toolbox(tmp_path, tier, command_s=30.0)
        message = tools.call("bash", json.dumps({"command": "python3 -c \"x = b'x' * (1 << 30)\""}))
    assert "[out of memory: a process was killed]" in message


def test_processes_are_bounded(tier: ContainerSandbox, tmp_path: Path) -> None:
    script = (
        "import os, time\nmade = 0\ntry:\n"
        f"    while made < {2 * PROCESSES}:\n"
        "        if os.fork() == 0:\n            time.sleep(60)\n        made += 1\n"
        "except OSError:\n    pass\nprint(made)\n"
    )
    code, message = run(tier, tmp_path, "python3", "-c", script)
    assert code == 0
    assert PROCESSES // 2 < int(message) < PROCESSES


def test_one_server_is_within_reach(tier: ContainerSandbox, tmp_path: Path) -> None:
    (tmp_path / "proxy").mkdir()
    path = tmp_path / "proxy" / "server.sock"
    with echoing(path) as port:
        code, message = run(tier, tmp_path, "python3", "-c", ASK, str(port), reach=ReachableServer(port, path))
    assert (code, message) == (0, "HELLO")


def test_a_network_is_there_only_where_it_is_let_in(tier: ContainerSandbox, tmp_path: Path) -> None:
    count = ("grep", "-c", ":", "/proc/net/dev")
    assert run(tier, tmp_path, *count) == (0, "1")
    assert run(tier, tmp_path, *count, network=True) == (0, str(Path("/proc/net/dev").read_text().count(":")))


def test_the_root_of_a_task_s_own_image_can_be_written_and_is_fresh_each_time(
    tier: ContainerSandbox, tmp_path: Path
) -> None:
    tier.client.ask("import", "-", "busybox:own", stdin=busybox_tar())
    own = tier.of_image("busybox:own")
    assert run(own, tmp_path, "sh", "-c", "echo made > /www/made && cat /www/made") == (0, "made")
    assert run(own, tmp_path, "sh", "-c", "[ -e /www/made ]")[0] == 1
    assert run(tier, tmp_path, "sh", "-c", "echo made > /made")[0] != 0


def test_what_an_onbox_that_is_gone_left_behind_is_removed(tier: ContainerSandbox) -> None:
    (image,) = tier.client.ask("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", NAME).split()
    ended = subprocess.Popen(["true"])
    ended.wait()
    tier.client.ask(
        "create", "--pull", "never", "--network", "none", "--label", f"onbox.owner={ended.pid}", image, "true"
    )
    by_name(tier.name)
    assert tier.client.ask("ps", "--all", "--quiet") == ""


@pytest.fixture
def harbor_task(tier: ContainerSandbox, tmp_path: Path) -> Path:
    """A task whose environment is made by commands, and whose gate runs in that environment."""
    tier.client.ask("import", "-", "busybox:task", stdin=busybox_tar())
    task = tmp_path / "tasks" / "made-by-run"
    for name, text in {
        "instruction.md": "Fill in the file `config.json`. It must say that the port is 8080.",
        "task.toml": 'schema_version = "1.4"\n[metadata]\nverdict = "exit-code"\n'
        "[verifier]\ntimeout_sec = 60.0\n[agent]\ntimeout_sec = 60.0\n",
        "environment/Dockerfile": "FROM busybox:task\nWORKDIR /app\n"
        "RUN echo '{}' > config.json && echo word > /mark && "
        "echo 'exec sh \"$@\"' > /bin/bash && busybox chmod 755 /bin/bash\n",
        "tests/test.sh": "grep=$(cat $APP_DIR/config.json)\n[ -f /mark ] || exit 2\n"
        'case "$grep" in *8080*) exit 0;; esac\necho "REASON: FAIL_PORT"\nexit 1\n',
        "solution/solve.sh": "echo '{\"port\": 8080}' > $APP_DIR/config.json\n",
    }.items():
        (task / name).parent.mkdir(parents=True, exist_ok=True)
        (task / name).write_text(text)
    return task


def test_a_missing_base_image_is_named_and_never_fetched(tier: ContainerSandbox, harbor_task: Path) -> None:
    dockerfile = harbor_task / "environment" / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace("busybox:task", "busybox:nowhere"))
    with pytest.raises(BoxError, match="FROM busybox:nowhere: not on this box"):
        environment_of(load_task(harbor_task), tier)


@pytest.mark.bwrap
def test_another_tier_refuses_it_and_says_what_to_set(harbor_task: Path) -> None:
    with scripted("good") as url:
        done = onbox("bench", url, "--tasks", harbor_task, env=environment(**{VARIABLE: "bubblewrap"}))
    assert done.returncode == 3
    assert "ONBOX_SANDBOX=docker" in done.stderr


@pytest.mark.bwrap
def test_a_task_with_an_image_of_its_own(tier: ContainerSandbox, harbor_task: Path, tmp_path: Path) -> None:
    """The workspace comes out of the image, commands and gate run in it, and nothing is fetched."""
    out = tmp_path / "bench"
    with scripted("good") as url:
        done = onbox("bench", url, "--tasks", harbor_task, "--no-audit", "--runs", "1", "--out", out, timeout_s=150)
    assert done.returncode == 0, done.stderr
    (result,) = verdict_of(out)["runs"]
    assert result["code"] == "PASS", result
    (record,) = (json.loads(path.read_text()) for path in out.glob("*/runs/*/*/*/run.json"))
    assert record["sandbox"]["name"] == tier.name
    report = record["sandbox"]["bounds"]
    assert {name: report[name] for name in asdict(tier.bounds)} == asdict(tier.bounds)
    assert report["disk_bytes"] == 8 << 30
    assert record["quality"]["reference"] == {"files": 1, "lines_added": 1, "lines_removed": 1}

    # Judged again, in the image too: by itself in the tier of the plan, and refused where that is not asked for.
    free = {name: value for name, value in environment().items() if name != VARIABLE}
    again = onbox("regrade", out, "--json", env=free)
    report = json.loads(again.stdout)
    assert (report["changed"], report["not_run"], report["runs"]) == ([], [], 1), again.stderr
    assert json.loads((out / "regrade.jsonl").read_text().splitlines()[-1])["sandbox"] == tier.name
    elsewhere = onbox("regrade", out, "--json", env={**free, VARIABLE: "bubblewrap"})
    assert "needs Docker" in json.loads(elsewhere.stdout)["not_run"][0]["why"]
    gate = harbor_task / "tests" / "test.sh"
    gate.write_text('[ -f /mark ] || exit 2\necho "REASON: STRICTER"\nexit 1\n')
    (changed,) = json.loads(onbox("regrade", out, "--json", env=free).stdout)["changed"]
    assert (changed["code_was"], changed["code_now"], changed["now"]["reason"]) == ("PASS", "F-GATE", "STRICTER")
