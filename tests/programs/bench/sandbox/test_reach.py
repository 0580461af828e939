"""An agent reaches the proxy and nothing else."""

import socket
from pathlib import Path

import pytest

from onbox.bench.sandbox import Bind, CommandSpec, ReachableServer
from tests.programs.bench.sandbox.place import ASK, CLOSED, Place, echoing, in_tiers


@in_tiers(CLOSED)
def test_one_server_is_within_reach_and_no_other(place: Place, tmp_path: Path) -> None:
    (tmp_path / "proxy").mkdir()
    path = tmp_path / "proxy" / "server.sock"
    with echoing(path) as port, socket.create_server(("127.0.0.1", 0)) as other:
        done = place.sandbox.run(
            CommandSpec(
                ["python3", "-c", ASK, str(port), str(other.getsockname()[1])],
                binds={"APP_DIR": Bind(place.workspace, "/app", writable=True)},
                cwd="APP_DIR",
                timeout_s=60,
                reach=ReachableServer(port, path),
            )
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
                CommandSpec(
                    ["sh", "-c", script],
                    binds={"APP_DIR": Bind(place.workspace, "/app", writable=True)},
                    cwd="APP_DIR",
                    timeout_s=60,
                    reach=ReachableServer(port, tmp_path / "proxy" / "server.sock"),
                )
            )
            assert done.exit_code == code
