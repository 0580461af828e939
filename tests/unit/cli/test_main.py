"""What the system refuses is one line with a next step, whichever way Python tells it."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from onbox.cli import main
from tests.e2e.cli import onbox_here


def refused(monkeypatch: pytest.MonkeyPatch, error: OSError) -> tuple[int, list[str]]:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(main.onbox, "main", fails)
    done = onbox_here("doctor")
    return done.returncode, done.stderr.splitlines()


@pytest.mark.parametrize(
    ("number", "code", "next_step"),
    [
        (errno.ENOSPC, 3, "free some room"),
        (errno.EROFS, 3, "name a folder that can be written"),
        (errno.EACCES, 3, "name a place that you may use"),
        (errno.ENAMETOOLONG, 2, "is the path right?"),
        (errno.ELOOP, 2, "is the path right?"),
    ],
)
def test_a_refusal(number: int, code: int, next_step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    error = OSError(number, "no", "some/place")
    found, lines = refused(monkeypatch, error)
    assert (found, lines[0]) == (code, "onbox: some/place: no")
    assert lines[1].startswith(f"  next: {next_step}")


def test_a_folder_that_was_copied_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    first = (str(Path("from/a")), str(Path("to/a")), "[Errno 28] No space left on device: 'to/a'")
    found, lines = refused(monkeypatch, shutil.Error([first, first]))
    assert (found, lines[0]) == (3, "onbox: to/a: No space left on device")
    assert lines[1].startswith("  next: free some room")


def test_a_pipe_to_another_program_that_breaks_is_no_reader_that_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def writes_to_a_program_that_ended(*_: object, **__: object) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb", buffering=0) as program:
            program.write(b"kept\n")

    monkeypatch.setattr("onbox.app.doctor.examine_box", writes_to_a_program_that_ended)
    done = onbox_here("doctor")
    assert done.returncode == 3
    assert done.stderr.splitlines() == ["onbox: Broken pipe: a program that onbox wrote to has ended"]
