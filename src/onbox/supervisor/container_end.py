"""A container by the name that onbox gave it: its process, its death, its removal.

Docker is spoken to over its socket, because starting a program takes memory when there is least of it; the program is
the way for podman and for a daemon elsewhere.
"""

import contextlib
import json
import os
import socket
import subprocess
from typing import Any

from onbox.supervisor.settings import ContainerRef

ANSWER_S = 10.0


def main_pid(container: ContainerRef) -> int | None:
    """The process on this box that is the container's first; None while there is none."""
    path = _socket(container)
    if path is None:
        found = _program(container, "inspect", "--format", "{{.State.Pid}}", container.name)
        pid = int(found) if found.isdigit() else 0
    else:
        status, body = _ask(path, "GET", f"/containers/{container.name}/json")
        pid = body.get("State", {}).get("Pid", 0) if status == 200 else 0
    return pid or None


def kill(container: ContainerRef) -> None:
    """SIGKILL to the container, by name; it may be gone already."""
    path = _socket(container)
    if path is None:
        _program(container, "kill", container.name)
    else:
        _ask(path, "POST", f"/containers/{container.name}/kill")


def remove(container: ContainerRef) -> None:
    """See that nothing of it is left; it may be gone already."""
    path = _socket(container)
    if path is None:
        _program(container, "rm", "--force", container.name)
    else:
        _ask(path, "DELETE", f"/containers/{container.name}?force=1&v=1")


def _socket(container: ContainerRef) -> str | None:
    if container.runtime != "docker":
        return None
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    return host.removeprefix("unix://") if host.startswith("unix://") else None


def _ask(path: str, method: str, target: str) -> tuple[int, dict[str, Any]]:
    """(status, body) of one request; (0, {}) when nobody answers."""
    answer = b""
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(ANSWER_S)
            link.connect(path)
            link.sendall(f"{method} {target} HTTP/1.0\r\nHost: docker\r\nContent-Length: 0\r\n\r\n".encode())
            while block := link.recv(65_536):
                answer += block
    except OSError:
        return 0, {}
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    try:
        found = json.loads(body)
    except ValueError:
        found = {}
    return status, found if isinstance(found, dict) else {}


def _program(container: ContainerRef, *arguments: str) -> str:
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(
            [container.runtime, *arguments],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=ANSWER_S, check=False,
        )  # fmt: skip
        return done.stdout.decode("utf-8", "replace").strip()
    return ""
