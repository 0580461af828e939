"""The supervisor with real processes: whatever dies, and however, nothing is left behind."""

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

from onbox.evidence.records import GuardStopped, MemoryLogLine
from onbox.supervisor import SUPERVISOR
from onbox.supervisor.guard import MemorySample
from onbox.supervisor.memory_log import MemoryLog
from onbox.supervisor.settings import MemoryLimits, Settings
from tests.doubles.waiting import gone, until

SLEEP = "import time; print('up', flush=True); time.sleep(600)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
SOURCE = Path(__file__).parents[3] / "src"
QUICK_SUPERVISOR = (
    f"import sys; sys.path.append({str(SOURCE)!r}); from onbox.supervisor import supervise; supervise.GRACE_S = 0.2; "
    "sys.exit(supervise.main(sys.argv[1:]))"
)


class SupervisorClient:
    """A supervisor with its engine, which is a Python one-liner."""

    def __init__(self, log: Path, code: str, **more: Any) -> None:
        self.log = log
        settings = Settings(log=str(log), **more).to_json()
        engine = [sys.executable, "-I", "-S", "-c", code]
        command = [sys.executable, "-I", "-S", "-c", QUICK_SUPERVISOR, settings, "--", *engine]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid: int = self.hear()["pid"]

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        result: dict[str, Any] = json.loads(self.process.stdout.readline())
        return result

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

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
def keep(tmp_path: Path) -> Iterator[Callable[..., SupervisorClient]]:
    kept: list[SupervisorClient] = []

    def start(code: str, **more: Any) -> SupervisorClient:
        kept.append(SupervisorClient(tmp_path / "engine.log", code, **more))
        return kept[-1]

    yield start
    for each in kept:
        each.process.kill()
        with each.process:
            pass
        with suppress(ProcessLookupError):
            os.killpg(each.pid, signal.SIGKILL)


Keep = Callable[..., SupervisorClient]


def test_the_end_of_the_lifeline_asks_the_engine_to_stop(keep: Keep) -> None:
    kept = keep(SLEEP)
    kept.until_log("up")
    kept.cut_lifeline()
    assert kept.hear() == {"exit": -signal.SIGTERM, "how": "asked"}
    assert kept.process.wait(60) == 0
    assert gone(kept.pid)


def test_an_engine_that_ignores_term_is_killed(keep: Keep) -> None:
    kept = keep(DEAF)
    kept.until_log("up")
    kept.cut_lifeline()
    assert kept.hear() == {"exit": -signal.SIGKILL, "how": "killed"}
    assert gone(kept.pid)


def test_an_engine_that_dies_at_once_is_reported_with_all_its_output(keep: Keep) -> None:
    kept = keep("import sys; print('one\\r\\ntwo'); sys.stderr.write('no end of line'); sys.exit(3)")
    assert kept.hear() == {"exit": 3, "how": "died"}
    assert kept.process.wait(60) == 0
    assert sorted(kept.lines()) == ["no end of lineone", "two"] or sorted(kept.lines()) == [
        "no end of line",
        "one",
        "two",
    ]


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    settings = Settings(log=str(tmp_path / "log")).to_json()
    command = [sys.executable, "-I", "-S", SUPERVISOR, settings, "--", "/no/such/engine"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=True)
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


def test_a_talkative_grandchild_in_its_own_session_dies_too(keep: Keep) -> None:
    talk = "import time\nwhile True: print('still here', flush=True); time.sleep(0.01)"
    kept = keep(
        "import subprocess, sys; "
        f"print('child', subprocess.Popen([sys.executable, '-c', {talk!r}], start_new_session=True).pid, flush=True)"
    )
    child = int(kept.until_log(r"child (\d+)")[1])
    assert kept.hear() == {"exit": 0, "how": "died"}
    assert kept.process.wait(60) == 0
    assert gone(child)


def test_after_the_handover_the_end_of_the_lifeline_means_nothing(keep: Keep, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    kept = keep(SLEEP, state_file=str(state), afterwards=(("touch", str(tmp_path / "brought back")),))
    kept.tell("phase serving")
    kept.tell("stay")
    until(lambda: state.exists() and json.loads(state.read_text())["state"] == "serving")
    kept.cut_lifeline()
    with pytest.raises(subprocess.TimeoutExpired):
        kept.process.wait(0.5)
    assert not gone(kept.pid)
    os.kill(kept.pid, signal.SIGKILL)
    assert kept.process.wait(60) == 0
    noted = json.loads(state.read_text())
    assert (noted["state"], noted["how"], noted["exit"]) == ("stopped", "died", -signal.SIGKILL)
    assert noted["engine"]["pid"] == kept.pid
    until((tmp_path / "brought back").exists)


def test_stop_ends_an_engine_that_was_handed_over(keep: Keep) -> None:
    kept = keep(SLEEP)
    kept.tell("stay")
    kept.tell("stop")
    assert kept.hear() == {"exit": -signal.SIGTERM, "how": "asked"}


def test_the_log_shows_the_phase(keep: Keep, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    code = "import time; print('weights: reading', flush=True); time.sleep(600)"
    keep(code, state_file=str(state), landmarks=(("load", "^weights: "), ("kv", "^cache")))
    until(lambda: state.exists() and json.loads(state.read_text()).get("phase") == "load")


def test_memory_is_kept_every_few_seconds_and_a_bad_file_costs_nothing(tmp_path: Path) -> None:
    looks = tmp_path / "memory.jsonl"
    kept = MemoryLog(str(looks))
    for tenth in range(101):
        kept.take(MemorySample(t_s=tenth / 10, available_bytes=100 - tenth, own_bytes=tenth))
    found = [MemoryLogLine.model_validate_json(line) for line in looks.read_text().splitlines()]
    events = [(look.t_s, look.available_bytes, look.own_bytes) for look in found]
    assert events == [(0, 100, 0), (5, 50, 50), (10, 0, 100)]
    MemoryLog(str(tmp_path / "nowhere" / "memory.jsonl")).take(MemorySample(0.0, 1, None))
    MemoryLog(None).take(MemorySample(0.0, 1, None))


def test_an_engine_under_guard_leaves_looks_at_memory(keep: Keep, tmp_path: Path) -> None:
    looks = tmp_path / "memory.jsonl"
    kept = keep(SLEEP, limits=MemoryLimits(reserve_bytes=1), memory_file=str(looks))
    until(lambda: looks.is_file() and looks.read_text().endswith("\n"))
    found = MemoryLogLine.model_validate_json(looks.read_text().splitlines()[0])
    assert found.available_bytes > 1
    kept.tell("stop")


def test_the_guard_kills_at_once_and_writes_what_it_saw(keep: Keep, tmp_path: Path) -> None:
    # A reserve that no box has: the first look finds it breached, and what was seen by then is in the file.
    limits = MemoryLimits(reserve_bytes=1 << 60)
    kept = keep(DEAF, limits=limits, guard_file=str(tmp_path / "guard.json"))
    assert kept.hear() == {"exit": -signal.SIGKILL, "how": "guard"}
    observation = GuardStopped.model_validate_json((tmp_path / "guard.json").read_bytes())
    assert observation.kind == "breached"
    assert observation.limits.reserve_bytes == 1 << 60
    assert observation.gone_s is not None
    assert [holder.pid for holder in observation.holders if holder.ours] == [kept.pid]
    assert observation.own_bytes == next(holder.bytes for holder in observation.holders if holder.ours)
    assert observation.available_bytes in [available for _, available, *_ in observation.trace]
    assert gone(kept.pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills a child with its parent")
def test_kill_9_of_the_supervisor_kills_the_engine(keep: Keep) -> None:
    kept = keep(DEAF)
    kept.until_log("up")
    kept.process.kill()
    until(lambda: gone(kept.pid))


def test_kill_9_of_onbox_ends_supervisor_and_engine(tmp_path: Path) -> None:
    log = tmp_path / "engine.log"
    onbox = (
        "import subprocess, sys; "
        "supervisor = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE); "
        "print(supervisor.pid, flush=True); print(supervisor.stdout.readline().decode(), flush=True); supervisor.wait()"
    )
    settings = Settings(log=str(log)).to_json()
    kept = [sys.executable, "-I", "-S", SUPERVISOR, settings, "--", sys.executable, "-I", "-S", "-c", SLEEP]
    with subprocess.Popen([sys.executable, "-c", onbox, *kept], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        supervisor, engine = int(parent.stdout.readline()), json.loads(parent.stdout.readline())["pid"]
        until(lambda: "up" in log.read_text())
        parent.kill()
        parent.wait()
        until(lambda: gone(engine) and gone(supervisor))


def test_the_phase_of_a_bar_that_never_moves_again_is_noticed(keep: Keep, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    bar = "\\rCapturing CUDA graphs:   0%| 0/83"
    kept = keep(
        f"import sys, time; sys.stderr.write('{bar}'); sys.stderr.flush(); time.sleep(60)",
        state_file=str(state),
        landmarks=(("capture", "Capturing CUDA graphs"),),
    )
    until(lambda: state.exists() and json.loads(state.read_text()).get("phase") == "capture")
    assert kept.lines() == ["Capturing CUDA graphs:   0%| 0/83"]
