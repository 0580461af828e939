"""The watch over docker: the daemon works while the client is silent, and a step of a build is nobody's child."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from onbox.watch.classify import Assessment, WatchState
from onbox.watch.collect import Collector, Target
from onbox.watch.watcher import Tracker, Watcher
from tests.dockerd import DOCKER, Dockerd

pytestmark = pytest.mark.docker

LOOP = "i=0; while [ $i -lt 20000000 ]; do i=$((i+1)); done"


def watch(argv: list[str], environment: dict[str, str]) -> tuple[list[Assessment], set[str]]:
    """The verdicts on a client until it ends, and the roles of those that worked for it."""
    with subprocess.Popen(argv, env=environment, stdout=subprocess.DEVNULL, start_new_session=True) as client:
        watcher = Watcher(Collector(Target(pids=(client.pid,), exit_code=client.poll)), Tracker())
        verdicts, roles = [], set()
        try:
            while True:
                verdict, sample = watcher.tick()
                verdicts.append(verdict)
                roles |= {each.role for each in sample.processes or ()}
                if sample.ended:
                    return verdicts, roles
                time.sleep(0.25)
        finally:
            watcher.close()


def test_a_load_is_noticed_in_the_daemon(dockerd: Dockerd, tmp_path: Path) -> None:
    for n in range(3):
        (tmp_path / f"f{n}").write_bytes(os.urandom(120_000_000))
    (tmp_path / "Dockerfile").write_text(f"FROM {dockerd.busybox()}\nCOPY f0 /\nCOPY f1 /\nCOPY f2 /\n")
    dockerd.docker("build", "-t", "big:local", str(tmp_path))
    archive = tmp_path / "big.tar"
    dockerd.docker("save", "-o", str(archive), "big:local")
    dockerd.docker("rmi", "-f", "big:local")
    dockerd.docker("system", "prune", "-af")
    result, roles = watch([DOCKER, "load", "-q", "-i", str(archive)], dockerd.environment)
    assert roles >= {"own", "daemon"}
    assert WatchState.HUNG not in {each.state for each in result}
    assert max(each.moving.get("write", 0.0) for each in result) > 20e6
    assert result[-1].state is WatchState.DONE


def test_a_step_of_a_classic_build_is_noticed_in_its_group(dockerd: Dockerd, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {dockerd.busybox()}\nRUN {LOOP}\n")
    environment = {**dockerd.environment, "DOCKER_BUILDKIT": "0"}
    result, roles = watch([DOCKER, "build", "-q", "--network", "none", str(tmp_path)], environment)
    assert roles >= {"own", "daemon", "container"}
    assert any("of processor" in each.why for each in result)
    assert WatchState.HUNG not in {each.state for each in result}
    assert result[-1].state is WatchState.DONE


def test_a_container_by_its_name(dockerd: Dockerd) -> None:
    image = dockerd.busybox()
    command = ["run", "-d", "--pull", "never", "--network", "none", "--name", "watched", image]
    dockerd.docker(*command, "/bin/sh", "-c", "echo Application startup complete; sleep 10; exit 5")
    done = subprocess.run(
        [sys.executable, "-m", "onbox", "watch", "--json", "--container", "watched"],
        env={**dockerd.environment, "PATH": f"/usr/bin:{os.environ['PATH']}"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1, done.stderr
    assert "serving" in {each["phase"] for each in lines}
    assert (lines[-1]["state"], lines[-1]["evidence"]["exit_code"]) == ("dead", 5)
    dockerd.docker("rm", "-f", "watched")
