"""`onbox watch` on real processes, and the collectors on what they must and must not take for progress."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from onbox.watch.collect import Collector, Target
from onbox.watch.recording import Header, Recorder, WatchRecording
from onbox.watch.samples import NO_DAEMON, Process, WatchSample
from onbox.watch.stacks import py_spy
from tests.doubles.waiting import gone, until
from tests.e2e.cli import onbox_here

ONBOX = (sys.executable, "-m", "onbox")
PYTHON = os.path.realpath(sys.executable)
DEADLOCK = """
import threading, time
one, two = threading.Lock(), threading.Lock()
def takes_both(first, second):
    with first:
        time.sleep(0.5)
        with second: pass
threading.Thread(target=takes_both, args=(two, one)).start()
takes_both(one, two)
"""


FIRST_THREAD_DIES = """
import ctypes, os, threading, time
def goes_on():
    time.sleep(3)
    os._exit(0)
threading.Thread(target=goes_on).start()
ctypes.CDLL(None).pthread_exit(None)
"""


@contextmanager
def process(*argv: str, **options: Any) -> Iterator["subprocess.Popen[bytes]"]:
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, start_new_session=True, **options)
    try:
        yield child
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait(60)


def looks(pid: int, seconds: float, **target: Any) -> list[WatchSample]:
    """One look every half a second."""
    collector = Collector(Target(pids=(pid,), **target))
    try:
        found = []
        for _ in range(int(seconds * 2)):
            found.append(collector.sample())
            time.sleep(0.5)
        return found
    finally:
        collector.close()


def last_processes(observations: list[WatchSample]) -> tuple[Process, ...]:
    """Those of the last look that told of any: a look at sleepers tells nothing new."""
    return next(each.processes for each in reversed(observations) if each.processes is not None)


def watched(*arguments: str, timeout_s: float = 60.0) -> tuple[int, list[dict[str, Any]]]:
    """The exit code of `onbox watch --json`, and what it printed."""
    done = subprocess.run([*ONBOX, "watch", "--json", *arguments], capture_output=True, timeout=timeout_s, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


class TestCommand:
    def test_one_that_ends_well(self) -> None:
        code, result = watched("--", PYTHON, "-c", "print('working')")
        assert code == 0
        assert (result[-1]["state"], result[-1]["evidence"]["exit_code"]) == ("done", 0)
        assert result[-1]["evidence"]["last_line"] == "working"
        assert set(result[-1]) == {"t", "state", "phase", "evidence"}

    def test_one_that_fails(self) -> None:
        code, result = watched("--", PYTHON, "-c", "import time; time.sleep(1.5); raise SystemExit(7)")
        assert code == 1
        assert (result[-1]["state"], result[-1]["evidence"]["exit_code"]) == ("dead", 7)

    @pytest.mark.slow
    @pytest.mark.alone
    def test_a_deadlock_is_hung_with_its_stacks_and_stopped_if_that_was_asked(self, tmp_path: Path) -> None:
        record = tmp_path / "seen.jsonl.gz"
        arguments = ("--patience", "8", "--stop-hung", "--record", str(record))
        code, result = watched(*arguments, "--", PYTHON, "-c", DEADLOCK)
        assert code == 1
        last = result[-1]
        assert last["state"] == "hung"
        assert last["t"] < 8 + 2
        names = {each["name"] for each in last["evidence"]["witnesses"] if each["since_s"] > 4}
        assert {"counters", "threads", "log"} <= names
        if py_spy() is not None:
            assert "stacks" in names
            assert any("takes_both" in line for line in last["evidence"]["stacks"])
        replayed = watched("--patience", "8", "--replay", str(record))[1]
        assert [(each["t"], each["state"]) for each in replayed] == [(each["t"], each["state"]) for each in result]

    @pytest.mark.alone
    def test_nothing_is_stopped_unasked_and_a_killed_watch_leaves_nothing(self, tmp_path: Path) -> None:
        pid_file = tmp_path / "pid"
        code = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(100)"
        with process(*ONBOX, "watch", "--patience", "3", "--", PYTHON, "-c", code, stdout=subprocess.PIPE) as watch:
            assert watch.stdout is not None
            lines = []
            while "hung" not in (line := watch.stdout.readline().decode()):
                lines.append(line)
            pid = int(pid_file.read_text())
            os.kill(pid, 0)
            watch.kill()
            watch.wait(60)
            assert until(lambda: gone(pid))
        assert any("progressing" in line for line in lines), "lines for a pipe"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name one thing to watch"),
        (("--pid", "1", "--replay", "x"), "name one thing to watch"),
        (("--pid", "4194304"), "no such process"),
        (("--replay", "nosuch"), "no such recording"),
        (("--stop-hung", "--pid", "1"), "only a command after -- can be stopped"),
        (("--container", "nosuch"), "nosuch"),
    ],
)
def test_a_mistake_is_one_line(arguments: tuple[str, ...], message: str) -> None:
    done = onbox_here("watch", *arguments)
    assert done.returncode in (2, 3)
    assert message in done.stderr.splitlines()[0]
    assert "Traceback" not in done.stderr


class TestCollector:
    def test_a_recording_holds_what_was_observed(self, tmp_path: Path) -> None:
        with process(PYTHON, "-c", "import time; time.sleep(60)") as child:
            observation = looks(child.pid, 2)
        path = tmp_path / "r.jsonl.gz"
        with Recorder(path, Header(title="x")) as recorder:
            for each in observation:
                recorder.write(each)
        assert list(WatchRecording(path)) == observation

    def test_a_process_whose_first_thread_is_dead_has_not_ended(self) -> None:
        """The kernel says Z of it, as of a program of many threads that is dying; its exit code is not there yet."""
        with process(PYTHON, "-c", FIRST_THREAD_DIES) as child:
            until(lambda: "State:\tZ" in Path(f"/proc/{child.pid}/status").read_text())
            collector = Collector(Target(pids=(child.pid,), exit_code=child.poll))
            try:
                assert not collector.sample().ended
                until(lambda: child.poll() is not None)
                last = until(lambda: (sample := collector.sample()).ended and sample)
            finally:
                collector.close()
        assert last.exit_code == 0

    def test_a_grandchild_whose_parent_is_gone_is_found_by_its_session(self) -> None:
        with process("/bin/sh", "-c", "(sleep 60 &); exec sleep 61") as child:
            observation = last_processes(looks(child.pid, 2))
        assert [each.name for each in observation] == ["sleep", "sleep"]

    def test_bytes_that_others_send_to_it_are_no_progress(self) -> None:
        """Our own looks at a server are traffic too."""
        with socket.create_server(("127.0.0.1", 0)) as elsewhere:
            port = elsewhere.getsockname()[1]
            code = f"""
import socket, threading
server = socket.create_server(("127.0.0.1", 0)); print(server.getsockname()[1], flush=True)
out = socket.create_connection(("127.0.0.1", {port}))
def serve():
    link, _ = server.accept()
    while link.recv(65536): pass
threading.Thread(target=serve).start()
while out.recv(65536): pass
"""
            with process(PYTHON, "-c", code, stdout=subprocess.PIPE) as child:
                assert child.stdout is not None
                own = int(child.stdout.readline())
                link, _ = elsewhere.accept()
                with link, socket.create_connection(("127.0.0.1", own)) as question:
                    question.sendall(b"q" * 9000)
                    link.sendall(b"x" * 5000)
                    observations = [each.sockets for each in looks(child.pid, 2) if each.sockets is not None]
        assert [each.received_bytes for each in observations[-1]] == [5000]

    @pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
    def test_an_ordinary_user_learns_what_cannot_be_read(self) -> None:
        with process("/bin/sleep", "60") as child:
            reading, writing = os.pipe()
            forked = os.fork()
            if forked == 0:
                try:
                    os.setgid(65534)
                    os.setuid(65534)
                    first = last_processes(looks(child.pid, 1))[0]
                    result = {"chars": first.chars, "rss": first.rss_bytes, "cannot": looks(child.pid, 1)[0].cannot}
                    os.write(writing, json.dumps(result).encode())
                finally:
                    os._exit(0)
            os.waitpid(forked, 0)
            os.close(writing)
            with os.fdopen(reading) as pipe:
                result = json.load(pipe)
        assert result["chars"] is None
        assert result["rss"] > 0
        assert result["cannot"] == ["reads and writes of sleep: not ours to see"]

    def test_a_client_without_its_daemon_is_known_to_be_blind(self) -> None:
        """A name is enough to be taken for a client."""
        code = "import ctypes, time; ctypes.CDLL(None).prctl(15, b'docker', 0, 0, 0); time.sleep(60)"
        environment = {**os.environ, "DOCKER_HOST": "tcp://192.0.2.1:2375"}
        with process(PYTHON, "-c", code, env=environment) as child:
            observation = looks(child.pid, 2)
        roles = {each.role for sample in observation for each in sample.processes or ()}
        lines = [note for sample in observation for note in sample.cannot or ()]
        assert "daemon" not in roles
        assert NO_DAEMON in lines
