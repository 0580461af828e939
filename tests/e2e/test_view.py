"""`onbox view` as a user calls it."""

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from onbox.atomic_files import write_json
from onbox.view.server import ViewServer
from tests.builders import build_trial
from tests.e2e.cli import onbox_here
from tests.verdicts import build_verdict

ONBOX = [sys.executable, "-m", "onbox", "view"]


@pytest.fixture
def trials(tmp_path: Path) -> Path:
    """A working folder with `trials` in it."""
    write_json(build_trial(tmp_path / "trials" / "one").path / "verdict.json", build_verdict())
    return tmp_path


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_address_and_serves_until_it_is_stopped(trials: Path, number: signal.Signals) -> None:
    with subprocess.Popen([*ONBOX, "--json"], cwd=trials, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        message = b""
        while not message.endswith(b"}\n"):
            message += process.stdout.readline()
        url = json.loads(message)["url"]
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(), urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=20) as page:
            assert b"1 trial" in page.read()
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert process.returncode in (0, 130)
    assert out == b""
    assert b"Traceback" not in err


def test_what_is_wrong_is_reported_in_a_line(trials: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def complaint(arguments: list[str], cwd: Path) -> tuple[int, str]:
        monkeypatch.chdir(cwd)
        done = onbox_here("view", *arguments)
        return done.returncode, done.stderr

    (tmp_path / "empty").mkdir()
    code, message = complaint([], tmp_path / "empty")
    assert (code, message.count("\n")) == (2, 2)
    assert "trials: no such folder" in message
    code, message = complaint(["nowhere"], trials)
    assert (code, message.splitlines()[0]) == (2, "onbox: nowhere: no such folder")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, message = complaint(["--port", str(taken.getsockname()[1])], trials)
    assert code == 3
    assert "cannot listen there" in message


def test_without_its_extra_it_says_what_to_install(trials: Path) -> None:
    hide = "import sys; sys.modules['starlette'] = None; from onbox.cli.main import run; run(['view'])"
    done = subprocess.run([sys.executable, "-c", hide], cwd=trials, capture_output=True, timeout=240, check=False)
    assert done.returncode == 3
    assert b"pip install 'onbox[view]'" in done.stderr
    assert b"Traceback" not in done.stderr


def test_the_library_serves_too(trials: Path) -> None:
    import onbox

    server = onbox.open_view(trials / "trials")
    assert isinstance(server, ViewServer)
    assert server.url.startswith("http://127.0.0.1:")
    server._socket.close()
