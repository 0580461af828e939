"""What a user names for a recording or a log by mistake is one line, and nothing that is there is lost."""

import os
from pathlib import Path

import pytest

from onbox.errors import UsageError
from onbox.watch.recording import Header, Recorder, WatchRecording, refuse_other_file
from onbox.watch.tail import Tail


def test_a_recording_takes_the_place_of_another_and_of_nothing_else(tmp_path: Path) -> None:
    for name in ("old.jsonl", "old.jsonl.gz"):
        with Recorder(tmp_path / name, Header(title="old")):
            pass
        refuse_other_file(tmp_path / name)
    refuse_other_file(tmp_path / "new.jsonl")
    (tmp_path / "empty.jsonl").touch()
    refuse_other_file(tmp_path / "empty.jsonl")
    (tmp_path / "model.gguf").write_bytes(b"GGUF\xff\x00weights")
    with pytest.raises(UsageError, match="is there already and no recording: not overwritten"):
        refuse_other_file(tmp_path / "model.gguf")


@pytest.mark.parametrize("name", ["pipe", "/dev/zero", "."])
def test_what_is_no_file_is_neither_written_nor_replayed(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for look in (refuse_other_file, WatchRecording):
        with pytest.raises(UsageError, match=r"is a (pipe|device|folder), no file"):
            look(tmp_path / name)


def test_a_long_line_is_no_recording(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(5 << 30)
    with pytest.raises(UsageError, match="not a recording of onbox"):
        WatchRecording(tmp_path / "large")


def test_a_pipe_as_a_log_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    tail = Tail(tmp_path / "pipe")
    assert tail.read() == (b"", False)
    tail.close()
