"""A gate that needs the network is found before anything runs, with the command and the host that it missed."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from onbox.bench.audit.admission import fit
from onbox.bench.audit.network import needs_of_network
from onbox.bench.gate import grade
from onbox.bench.sandbox import Bind, CommandSpec, Sandbox
from onbox.bench.sandbox.choose import choose
from onbox.bench.tasks import Task, load_task
from onbox.errors import BoxError
from tests.programs.bench.test_rewards import made

WRITES_ONE = "echo 1 > /logs/verifier/reward.txt\n"


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return choose()


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("test_sh", "words"),
    [
        (
            "#!/bin/bash\necho 'curl: (6) Could not resolve host: astral.sh' >&2\necho 0 > /logs/verifier/reward.txt\n",
            "tests/test.sh needs the network: tried without, curl could not reach astral.sh",
        ),
        (
            "#!/bin/bash\nset -e\ntrue || apt-get install -y curl\nfalse\n" + WRITES_ONE,
            "tests/test.sh does not come to its end without the network, and runs apt-get install",
        ),
        ("#!/bin/bash\necho 0 > /logs/verifier/reward.txt\n", ""),
        # It asks, and does well without an answer.
        ("#!/bin/bash\necho 'curl: (6) Could not resolve host: astral.sh'\n" + WRITES_ONE, ""),
    ],
)
@pytest.mark.bwrap
def test_a_gate_is_tried_without_one(tmp_path: Path, sandbox: Sandbox, test_sh: str, words: str) -> None:
    task = made(tmp_path, test_sh)
    assert "; ".join(map(str, needs_of_network(task, sandbox))) == words


@pytest.mark.bwrap
def test_a_real_command_without_a_network_is_named(tmp_path: Path, sandbox: Sandbox) -> None:
    script = "import socket, sys; socket.getaddrinfo(sys.argv[1], 80)"
    test_sh = f"#!/bin/bash\npython3 -c '{script}' files.example.org && {WRITES_ONE}"
    (need,) = needs_of_network(made(tmp_path, test_sh), sandbox)
    assert need.observed
    assert "name" in str(need)


@pytest.mark.bwrap
def test_a_solution_that_needs_one_is_named_too(tmp_path: Path, sandbox: Sandbox) -> None:
    task = made(tmp_path, "#!/bin/bash\ngrep -q done a && echo 1 > /logs/verifier/reward.txt\n")
    (task.solution / "solve.sh").write_text("#!/bin/bash\necho \"wget: bad address 'x.org'\"; exit 1\n")
    (need,) = needs_of_network(load_task(task.path), sandbox)
    assert str(need) == "solution/solve.sh needs the network: tried without, wget could not reach x.org"


class _Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"answered")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with http.server.HTTPServer(("127.0.0.1", 0), _Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


ASKS = """#!/bin/bash
python3 - <<'END' && echo 1 > /logs/verifier/reward.txt
import urllib.request
try:
    print(urllib.request.urlopen("http://127.0.0.1:PORT", timeout=5).read().decode())
except OSError as error:
    raise SystemExit(f"curl: (6) Could not resolve host: files.example.org ({error})")
END
true
"""


def asking(folder: Path, port: int) -> Task:
    return made(folder, ASKS.replace("PORT", str(port)))


@pytest.mark.bwrap
def test_it_is_left_out_or_let_in_by_words(tmp_path: Path, sandbox: Sandbox, port: int) -> None:
    needs, other = asking(tmp_path / "1", port), made(tmp_path / "2", "#!/bin/bash\n" + WRITES_ONE)
    messages: list[str] = []
    found = fit([needs, other], sandbox, lambda name, why: messages.append(why.message), network="none")
    assert [task.network for task in found] == [False]
    assert messages == ["tests/test.sh needs the network: tried without, curl could not reach files.example.org"]
    with pytest.raises(BoxError, match=r"tests/test\.sh needs the network") as raised:
        fit([needs], sandbox, network="none")
    assert "--network gates" in raised.value.next_step

    found = fit([needs, other], sandbox, network="gates")
    assert [task.network for task in found] == [True, False], "the one that needs none has none"
    (tmp_path / "app").mkdir()
    assert grade(needs, tmp_path / "app", "", sandbox).exit_code == 3
    assert grade(found[0], tmp_path / "app", "", sandbox).exit_code == 0


@pytest.mark.bwrap
def test_a_command_has_a_network_only_where_it_is_let_in(tmp_path: Path, sandbox: Sandbox) -> None:
    binds = {"APP_DIR": Bind(tmp_path, "/app", writable=True)}
    argv = ["sh", "-c", "grep -c : /proc/net/dev; cat /etc/resolv.conf"]
    without = sandbox.run(CommandSpec(argv, binds=binds, cwd="APP_DIR", timeout_s=20))
    assert without.output.startswith(b"1\n"), "the loopback of its own, and no other"
    within = sandbox.run(CommandSpec(argv, binds=binds, cwd="APP_DIR", timeout_s=20, network=True))
    own = Path("/proc/net/dev").read_text().count(":")
    assert within.output.decode() == f"{own}\n" + Path("/etc/resolv.conf").read_text()
