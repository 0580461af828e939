"""Streams that are closed, full or left by their reader: the exit code is the command's own, without a traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

from onbox.errors import BoxError, UsageError
from tests.e2e.cli import environment
from tests.unit.weights.checkpoints import write_model
from tests.unit.weights.published import shapes_of, stored


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = stored()["GPT-2"]
    return write_model(tmp_path_factory.mktemp("model"), shapes_of(found["tensors"]), found["config"])


def shell(script: str, model: Path) -> "subprocess.CompletedProcess[str]":
    command = ["bash", "-c", script, "bash", sys.executable, str(model)]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=60, check=False)


@pytest.mark.parametrize("more", ["", "--json"])
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_a_closed_stream(closed: str, more: str, model: Path) -> None:
    done = shell(f'"$1" -m onbox weights "$2" {more} {closed}', model)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("more", ["", "--json"])
def test_a_reader_that_left(more: str, model: Path) -> None:
    done = shell(f'"$1" -m onbox weights "$2" {more} | true; exit "${{PIPESTATUS[0]}}"', model)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_reader_of_progress_that_left_does_not_end_the_work(model: Path) -> None:
    done = shell('{ "$1" -m onbox fit "$2" --json >&3; } 3>&1 2>&1 | true; exit "${PIPESTATUS[0]}"', model)
    assert done.returncode == 0
    code = "from onbox.cli.ui.console import err; [err().line('x' * 100) for _ in range(5000)]; print('went on')"
    done = shell(f'{{ "$1" -c "{code}" >&3; }} 3>&2 2>&1 | true; exit "${{PIPESTATUS[0]}}"', model)
    assert (done.returncode, done.stderr) == (0, "went on\n")


def test_a_full_disk_has_a_next_step(model: Path) -> None:
    done = shell('"$1" -m onbox weights "$2" > /dev/full', model)
    assert done.returncode == BoxError.exit_code
    assert done.stderr.splitlines() == [
        "onbox: No space left on device",
        "  next: free some room, or name a folder on another disk",
    ]


@pytest.mark.parametrize("arguments", ["--help", "--version", "weights --help", "weights fetch --help", "ps --json"])
def test_a_reader_that_left_before_a_short_answer(arguments: str, model: Path) -> None:
    done = shell(f'"$1" -m onbox {arguments} | true; exit "${{PIPESTATUS[0]}}"', model)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_error_keeps_its_exit_code_without_a_reader(model: Path) -> None:
    done = shell('"$1" -m onbox weights nowhere --json | true; exit "${PIPESTATUS[0]}"', model)
    assert (done.returncode, done.stderr.splitlines()[0][:7]) == (UsageError.exit_code, "onbox: ")
    done = shell('"$1" -m onbox weights nowhere --json 2>&1 | true; exit "${PIPESTATUS[0]}"', model)
    assert done.returncode == UsageError.exit_code


def test_programs_that_are_started_inherit_a_stream_that_was_closed(model: Path) -> None:
    code = "from onbox.cli.main import _open_streams; _open_streams(); import subprocess, sys; "
    code += "sys.exit(subprocess.run(['sh', '-c', 'test -e /proc/self/fd/1 && echo it is there']).returncode)"
    done = shell(f'"$1" -c "{code}" >&-', model)
    assert (done.returncode, done.stderr) == (0, "")
