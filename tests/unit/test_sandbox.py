"""Each tier against what a command may try, on the real kernel."""

import contextlib
import json
import os
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import psutil
import pytest

from onbox.bench.sandbox import MEMORY_BYTES, Bind, Completed, Reach, Sandbox, StopSign
from onbox.bench.sandbox.bubblewrap import Bubblewrap
from onbox.bench.sandbox.choose import VARIABLE, choose, working
from onbox.bench.sandbox.interior import FILE_BYTES, PROCESSES
from onbox.bench.sandbox.none import Unsafe
from onbox.bench.sandbox.probes import probe
from onbox.bench.sandbox.sandlock import Sandlock
from onbox.errors import BoxError, UsageError

CLOSED = [pytest.param(Bubblewrap, marks=pytest.mark.bwrap), Sandlock]
ALL = [*CLOSED, Unsafe]


class Place:
    """A sandbox with a writable workspace, read-only tests and a host file outside both."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.workspace, self.tests = folder / "workspace", folder / "tests"
        for made in (self.workspace, self.tests):
            made.mkdir()
        (self.tests / "gate.sh").write_text("exit 0\n")
        self.outside = folder / "outside.txt"
        self.outside.write_text("a secret of the host")

    def run(
        self,
        *argv: str,
        timeout_s: float = 10,
        env: dict[str, str] | None = None,
        stdin: bytes = b"",
        output_limit_bytes: int = 65_536,
    ) -> Completed:
        binds = {"APP_DIR": Bind(self.workspace, "/app", writable=True), "TESTS_DIR": Bind(self.tests, "/tests")}
        return self.sandbox.run(
            argv,
            binds=binds,
            cwd="APP_DIR",
            timeout_s=timeout_s,
            env=env,
            stdin=stdin,
            output_limit_bytes=output_limit_bytes,
        )

    def shell(self, script: str, *, timeout_s: float = 10) -> Completed:
        return self.run("sh", "-c", script, timeout_s=timeout_s)


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    try:
        sandbox = working(request.param)
    except BoxError as error:
        reason = f"{error.message}: {error.next_step}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return Place(sandbox, tmp_path)


def in_tiers(tiers: list[object]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("place", tiers, indirect=True)


def alive(marker: str) -> list[int]:
    """The processes of this box with `marker` in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if marker.encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def wait_for(condition: Callable[[], object], patience_s: float = 5) -> bool:
    until = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


@pytest.fixture
def marker() -> Iterator[str]:
    """A number of seconds that no other process sleeps; whoever still sleeps it at the end is killed."""
    name = f"8{os.getpid()}.{time.monotonic_ns()}"
    yield name
    for pid in alive(name):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


# ---------------------------------------------------------------- what a command gets


@in_tiers(ALL)
def test_exit_code_and_output(place: Place) -> None:
    done = place.shell("echo to out; echo to err >&2; exit 3")
    assert done.exit_code == 3
    assert done.output == b"to out\nto err\n"
    assert not done.truncated


@in_tiers(ALL)
def test_missing_command_is_127_and_a_signal_is_128_more(place: Place) -> None:
    assert place.run("no-such-command").exit_code == 127
    assert place.shell("kill -TERM $$").exit_code == 128 + signal.SIGTERM


@in_tiers(ALL)
@pytest.mark.parametrize("word", ["a\0b", "\ud83d", "x" * (1 << 17)], ids=["zero", "half", "long"])
def test_words_that_no_kernel_takes_are_126(place: Place, word: str) -> None:
    assert place.run("echo", word).exit_code == 126
    assert place.run("true", env={"WORD": word}).exit_code == 126
    assert place.run("echo", "x" * ((1 << 17) - 100)).exit_code == 0


@in_tiers(ALL)
def test_a_folder_that_is_not_there_is_a_box_error(place: Place) -> None:
    place.workspace.rmdir()
    with pytest.raises(BoxError):
        place.run("true")


@in_tiers(ALL)
def test_arguments_arrive_as_they_are(place: Place) -> None:
    arguments = ["a b", "$HOME", "'", '"', "", "*", "-x"]
    program = "import json, sys; print(json.dumps(sys.argv[1:]))"
    done = place.run("python3", "-I", "-S", "-c", program, *arguments)
    assert json.loads(done.output) == arguments


@in_tiers(ALL)
def test_stdin_arrives_and_ends(place: Place) -> None:
    data = bytes(range(256)) * 4_000
    done = place.run("cat", stdin=data, output_limit_bytes=2_000_000)
    assert done.output == data


@in_tiers(ALL)
def test_stdin_that_nobody_reads_is_no_error(place: Place) -> None:
    assert place.run("true", stdin=b"x" * 1_000_000).exit_code == 0


@in_tiers(ALL)
def test_output_is_cut_at_its_limit_and_the_command_goes_on(place: Place) -> None:
    done = place.run("sh", "-c", "head -c 1000000 /dev/zero; touch finished", output_limit_bytes=1_000)
    assert done.exit_code == 0
    assert done.output == bytes(1_000)
    assert done.truncated
    assert (place.workspace / "finished").exists()


@in_tiers(ALL)
def test_environment_is_clean(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    done = place.run("env", env={"EXTRA": "1"})
    names = {line.partition("=")[0] for line in done.output.decode().splitlines()}
    assert b"hunter2" not in done.output
    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {
        *("PATH", "HOME", "TMPDIR", "LANG", "USER", "GIT_CONFIG_NOSYSTEM"),
        *("EXTRA", "APP_DIR", "TESTS_DIR"),
    }


@in_tiers(CLOSED)
def test_no_process_in_sight_shows_the_environment_of_onbox(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    done = place.shell("cat /proc/[0-9]*/environ; true")
    assert b"APP_DIR=" in done.output
    assert b"hunter2" not in done.output


@in_tiers(ALL)
def test_binds_are_where_the_variables_say(place: Place) -> None:
    done = place.shell('test "$(pwd -P)" = "$APP_DIR" && cat "$TESTS_DIR/gate.sh" && echo new > "$APP_DIR/file"')
    assert (done.exit_code, done.output) == (0, b"exit 0\n")
    assert (place.workspace / "file").read_text() == "new\n"


@pytest.mark.bwrap
@in_tiers([Bubblewrap])
def test_bubblewrap_shows_binds_at_their_targets(place: Place) -> None:
    assert place.shell('echo "$APP_DIR $TESTS_DIR"').output == b"/app /tests\n"


@in_tiers(ALL)
def test_python_is_the_base_interpreter(place: Place) -> None:
    program = "import sys; print(sys.version); print(sys.prefix == sys.base_prefix)"
    for name in ("python3", "python"):
        done = place.run(name, "-c", program)
        assert done.output.decode().splitlines() == [*sys.version.splitlines(), "True"]


@in_tiers(ALL)
def test_home_and_scratch_are_private_and_fresh(place: Place) -> None:
    script = 'ls -A "$HOME" "$TMPDIR" | grep kept; mktemp >/dev/null && touch "$HOME/kept" "$TMPDIR/kept" && echo ok'
    assert [place.shell(script).output for _ in range(2)] == [b"ok\n", b"ok\n"]


@in_tiers(ALL)
def test_git_works_in_the_workspace(place: Place) -> None:
    done = place.shell("git init -q . && touch a && git add a && git -c user.name=a -c user.email=a commit -qm a")
    assert (done.exit_code, done.output) == (0, b"")


# ---------------------------------------------------------------- what a command must not do


@in_tiers(CLOSED)
def test_probes_hold(place: Place) -> None:
    report = probe(place.sandbox)
    assert report.name == place.sandbox.name
    assert report.version
    assert len(report.probes) == 6
    assert [question for question in report.probes if not question.held] == []


@in_tiers(CLOSED)
def test_probes_tell_of_modes_that_landlock_does_not_govern(place: Place) -> None:
    details = [question.detail for question in probe(place.sandbox).probes if question.detail]
    assert ["mode" in detail for detail in details] == ([True] if place.sandbox.name == "sandlock" else [])


@in_tiers([Unsafe])
def test_probes_tell_when_nothing_holds(place: Place) -> None:
    report = probe(place.sandbox)
    assert [question.name for question in report.probes if question.held] == []
    assert all(question.detail for question in report.probes)


def test_a_probe_that_could_not_be_tried_has_not_held() -> None:
    class Mute(Unsafe):
        def run(self, *_: object, **__: object) -> Completed:
            return Completed(exit_code=0, output=b"", truncated=False, seconds=0.0)

    report = probe(Mute())
    assert [question.held for question in report.probes] == [False] * 6
    assert "could not be tried" in report.probes[0].detail


@in_tiers(CLOSED)
def test_read_only_binds_cannot_be_changed(place: Place) -> None:
    script = """
        cd "$TESTS_DIR"
        echo x >> gate.sh; rm -f gate.sh; mv gate.sh moved; mkdir new; ln -s /etc/passwd link; : > gate.sh
        mv gate.sh "$APP_DIR/"; cp "$APP_DIR/own" gate.sh; ln gate.sh "$APP_DIR/hard" && echo x >> "$APP_DIR/hard"
    """
    (place.workspace / "own").write_text("mine")
    place.shell(script)
    assert {path.name: path.read_text() for path in place.tests.iterdir()} == {"gate.sh": "exit 0\n"}


@in_tiers(CLOSED)
def test_a_link_to_a_host_file_leads_nowhere(place: Place) -> None:
    (place.workspace / "planted").symlink_to(place.outside)
    done = place.shell(f"ln -s {place.outside} made; cat planted made; echo x > planted; echo x > made")
    assert b"secret" not in done.output
    assert place.outside.read_text() == "a secret of the host"


@in_tiers(CLOSED)
def test_no_capabilities_and_no_new_privileges(place: Place) -> None:
    lines = place.run("cat", "/proc/self/status").output.decode().splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == int(status["CapAmb"], 16) == 0
    assert status["NoNewPrivs"] == "1"


@in_tiers(CLOSED)
def test_no_socket_of_the_host_answers(place: Place, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as named, socket.socket(socket.AF_UNIX) as abstract:
        named.bind(str(tmp_path / "host.sock"))
        abstract.bind(f"\0onbox-{os.getpid()}")
        program = """
import socket, sys
for address in sys.argv[1], "\\0" + sys.argv[2]:
    try:
        socket.socket(socket.AF_UNIX).connect(address)
    except OSError as error:
        print("refused")
"""
        for listener in (named, abstract):
            listener.listen()
        done = place.run("python3", "-I", "-S", "-c", program, str(tmp_path / "host.sock"), f"onbox-{os.getpid()}")
    assert done.output == b"refused\nrefused\n"


@in_tiers(CLOSED)
def test_limits_are_those_of_the_house(place: Place) -> None:
    lines = place.run("cat", "/proc/self/limits").output.decode().splitlines()
    hard = {line[:26].strip(): line[47:68].strip() for line in lines}
    assert hard["Max file size"] == str(FILE_BYTES)
    assert hard["Max address space"] == str(MEMORY_BYTES)
    assert hard["Max core file size"] == "0"
    assert int(hard["Max cpu time"]) >= 10
    if place.sandbox.name == "bubblewrap":
        assert hard["Max processes"] == str(PROCESSES)


@in_tiers(CLOSED)
def test_files_and_memory_are_bounded(place: Place) -> None:
    assert place.shell("truncate -s 2G huge").exit_code != 0
    assert not (place.workspace / "huge").exists() or (place.workspace / "huge").stat().st_size < 2 << 30
    program = "import mmap; mmap.mmap(-1, 64 << 30)"
    assert place.run("python3", "-I", "-S", "-c", program).exit_code != 0


# ---------------------------------------------------------------- nothing is left


@in_tiers(CLOSED)
def test_time_limit_kills_children_that_left_and_ignore_term(place: Place, marker: str) -> None:
    script = f"trap '' TERM HUP INT; (setsid sh -c 'trap \"\" TERM; sleep {marker}; :' &) ; touch up; sleep {marker}"
    started = time.monotonic()
    done = place.shell(script, timeout_s=0.7)
    assert done.exit_code is None
    assert 0.7 <= done.seconds < 3
    assert time.monotonic() - started < 5
    assert (place.workspace / "up").exists()
    assert alive(marker) == []


@in_tiers(CLOSED)
def test_a_normal_end_kills_what_was_left_behind(place: Place, marker: str) -> None:
    done = place.shell(f"(setsid sleep {marker} </dev/null >/dev/null 2>&1 &); setsid sleep {marker} & echo left")
    assert (done.exit_code, done.output) == (0, b"left\n")
    assert alive(marker) == []


@in_tiers([Unsafe])
def test_without_a_sandbox_the_group_dies_at_the_time_limit(place: Place, marker: str) -> None:
    done = place.shell(f"trap '' TERM; sleep {marker} & sleep {marker}", timeout_s=0.3)
    assert done.exit_code is None
    assert wait_for(lambda: alive(marker) == [])


@in_tiers(CLOSED)
def test_nothing_survives_when_onbox_is_killed(place: Place, marker: str) -> None:
    script = f"trap '' TERM HUP; (setsid sleep {marker} &); setsid sh -c 'sleep {marker}; :' & sleep {marker}"
    program = f"""
from pathlib import Path
from onbox.bench.sandbox import Bind
from {type(place.sandbox).__module__} import {type(place.sandbox).__name__} as Tier
binds = {{"APP_DIR": Bind(Path({str(place.workspace)!r}), "/app", writable=True)}}
Tier().run(["sh", "-c", {script!r}], binds=binds, cwd="APP_DIR", timeout_s=60)
"""
    # The program comes by its input, so that only the sandboxed processes carry the marker.
    onbox = subprocess.Popen([sys.executable, "-"], stdin=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path()})
    assert onbox.stdin is not None
    onbox.stdin.write(program.encode())
    onbox.stdin.close()
    try:
        assert wait_for(lambda: len([pid for pid in alive(marker) if comm(pid) == "sleep"]) == 3)
    finally:
        onbox.kill()
        onbox.wait()
    assert wait_for(lambda: alive(marker) == [])


# Where onbox may be killed while bubblewrap starts: what the program does in the place of what stands there.
POINTS = {
    "bwrap was just started": "subprocess.Popen = killed_after(subprocess.Popen, 0)",
    "half a millisecond later": "subprocess.Popen = killed_after(subprocess.Popen, 0.0005)",
    "before it is let go": "bubblewrap.tighten = kill",
    "just let go": "bubblewrap.attend = kill",
    "a millisecond after that": "bubblewrap.attend = lambda *_, **__: (time.sleep(0.001), kill())",
}


@in_tiers([Bubblewrap])
@pytest.mark.parametrize("point", POINTS)
def test_nothing_survives_when_onbox_is_killed_while_the_sandbox_starts(place: Place, marker: str, point: str) -> None:
    """bubblewrap binds itself to its parent's life a little after its start; whoever dies before that leaves it."""
    program = f"""
import os, subprocess, time
from pathlib import Path
from onbox.bench.sandbox import Bind, bubblewrap
def kill(*_, **__):
    os.kill(os.getpid(), 9)
def killed_after(real, seconds):
    def start(*given, **more):
        process = real(*given, **more)
        time.sleep(seconds)
        kill()
    return start
tier = bubblewrap.Bubblewrap()
binds = {{"APP_DIR": Bind(Path({str(place.workspace)!r}), "/app", writable=True)}}
assert tier.run(["true"], binds=binds, cwd="APP_DIR", timeout_s=60).exit_code == 0
{POINTS[point]}
tier.run(["sleep", {marker!r}], binds=binds, cwd="APP_DIR", timeout_s=60)
"""
    for _ in range(4):
        onbox = subprocess.run(
            [sys.executable, "-"], input=program.encode(), env={**os.environ, "PYTHONPATH": path()}, check=False
        )
        assert onbox.returncode == -signal.SIGKILL
        # Quiet for a while, not just now: a process that is about to start has no command line of its own yet.
        assert wait_for(lambda: alive(marker) == [])
        time.sleep(0.2)
        assert alive(marker) == []


@in_tiers([Bubblewrap])
def test_the_sweeper_ends_with_an_orderly_end(place: Place) -> None:
    program = f"""
import psutil
from pathlib import Path
from onbox.bench.sandbox import Bind
from onbox.bench.sandbox.bubblewrap import Bubblewrap
binds = {{"APP_DIR": Bind(Path({str(place.workspace)!r}), "/app")}}
for _ in range(2):
    Bubblewrap().run(["true"], binds=binds, cwd="APP_DIR", timeout_s=60)
print(*(child.pid for child in psutil.Process().children()))
"""
    done = subprocess.run(
        [sys.executable, "-"], input=program.encode(), capture_output=True, env={**os.environ, "PYTHONPATH": path()}
    )
    (sweeper,) = map(int, done.stdout.split())
    assert not Path("/proc", str(sweeper)).exists()


def test_the_keeper_ends_every_descendant_by_itself(marker: str) -> None:
    script = f"trap '' TERM; (setsid sh -c 'sleep {marker}; :' &); sleep {marker}; :"
    program = f"""
import subprocess, sys
from onbox.bench.sandbox.sandlock_keeper import end_descendants, inherit_orphans
inherit_orphans()
subprocess.Popen(["sh", "-c", {script!r}])
sys.stdin.read()
end_descendants()
print("ended")
"""
    environ = {**os.environ, "PYTHONPATH": path()}
    argv = [sys.executable, "-c", program]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ) as keeper:
        assert wait_for(lambda: len([pid for pid in alive(marker) if comm(pid) == "sleep"]) == 2)
        output, _ = keeper.communicate(timeout=10)
    assert output == b"ended\n"
    assert alive(marker) == []


def comm(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def path() -> str:
    return os.pathsep.join(entry for entry in sys.path if entry)


@in_tiers(ALL)
def test_no_descriptors_and_no_children_are_left(place: Place) -> None:
    def held() -> tuple[list[Path], set[int]]:
        # Engines that other tests share are children too.
        return sorted(Path("/proc/self/fd").iterdir()), {child.pid for child in psutil.Process().children()}

    place.run("true")
    before = held()
    for _ in range(3):
        place.run("true")
    assert held() == before


# ---------------------------------------------------------------- the choice


def test_unknown_tier_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("none", "chroot"):
        monkeypatch.setenv(VARIABLE, name)
        with pytest.raises(UsageError, match=VARIABLE):
            choose(unsafe=True)


@in_tiers(CLOSED)
def test_a_tier_can_be_forced(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, place.sandbox.name)
    assert choose().name == place.sandbox.name


def test_a_broken_bubblewrap_is_detected(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text(
        '#!/bin/sh\ncase "$1" in --version) echo bubblewrap 0.8.0;; --help) :;;\n'
        "*) echo 'bwrap: No permissions to create new namespace' >&2; exit 1;; esac\n"
    )
    broken.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: str(broken))
    monkeypatch.setenv(VARIABLE, "bubblewrap")
    with pytest.raises(BoxError, match="No permissions to create new namespace"):
        choose()


def test_without_any_tier_it_refuses_with_every_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> str:
        raise PackageNotFoundError

    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    monkeypatch.setattr("onbox.bench.sandbox.sandlock.version", missing)
    with pytest.raises(BoxError) as raised:
        choose()
    assert "bubblewrap is not installed" in raised.value.message
    assert "sandlock is not installed" in raised.value.message
    assert "apt install bubblewrap" in raised.value.next_step
    assert choose(unsafe=True).name == "none"


# ---------------------------------------------------------------- an agent's run


ASK = """
import socket, sys
for port in sys.argv[1:]:
    try:
        with socket.create_connection(("127.0.0.1", int(port)), timeout=2) as connection:
            connection.sendall(b"hello")
            connection.shutdown(socket.SHUT_WR)
            print(connection.makefile().read())
    except OSError as error:
        print(type(error).__name__)
"""


@contextlib.contextmanager
def echoing(socket_path: Path) -> Iterator[int]:
    """A server on a port of loopback and on a Unix socket that says in capitals what it hears."""

    class Echo(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            said = b""
            while data := self.request.recv(100):
                said += data
            self.request.sendall(said.upper())

    with (
        socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as tcp,
        socketserver.ThreadingUnixStreamServer(str(socket_path), Echo) as unix,
    ):
        for server in (tcp, unix):
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield tcp.server_address[1]
        tcp.shutdown()
        unix.shutdown()


@in_tiers(CLOSED)
def test_one_server_is_within_reach_and_no_other(place: Place, tmp_path: Path) -> None:
    (tmp_path / "proxy").mkdir()
    path = tmp_path / "proxy" / "server.sock"
    with echoing(path) as port, socket.create_server(("127.0.0.1", 0)) as other:
        done = place.sandbox.run(
            ["python3", "-c", ASK, str(port), str(other.getsockname()[1])],
            binds={"APP_DIR": Bind(place.workspace, "/app", writable=True)},
            cwd="APP_DIR",
            timeout_s=10,
            reach=Reach(port, path),
        )
        other.setblocking(False)
        with pytest.raises(BlockingIOError):
            other.accept()
    heard, refused = done.output.decode().split()
    assert (heard, done.exit_code) == ("HELLO", 0)
    assert refused.endswith("Error")


@in_tiers(CLOSED)
def test_the_exit_code_comes_through_the_bridge(place: Place, tmp_path: Path) -> None:
    (tmp_path / "proxy").mkdir()
    with echoing(tmp_path / "proxy" / "server.sock") as port:
        for script, code in (("exit 5", 5), ("kill -9 $$", 137)):
            done = place.sandbox.run(
                ["sh", "-c", script],
                binds={"APP_DIR": Bind(place.workspace, "/app", writable=True)},
                cwd="APP_DIR",
                timeout_s=10,
                reach=Reach(port, tmp_path / "proxy" / "server.sock"),
            )
            assert done.exit_code == code


@in_tiers(ALL)
def test_a_stop_sign_ends_the_whole_tree(place: Place, marker: str) -> None:
    with StopSign() as stop:
        threading.Timer(0.5, stop.show).start()
        done = place.sandbox.run(
            ["sh", "-c", f"sleep {marker} & wait"],
            binds={"APP_DIR": Bind(place.workspace, "/app", writable=True)},
            cwd="APP_DIR",
            timeout_s=60,
            stop=stop,
        )
    assert done.exit_code is None
    assert done.seconds < 30
    assert wait_for(lambda: not alive(marker))


@in_tiers(ALL)
def test_a_bind_is_found_where_the_sandbox_says(place: Place) -> None:
    bind = Bind(place.workspace, "/app", writable=True)
    assert place.run("sh", "-c", "echo $APP_DIR").output.decode().strip() == place.sandbox.place(bind)
