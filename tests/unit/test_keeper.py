"""The keeper with real processes: whatever dies, and however, nothing is left behind."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from onbox.standup.keeper import KEEPER
from tests.doubles.waiting import gone, until

SLEEP = "import time; print('up', flush=True); time.sleep(600)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
QUICK_KEEPER = (
    f"import sys; sys.path.insert(0, {str(Path(KEEPER).parent)!r}); import keeper; keeper.GRACE_S = 0.2; "
    "sys.exit(keeper.main(sys.argv[1:]))"
)


class Kept:
    """A keeper with its engine, which is a Python one-liner."""

    def __init__(self, log: Path, code: str) -> None:
        self.log = log
        command = [sys.executable, "-I", "-S", "-c", QUICK_KEEPER, str(log), "--", sys.executable, "-I", "-S", "-c"]
        self.process = subprocess.Popen([*command, code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid: int = self.hear()["pid"]

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        said: dict[str, Any] = json.loads(self.process.stdout.readline())
        return said

    def cut_lifeline(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def lines(self) -> list[str]:
        """The log without its stamps."""
        return [line[36:] for line in self.log.read_text().splitlines()]

    def until_log(self, pattern: str) -> re.Match[str]:
        match: re.Match[str] = until(lambda: re.search(pattern, self.log.read_text()))
        return match


@pytest.fixture
def keep(tmp_path: Path) -> Iterator[Callable[[str], Kept]]:
    kept: list[Kept] = []

    def start(code: str) -> Kept:
        kept.append(Kept(tmp_path / "engine.log", code))
        return kept[-1]

    yield start
    for each in kept:
        each.process.kill()
        with each.process:
            pass
        with suppress(ProcessLookupError):
            os.killpg(each.pid, signal.SIGKILL)


Keep = Callable[[str], Kept]


def test_the_end_of_the_lifeline_asks_the_engine_to_stop(keep: Keep) -> None:
    kept = keep(SLEEP)
    kept.until_log("up")
    kept.cut_lifeline()
    assert kept.hear() == {"exit": -signal.SIGTERM, "how": "asked"}
    assert kept.process.wait(10) == 0
    assert gone(kept.pid)


def test_an_engine_that_ignores_term_is_killed(keep: Keep) -> None:
    kept = keep(DEAF)
    kept.until_log("up")
    kept.cut_lifeline()
    assert kept.hear() == {"exit": -signal.SIGKILL, "how": "killed"}
    assert gone(kept.pid)


def test_an_engine_that_dies_at_once_is_reported_with_all_it_said(keep: Keep) -> None:
    kept = keep("import sys; print('one\\r\\ntwo'); sys.stderr.write('no end of line'); sys.exit(3)")
    assert kept.hear() == {"exit": 3, "how": "died"}
    assert kept.process.wait(10) == 0
    assert sorted(kept.lines()) == ["no end of lineone", "two"] or sorted(kept.lines()) == [
        "no end of line",
        "one",
        "two",
    ]


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    command = [sys.executable, "-I", "-S", KEEPER, str(tmp_path / "log"), "--", "/no/such/engine"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=True)
    assert json.loads(done.stdout) == {"error": "/no/such/engine: No such file or directory"}


def test_each_line_has_the_wall_clock_and_the_seconds_since_the_start(keep: Keep) -> None:
    kept = keep("import time; print('first', flush=True); time.sleep(0.3); print('second')")
    kept.hear()
    stamped = [
        re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})Z \+ *(\d+\.\d{3}) (\w+)", line)
        for line in kept.log.read_text().splitlines()
    ]
    first, second = (match.groups() for match in stamped if match)
    assert (first[2], second[2]) == ("first", "second")
    assert first[0] < second[0]
    assert float(second[1]) - float(first[1]) > 0.1


def test_nothing_of_a_flood_of_lines_is_lost(keep: Keep) -> None:
    kept = keep("import sys; [sys.stdout.write(f'line {n}\\n') for n in range(50_000)]")
    assert kept.hear()["exit"] == 0
    assert kept.lines() == [f"line {n}" for n in range(50_000)]


def test_grandchildren_of_the_group_die_with_an_engine_that_died(keep: Keep) -> None:
    kept = keep("import subprocess; print('child', subprocess.Popen(['sleep', '600']).pid, flush=True)")
    assert kept.hear() == {"exit": 0, "how": "died"}
    child = int(kept.until_log(r"child (\d+)")[1])
    until(lambda: gone(child))


def test_grandchildren_of_the_group_die_with_an_engine_that_was_asked(keep: Keep) -> None:
    kept = keep(
        "import subprocess, time; "
        "print('child', subprocess.Popen(['sh', '-c', \"trap '' TERM; sleep 600\"]).pid, flush=True); time.sleep(600)"
    )
    child = int(kept.until_log(r"child (\d+)")[1])
    kept.cut_lifeline()
    assert kept.hear()["how"] == "asked"
    until(lambda: gone(child))


def test_a_talkative_grandchild_in_its_own_session_does_not_hide_that_the_engine_died(keep: Keep) -> None:
    talk = "import time\nwhile True: print('still here', flush=True); time.sleep(0.01)"
    kept = keep(
        "import subprocess, sys; "
        f"print('child', subprocess.Popen([sys.executable, '-c', {talk!r}], start_new_session=True).pid, flush=True)"
    )
    child = int(kept.until_log(r"child (\d+)")[1])
    try:
        assert kept.hear() == {"exit": 0, "how": "died"}
        assert kept.process.wait(10) == 0
    finally:
        os.kill(child, signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills a child with its parent")
def test_kill_9_of_the_keeper_kills_the_engine(keep: Keep) -> None:
    kept = keep(DEAF)
    kept.until_log("up")
    kept.process.kill()
    until(lambda: gone(kept.pid))


def test_kill_9_of_onbox_ends_keeper_and_engine(tmp_path: Path) -> None:
    log = tmp_path / "engine.log"
    onbox = (
        "import subprocess, sys; "
        "keeper = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE); "
        "print(keeper.pid, flush=True); print(keeper.stdout.readline().decode(), flush=True); keeper.wait()"
    )
    kept = [sys.executable, "-I", "-S", KEEPER, str(log), "--", sys.executable, "-I", "-S", "-c", SLEEP]
    with subprocess.Popen([sys.executable, "-c", onbox, *kept], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        keeper, engine = int(parent.stdout.readline()), json.loads(parent.stdout.readline())["pid"]
        until(lambda: "up" in log.read_text())
        parent.kill()
        parent.wait()
        until(lambda: gone(engine) and gone(keeper))
