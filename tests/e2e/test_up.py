"""`up`, `ps` and `down` with the scripted engine: served under a guard, and nothing left, whatever dies when."""

import json
import os
import random
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from onbox.box.memory import memory
from onbox.evidence.records import GuardStopped
from onbox.launch import started_engines
from onbox.launch.ports import free_port
from tests.doubles.scripted_plugin import OPTIONS
from tests.doubles.waiting import gone, until
from tests.e2e.cli import GONE_S, Session, onbox, onbox_here

KILLS = 20
GIB = 2**30

RecipeFile = Callable[..., Path]


@pytest.fixture
def env(tmp_path: Path, plugin_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """An environment with a state folder of its own; what is still up at the end is stopped."""
    record = {"XDG_STATE_HOME": str(tmp_path / "state"), "XDG_RUNTIME_DIR": ""}
    for name, value in record.items():
        monkeypatch.setenv(name, value)
    yield {**plugin_env, **record}
    for each in started_engines.all_running():
        started_engines.stop(each)


@pytest.fixture
def recipe(tmp_path: Path) -> RecipeFile:
    def write(options: str = "", name: str = "small", **serve: Any) -> Path:
        (tmp_path / "weights.bin").write_bytes(b"no weights")
        data = {
            "name": name,
            "engine": "scripted",
            "weights": {"path": str(tmp_path / "weights.bin")},
            "serve": {"environment": {OPTIONS: options}, **serve},
        }
        path = tmp_path / f"{name}.yaml"
        path.write_text(json.dumps(data))
        return path

    return write


def ps() -> list[dict[str, Any]]:
    """What `onbox ps` lists, in the state folder of this test's environment."""
    done = onbox_here("ps", "--json")
    assert done.returncode == 0, done.stderr
    engines: list[dict[str, Any]] = json.loads(done.stdout)["engines"]
    return engines


def supervisor_of(pid: int) -> psutil.Process:
    return psutil.Process(psutil.Process(pid).ppid())


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_up_serves_under_a_guard_that_outlives_it_and_down_leaves_nothing(
    env: dict[str, str], recipe: RecipeFile
) -> None:
    done = onbox("up", recipe(), "--json", env=env)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["name"], result["state"], result["backend"]["status"]) == ("small", "serving", "unknown")
    assert [phase["name"] for phase in result["phases"]][-1] == "first token"
    assert "small: load" in done.stderr
    assert listens(result["port"])
    assert "onbox/supervisor" in " ".join(supervisor_of(result["pid"]).cmdline())
    (observation,) = ps()
    assert {**observation, "phase": None} == {**result, "phase": None}
    again = onbox("up", recipe(), env=env)
    assert again.returncode == 2
    assert f"is already running at {result['url']}" in again.stderr
    down = onbox_here("down", "small", "--json")
    assert down.returncode == 0, down.stderr
    assert json.loads(down.stdout)["gone"] == {
        "process": True, "port": True, "container": None, "shared_memory_removed": []
    }  # fmt: skip
    assert gone(result["pid"])
    assert not listens(result["port"])
    assert ps() == []


def test_an_engine_that_dies_or_loses_its_supervisor_is_reported(env: dict[str, str], recipe: RecipeFile) -> None:
    pid = json.loads(onbox("up", recipe(), "--json", env=env).stdout)["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: ps()[0]["state"] == "died")
    assert onbox_here("down", "small").returncode == 0
    pid = json.loads(onbox("up", recipe(), "--json", env=env).stdout)["pid"]
    supervisor_of(pid).kill()
    until(lambda: gone(pid))
    assert ps()[0]["state"] == "died"


def test_an_interruption_before_it_serves_ends_it(env: dict[str, str], recipe: RecipeFile) -> None:
    session = Session("up", recipe("--load-s 60"), env=env)
    session.wait_for("small: load begins")
    session.interrupt()
    assert session.end() == 130
    assert session.left(GONE_S) == []
    (observation,) = ps()
    assert observation["state"] == "interrupted"
    assert observation["backend"]["named"] == {"device": "scripted"}


def test_an_interruption_that_its_engine_is_deaf_to_is_one_too(env: dict[str, str], recipe: RecipeFile) -> None:
    session = Session("up", recipe("--load-s 60 --deaf"), env=env)
    session.wait_for("small: load begins")
    session.interrupt()
    assert session.end() == 130
    assert ps()[0]["state"] == "interrupted"


def test_a_supervisor_that_a_signal_stopped_guards_nothing(env: dict[str, str], recipe: RecipeFile) -> None:
    pid = json.loads(onbox("up", recipe(), "--json", env=env).stdout)["pid"]
    supervisor_of(pid).suspend()
    until(lambda: ps()[0]["state"] == "unguarded")  # a signal stops a process when it runs next
    os.kill(pid, signal.SIGKILL)
    until(lambda: ps()[0]["state"] == "died")
    down = onbox_here("down", "small", "--json")
    assert down.returncode == 0, down.stderr
    assert json.loads(down.stdout)["gone"]["process"]


def test_what_it_cannot_do_is_one_line(env: dict[str, str], recipe: RecipeFile, tmp_path: Path) -> None:
    assert onbox_here("down", "nobody").returncode == 2
    done = onbox("up", recipe("--mode nonsense"), env=env)
    assert done.returncode == 3
    assert "small: the engine died at start" in done.stderr
    assert "Traceback" not in done.stderr
    assert ps()[0]["state"] == "died"
    done = onbox("up", recipe(), "--reserve", "100000", env=env)
    assert done.returncode == 3
    assert "must stay" in done.stderr
    printed = onbox("up", recipe(), "--print", env=env)
    assert "tests.doubles.scripted_engine" in printed.stdout


@pytest.mark.alone  # the memory of the whole box
def test_the_guard_stops_what_takes_more_than_the_box_can_spare(env: dict[str, str], recipe: RecipeFile) -> None:
    reserve = memory().available_bytes / GIB - 0.5
    done = onbox("up", recipe("--hold-mib 3072"), "--reserve", f"{reserve:.3f}", env=env)
    assert done.returncode == 4, done.stderr
    assert "small: stopped by the guard in phase load" in done.stderr
    (observation,) = ps()
    assert observation["state"] == "guard"
    record = GuardStopped.model_validate_json((Path(observation["folder"]) / "standup" / "guard.json").read_bytes())
    assert record.own_bytes is not None
    assert record.own_bytes > 100 << 20
    assert record.trace


def test_the_daily_driver_gives_way_and_is_back_at_the_end(env: dict[str, str], recipe: RecipeFile) -> None:
    daily = json.loads(onbox("up", recipe(name="daily"), "--json", env=env).stdout)
    done = onbox("up", recipe(name="guest"), "--replace", "daily", "--json", env=env)
    assert done.returncode == 0, done.stderr
    assert gone(daily["pid"])
    assert onbox_here("down", "guest").returncode == 0
    back = until(lambda: [each for each in ps() if each["state"] == "serving"], 30)
    assert [(each["name"], each["port"]) for each in back] == [("daily", daily["port"])]
    # The same when onbox is killed in the middle.
    session = Session("up", recipe("--load-s 60", name="guest"), "--replace", "daily", env=env)
    session.wait_for("guest: load begins")
    session.kill()
    until(lambda: [each["name"] for each in ps() if each["state"] == "serving"] == ["daily"], 30)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_kill_9_at_any_point_leaves_no_engine_and_no_port(env: dict[str, str], recipe: RecipeFile) -> None:
    port = free_port()
    file = recipe("--load-s 0.5", port=port)
    # The quicker of two: on a box that others load, the slower one would put most kills after the handover.
    whole_s = 60.0
    for _ in range(2):
        began = time.monotonic()
        onbox("up", file, env=env)
        whole_s = min(whole_s, time.monotonic() - began)
        assert onbox_here("down", "small").returncode == 0
    chance = random.Random(1)
    ends: list[str] = []
    for _ in range(KILLS):
        session = Session("up", file, env=env)
        time.sleep(chance.uniform(0.0, 1.1 * whole_s))
        session.kill()
        time.sleep(0.2)
        found = started_engines.find("small")
        served = found is not None and found.state() == "serving"
        if found is not None and served:
            # The handover came first: it stays, under its guard.
            assert found.guarded()
            assert listens(port)
            assert started_engines.stop(found).is_gone
            started_engines.put_away("small")
        assert session.left(GONE_S) == []
        assert not listens(port)
        ends.append("served" if served else "gone")
    print(ends)
    assert ends.count("gone") >= KILLS // 2, ends
