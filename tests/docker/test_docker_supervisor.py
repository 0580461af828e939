"""A supervisor whose engine is in a real container: whatever ends it, no container is left."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from onbox.evidence.records import GuardStopped
from onbox.supervisor import SUPERVISOR
from onbox.supervisor.settings import ContainerRef, MemoryLimits, Settings
from tests.dockerd import DOCKER, Dockerd
from tests.doubles.waiting import until

pytestmark = pytest.mark.docker
NAME = "onbox-kept-1"
# Busybox's sh as process 1 ignores TERM, as a server without a handler does.
ENGINE = "echo up; while true; do sleep 1; done"


@contextmanager
def kept(daemon: Dockerd, log: Path, **more: Any) -> Iterator["subprocess.Popen[bytes]"]:
    image = daemon.busybox()
    settings = Settings(log=str(log), container=ContainerRef("docker", NAME), **more).to_json()
    run = [DOCKER, "run", "--rm", "--name", NAME, "--network", "none", "--pull", "never", image, "sh", "-c", ENGINE]
    supervisor = subprocess.Popen(
        [sys.executable, "-I", "-S", SUPERVISOR, settings, "--", *run],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=daemon.environment,
    )
    with supervisor:
        yield supervisor
        supervisor.kill()


def names(daemon: Dockerd) -> str:
    return daemon.docker("ps", "--all", "--format", "{{.Names}}")


def test_the_end_of_the_lifeline_ends_the_container(dockerd: Dockerd, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with kept(dockerd, log) as supervisor:
        until(lambda: log.exists() and "up" in log.read_text())
        assert supervisor.stdin is not None
        supervisor.stdin.close()
        assert supervisor.wait(30) == 0
    assert names(dockerd) == ""


def test_the_guard_kills_the_container_and_sees_what_it_held(dockerd: Dockerd, tmp_path: Path) -> None:
    record = tmp_path / "guard.json"
    # Nobody has that much: it acts when the breach has lasted, or at once when it is as deep as this one.
    with kept(
        dockerd, tmp_path / "log", limits=MemoryLimits(reserve_bytes=1 << 60), guard_file=str(record)
    ) as supervisor:
        assert supervisor.stdout is not None
        events = [json.loads(line) for line in supervisor.stdout]
    assert events[-1]["how"] == "guard"
    assert GuardStopped.model_validate_json(record.read_bytes()).kind == "breached"
    until(lambda: names(dockerd) == "")
