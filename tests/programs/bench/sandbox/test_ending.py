"""Nothing that was started in a sandbox is left, however it ends."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from onbox.bench.sandbox import Bind, CommandSpec, StopSign
from onbox.bench.sandbox.bubblewrap import Bubblewrap
from onbox.bench.sandbox.none import Unsafe
from tests.programs.bench.sandbox.place import ALL, CLOSED, Place, alive, in_tiers, wait_for


@in_tiers(CLOSED)
def test_time_limit_kills_children_that_left_and_ignore_term(place: Place, marker: str) -> None:
    script = f"trap '' TERM HUP INT; (setsid sh -c 'trap \"\" TERM; sleep {marker}; :' &) ; touch up; sleep {marker}"
    started = time.monotonic()
    # Long enough for a sandbox to start on a busy box.
    done = place.shell(script, timeout_s=3.0)
    assert done.exit_code is None
    assert 3.0 <= done.seconds < 6
    assert time.monotonic() - started < 10
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
    assert alive(marker) == []


@in_tiers([Unsafe])
def test_without_a_sandbox_too_what_waits_for_a_processor_to_die_on_is_waited_for(place: Place) -> None:
    """It is killed at once, and gone when its turn comes: it shares a processor with others, and holds no pipe."""
    processor = min(os.sched_getaffinity(0))
    on_one = f"import os; os.sched_setaffinity(0, {{{processor}}})"
    own = f"{on_one}; open('here', 'w').write(str(os.getpid()))\nwhile True: pass"
    spin = [sys.executable, "-c", f"{on_one}\nwhile True: pass"]
    # Each in a session of its own, between which Linux shares a processor out.
    others = [subprocess.Popen(spin, start_new_session=True) for _ in range(16)]
    try:
        script = f'{sys.executable} -c "{own}" >/dev/null 2>&1 & until [ -s here ]; do sleep 0.01; done'
        done = place.shell(script, timeout_s=30)
        pid = int((place.workspace / "here").read_text())
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    finally:
        for other in others:
            other.kill()
            other.wait()
    assert done.exit_code == 0


@in_tiers(CLOSED)
def test_nothing_survives_when_onbox_is_killed(place: Place, marker: str) -> None:
    script = f"trap '' TERM HUP; (setsid sleep {marker} &); setsid sh -c 'sleep {marker}; :' & sleep {marker}"
    program = f"""
from pathlib import Path
from onbox.bench.sandbox import Bind, CommandSpec
from {type(place.sandbox).__module__} import {type(place.sandbox).__name__} as Tier
binds = {{"APP_DIR": Bind(Path({str(place.workspace)!r}), "/app", writable=True)}}
Tier().run(CommandSpec(["sh", "-c", {script!r}], binds=binds, cwd="APP_DIR", timeout_s=60))
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
from onbox.bench.sandbox import Bind, CommandSpec, bubblewrap
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
assert tier.run(CommandSpec(["true"], binds=binds, cwd="APP_DIR", timeout_s=60)).exit_code == 0
{POINTS[point]}
tier.run(CommandSpec(["sleep", {marker!r}], binds=binds, cwd="APP_DIR", timeout_s=60))
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
from onbox.bench.sandbox import Bind, CommandSpec
from onbox.bench.sandbox.bubblewrap import Bubblewrap
binds = {{"APP_DIR": Bind(Path({str(place.workspace)!r}), "/app")}}
for _ in range(2):
    Bubblewrap().run(CommandSpec(["true"], binds=binds, cwd="APP_DIR", timeout_s=60))
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
        output, _ = keeper.communicate(timeout=60)
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


@in_tiers(ALL)
def test_a_stop_sign_ends_the_whole_tree(place: Place, marker: str) -> None:
    with StopSign() as stop:
        threading.Timer(0.5, stop.show).start()
        done = place.sandbox.run(
            CommandSpec(
                ["sh", "-c", f"sleep {marker} & wait"],
                binds={"APP_DIR": Bind(place.workspace, "/app", writable=True)},
                cwd="APP_DIR",
                timeout_s=60,
                stop=stop,
            )
        )
    assert done.exit_code is None
    assert done.seconds < 30
    assert wait_for(lambda: not alive(marker))


@in_tiers(CLOSED)
def test_no_shared_memory_of_system_v_is_left(place: Place) -> None:
    """sandlock makes a segment for each user, and a box has room for 4096; of an ordinary user's there is one."""
    before = segments()
    for _ in range(2):
        assert place.shell("true").exit_code == 0
    left = segments() - before
    # Others of this box make segments too, and take them away again.
    assert wait_for(lambda: len(left & segments()) <= (0 if os.getuid() == 0 else 1))


def segments() -> set[str]:
    """Identifiers of the box's segments."""
    return {line.split()[1] for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]}
