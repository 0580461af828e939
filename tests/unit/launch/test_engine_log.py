"""The log of an engine that stands up: each byte read once, no line lost, torn or told twice."""

import os
from pathlib import Path

import pytest

from onbox.launch.engine_log import EngineLog
from onbox.watch.tail import READ_BYTES

STAMPED = "2026-11-25T03:00:00.123Z +    1.234 "


def append(path: Path, text: str) -> None:
    with path.open("ab") as file:
        file.write(text.encode())


def test_lines_come_once_without_their_stamps_and_a_torn_one_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    log = EngineLog(path)
    assert log.read() == []
    append(path, f"{STAMPED}loading\n{STAMPED}half of a l")
    assert log.read() == ["loading"]
    assert log.read() == []
    append(path, f"ine with é\n{STAMPED}10 %\r20 %\n")
    assert log.read() == ["half of a line with é", "10 %", "20 %"]
    assert log.lines == ["loading", "half of a line with é", "10 %", "20 %"]
    log.close()


def test_a_flood_is_read_whole_in_one_call_and_each_byte_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, requests = tmp_path / "engine.log", [0]
    real = os.pread

    def pread(file: int, count: int, at: int) -> bytes:
        data = real(file, count, at)
        requests[0] += len(data)
        return data

    monkeypatch.setattr("onbox.watch.tail.os.pread", pread)
    messages = [f"line {number} ä" for number in range(60_000)]
    append(path, "".join(f"{STAMPED}{line}\n" for line in messages))
    size = path.stat().st_size
    assert size > 4 * READ_BYTES
    log = EngineLog(path)
    assert log.read() == messages
    for number in range(100):
        append(path, f"{STAMPED}more {number}\n")
        assert log.read() == [f"more {number}"]
        assert log.read() == []
    assert requests[0] == path.stat().st_size
    log.close()


def test_a_log_that_starts_anew_is_another_log(tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    append(path, f"{STAMPED}of the engine before\n{STAMPED}torn")
    log = EngineLog(path)
    log.read()
    path.write_text(f"{STAMPED}anew\n")
    assert log.read() == ["anew"]
    assert log.lines == ["anew"]
    log.close()


def test_the_last_words_are_those_of_now(tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    log = EngineLog(path)
    assert log.last_words() == "nothing"
    append(path, "".join(f"{STAMPED}{word}\n" for word in ("1", "2", "3", "", "5", "6", "7")))
    assert log.last_words() == "2 | 3 | 5 | 6 | 7"
    log.close()
