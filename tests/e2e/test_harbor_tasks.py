"""A folder of tasks as they are published: what can be done is done, and the rest is named."""

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.cli import environment, onbox, onbox_here, scripted, verdict_of

pytestmark = [pytest.mark.bwrap, pytest.mark.timeout(240)]

ASKED = "Fill in the file `config.json`. It must say that the port is 8080."
DOCKERFILE = "FROM debian\nWORKDIR /srv/project\nCOPY config.json .\n"
SOLVE = "#!/bin/bash\necho '{\"port\": 8080}' > config.json\n"
GATE = """#!/bin/bash
cd /srv/project || exit 1
if grep -q 8080 config.json; then reward=REWARD; else reward=0; fi
echo "{\\"reward\\": $reward, \\"lines\\": $(wc -l < config.json)}" > /logs/verifier/reward.json
exit 7
"""
FAR = """#!/bin/bash
python3 - <<'END' && grep -q 8080 config.json && echo 1 > /logs/verifier/reward.txt
import urllib.request
try:
    urllib.request.urlopen("http://127.0.0.1:PORT", timeout=5)
except OSError:
    raise SystemExit("curl: (6) Could not resolve host: files.example.org")
END
true
"""


class _Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with http.server.HTTPServer(("127.0.0.1", 0), _Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def tasks(tmp_path: Path, port: int) -> Path:
    home = tmp_path / "tasks"
    write(home / "full", GATE.replace("REWARD", "1"))
    write(home / "half", GATE.replace("REWARD", "0.5"))
    write(home / "half-is-enough", GATE.replace("REWARD", "0.5"), "[metadata]\nreward_min = 0.5\n")
    write(home / "several", GATE.replace("REWARD", "1"), '[[steps]]\nname = "first"\n')
    write(home / "broken", GATE, "[task\n")
    write(home / "far", FAR.replace("PORT", str(port)))
    return home


def write(task: Path, test_sh: str, toml: str = "") -> None:
    for name, text in {
        "instruction.md": ASKED,
        "task.toml": toml,
        "environment/Dockerfile": DOCKERFILE,
        "environment/config.json": "{}\n",
        "solution/solve.sh": SOLVE,
        "tests/test.sh": test_sh,
    }.items():
        (task / name).parent.mkdir(parents=True, exist_ok=True)
        (task / name).write_text(text)


def bench(url: str, tasks: Path, out: Path, *more: str) -> dict[str, Any]:
    own = environment(XDG_CACHE_HOME=str(out.with_name("cache")))
    done = onbox("bench", url, "--tasks", tasks, "--no-audit", "--runs", "1", "--out", out, *more, env=own)
    assert done.returncode == 0, done.stderr
    return {"stderr": done.stderr, "plan": yaml.safe_load((out / "plan.yaml").read_text())}


def test_a_folder_of_them(tasks: Path, tmp_path: Path) -> None:
    with scripted("good") as url:
        out = tmp_path / "bench"
        result = bench(url, tasks, out)
    left_out = {each["name"]: each["why"] for each in result["plan"]["left_out"]}
    assert set(left_out) == {"several", "broken", "far"}
    assert "several steps" in left_out["several"]
    assert "not TOML" in left_out["broken"]
    assert left_out["far"] == "tests/test.sh needs the network: tried without, curl could not reach files.example.org"
    for name in left_out:
        assert f"{name}: left out: " in result["stderr"]

    runs = {run["task"]: run for run in verdict_of(out)["runs"]}
    assert {name: run["code"] for name, run in runs.items()} == {
        "full": "PASS",
        "half": "F-GATE",
        "half-is-enough": "PASS",
    }
    assert runs["half"]["rewards"]["reward"] == 0.5
    assert runs["half"]["reward_min"] == {"reward": 1.0}
    assert runs["half-is-enough"]["reward_min"] == {"reward": 0.5}
    assert "reward 0.5, below 1" in runs["half"]["detail"]
    (record,) = (json.loads(path.read_text()) for path in out.glob("*/runs/half/*/*/run.json"))
    assert record["gate"]["rewards"] == runs["half"]["rewards"]
    assert (record["gate"]["script_exit_code"], record["gate"]["exit_code"]) == (7, 1)
    report = (out / "report.md").read_text()
    assert "reward 0.5 of the 1 that passes" in report
    assert "3 tasks left out" in report
    assert "reward</dt><dd>reward 0.5 of the 1 that passes" in (out / "report.html").read_text()

    again = onbox_here("regrade", out, "--json")
    assert (json.loads(again.stdout)["changed"], json.loads(again.stdout)["not_run"]) == ([], []), again.stderr


def test_a_network_is_let_in_by_words(tasks: Path, tmp_path: Path) -> None:
    with scripted("good") as url:
        out = tmp_path / "bench"
        result = bench(url, tasks, out, "--network", "gates")
    assert "with the network, as --network asks: the gates of far" in result["stderr"]
    assert result["plan"]["network"] == "gates"
    assert {task["name"]: task.get("network", False) for task in result["plan"]["tasks"]} == {
        "far": True,
        "full": False,
        "half": False,
        "half-is-enough": False,
    }
    runs = {run["task"]: run["code"] for run in verdict_of(out)["runs"]}
    assert runs["far"] == "PASS"
    assert json.loads(onbox_here("regrade", out, "--json").stdout)["changed"] == []


def test_one_that_is_alone_ends_the_command(tasks: Path, tmp_path: Path) -> None:
    """With the exit code of its own kind of mistake, and what to do."""
    for name, code, words in (
        ("several", 2, "several steps"),
        ("far", 3, "--network gates"),
    ):
        done = onbox_here(
            "bench", "http://127.0.0.1:9", "--model", "m", "--tasks", tasks / name, "--out", tmp_path / name
        )
        assert done.returncode == code, done.stderr
        assert words in done.stderr
        assert "Traceback" not in done.stderr
