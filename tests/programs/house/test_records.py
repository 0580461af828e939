"""What one run of the tests leaves to another, and that tests of one file stay on one worker."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.parts import ROOT
from tests.records import HIDDEN, hidden_in, settled

TESTS = {
    "test_plain.py": """
        import subprocess, sys
        import pytest
        @pytest.mark.parametrize("n", range(4))
        def test_passes(n):
            assert subprocess.run([sys.executable, "-c", "pass"]).returncode == 0
        def test_fails():
            assert not "this"
        @pytest.mark.skip
        def test_skipped(): ...
        @pytest.fixture
        def breaks():
            yield
            raise OSError
        def test_breaks_at_its_end(breaks): ...
    """,
    "test_looks.py": """
        import shutil
        import pytest
        @pytest.fixture(scope="module")
        def program():
            return shutil.which("bwrap", path="/nowhere")
        def test_first(program): assert program is None
        def test_second(program): assert program is None
    """,
    "test_starts.py": """
        import subprocess, sys
        def test_onbox():
            subprocess.run([sys.executable, "-m", "onbox", "--version"], check=True)
    """,
}


def run(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Pytest on those files, with the hooks of this suite."""
    for name, text in TESTS.items():
        (folder / name).write_text(re.sub(r"(?m)^ {8}", "", text))
    (folder / "pytest.ini").write_text("[pytest]\n")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-p", "tests.conftest", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


SIDE_BY_SIDE = ("-n", "2", "--dist", "loadgroup", "--no-loadscope-reorder")


@pytest.mark.parametrize(
    "workers",
    [pytest.param((), id="one after another"), pytest.param(SIDE_BY_SIDE, id="side by side", marks=pytest.mark.slow)],
)
def test_the_second_run_holds_all_but_what_the_first_settled(tmp_path: Path, workers: tuple[str, ...]) -> None:
    record = tmp_path / "made" / "record.jsonl"
    first = run(tmp_path, *workers, f"--record={record}")
    assert "1 failed, 8 passed, 1 skipped, 1 error" in first.stdout
    lines: list[dict[str, Any]] = [json.loads(line) for line in record.read_text().splitlines()]
    assert len(lines) == 10
    assert all(line["seconds"] >= 0 for line in lines)
    again = run(tmp_path, *workers, f"--except-passed={record}")
    ran = set(re.findall(r"(test_\w+\.py::[^\s@]+)\S* (?:PASSED|FAILED|SKIPPED|ERROR)", again.stdout)) | set(
        re.findall(r"(?:PASSED|FAILED|SKIPPED|ERROR) (test_\w+\.py::[^\s@]+)", again.stdout)
    )
    assert ran == {
        "test_plain.py::test_fails", "test_plain.py::test_skipped", "test_plain.py::test_breaks_at_its_end",
        "test_looks.py::test_first", "test_looks.py::test_second", "test_starts.py::test_onbox",
    }  # fmt: skip
    assert "1 failed, 4 passed, 1 skipped" in again.stdout
    assert again.returncode == 1


def test_a_record_that_is_not_there_ends_the_run(tmp_path: Path) -> None:
    done = run(tmp_path, f"--except-passed={tmp_path}/nosuch")
    assert done.returncode == 4
    assert "nosuch" in done.stderr + done.stdout


@pytest.mark.slow
def test_tests_of_one_file_stay_on_one_worker(tmp_path: Path) -> None:
    done = run(tmp_path, *SIDE_BY_SIDE)
    workers: dict[str, set[str]] = {}
    for worker, file in re.findall(r"\[(gw\d)\].*? (test_\w+\.py)::", done.stdout):
        workers.setdefault(file, set()).add(worker)
    assert set(workers) == set(TESTS)
    assert {len(each) for each in workers.values()} == {1}


@pytest.mark.parametrize(
    ("body", "number", "code", "message"),
    [
        pytest.param("assert mark.exists()", 1, 0, "   {test}", id="passes-by-itself"),
        pytest.param("assert False", 1, 1, "   none", id="fails-again"),
        pytest.param("pass", 4, 1, "4 tests failed; from 1 to 3 are run once more", id="too-many"),
        pytest.param("pass", 0, 1, "0 tests failed", id="none-of-them-is-known"),
    ],
)
def test_what_failed_runs_once_more_by_itself(tmp_path: Path, body: str, number: int, code: int, message: str) -> None:
    file = tmp_path / "test_it.py"
    file.write_text(f"from pathlib import Path\nmark = Path({str(tmp_path / 'mark')!r})\ndef test_it():\n    {body}\n")
    (tmp_path / "mark").touch()
    test = f"{file}::test_it"
    lines = [{"test": test, "outcome": "failed"}] * number + [{"test": f"{file}::test_other", "outcome": "passed"}]
    record = tmp_path / "record"
    record.write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = subprocess.run(
        [sys.executable, str(ROOT / ".ci" / "again"), str(record)], capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout
    assert message.format(test=test) in done.stdout + done.stderr
    assert ("== once more" in done.stdout) is (1 <= number <= 3)


def test_a_file_is_settled_as_a_whole_or_not_at_all() -> None:
    """What a fixture of a file found is used by tests that look for nothing themselves."""
    lines = [
        {"test": "a.py::one", "outcome": "passed", "looked_for": []},
        {"test": "a.py::two", "outcome": "failed", "looked_for": []},
        {"test": "b.py::one", "outcome": "passed", "looked_for": ["bwrap"]},
        {"test": "b.py::two", "outcome": "passed", "looked_for": []},
    ]
    assert settled(lines) == {"a.py::one"}


@pytest.mark.parametrize(
    ("executable", "argv", "found"),
    [
        (None, ["/usr/bin/bwrap", "--ro-bind", "/", "/"], ["bwrap"]),
        ("/usr/bin/docker", ["x"], ["docker"]),
        (None, b"podman", ["podman"]),
        (None, ["python3", "-m", "onbox", "doctor"], ["onbox"]),
        (None, ["/venv/bin/onbox", "doctor"], ["onbox"]),
        (None, ["python3", "-c", "import onbox"], ["onbox"]),
        (None, ["python3", "-m", "http.server"], []),
        (None, ["cat", "/tmp/onbox-1/node"], []),
        (None, [Path("/bin/sh"), "-c", "true"], []),
    ],
)
def test_what_a_command_may_need(executable: Any, argv: Any, found: list[str]) -> None:
    assert hidden_in(executable, argv) == found


def test_the_programs_are_those_that_ci_hides() -> None:
    script = (ROOT / ".ci" / "without").read_text()
    named = re.search(r'^PROGRAMS="(.*)"$', script, re.MULTILINE)
    assert named is not None
    assert {*named[1].split(), "dockerd"} == HIDDEN
