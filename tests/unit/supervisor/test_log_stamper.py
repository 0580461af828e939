"""The log that a supervisor keeps: stamped lines, bars that move by carriage return, phases by landmarks."""

import io
import itertools
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onbox.engines import log_lines
from onbox.supervisor.log_stamper import BAR_EVERY_S, IDLE_S, LineStamper, Phases

DATA = Path(__file__).parents[2] / "data" / "vllm"
STAMP = re.compile(rb"^\S+Z \+ *([\d.]+) ")
LANDMARKS = (("capture", "Capturing CUDA graphs"), ("ready", "Graph capturing finished"))


class Log:
    """A stamper on a clock that the test sets."""

    def __init__(self, landmarks: tuple[tuple[str, str], ...] = LANDMARKS) -> None:
        self.now = 0.0
        self.file = io.BytesIO()
        self.phases = Phases(landmarks)
        self.stamper = LineStamper(self.file, 0.0, self.phases, lambda: self.now)

    def at(self, now: float, data: bytes = b"") -> None:
        """Bytes that come at that time; without any, the supervisor's loop comes by."""
        self.now = now
        if data:
            self.stamper.write(data)
        else:
            self.stamper.idle()

    @property
    def lines(self) -> list[bytes]:
        """Without their stamps, with their ends."""
        return [STAMP.sub(b"", line) for line in self.file.getvalue().splitlines(keepends=True)]

    @property
    def times(self) -> list[float]:
        """Seconds of each stamp."""
        found = [STAMP.match(line) for line in self.file.getvalue().split(b"\n") if line]
        return [float(match[1]) for match in found if match]


def test_plain_lines_are_kept_as_they_are() -> None:
    log = Log()
    log.at(1.0, b"one\ntw")
    log.at(2.0, b"o\r\n\nlast")
    assert log.lines == [b"one\n", b"two\n", b"\n"]
    log.stamper.end()
    assert log.lines[-1] == b"last\n"
    assert log.times == [1.0, 2.0, 2.0, 2.0]


def test_a_carriage_return_and_its_newline_in_two_reads_are_one_end() -> None:
    log = Log()
    log.at(1.0, b"one\r")
    log.at(1.1, b"\ntwo\n")
    assert [line.strip() for line in log.lines] == [b"one", b"two"]


def test_bytes_that_are_no_text_are_kept() -> None:
    log = Log()
    log.at(1.0, b"\xff\xfe 50%\rdone \xc3\n")
    assert log.lines == [b"\xff\xfe 50%\r\n", b"done \xc3\n"]


def test_of_a_quick_bar_one_state_a_second_is_written_and_the_last() -> None:
    log = Log()
    for number in range(101):
        log.at(number / 20, b"\rloading: %d%%" % number)
    log.at(5.1, b"\nall is here\n")
    states = [line for line in log.lines if line.startswith(b"loading")]
    assert len(states) <= 5 / BAR_EVERY_S + 2
    assert states[0] == b"loading: 0%\r\n"
    assert states[-1] == b"loading: 100%\n"
    assert log.lines[-1] == b"all is here\n"


def test_the_newest_state_of_a_bar_that_stops_is_written_after_a_moment() -> None:
    log = Log()
    log.at(1.0, b"bar 1%\rbar 2%\rbar 3%\r")
    assert log.lines == [b"bar 1%\r\n"]
    log.at(1.0 + IDLE_S / 2)
    assert log.lines == [b"bar 1%\r\n"]
    log.at(1.0 + IDLE_S)
    assert log.lines == [b"bar 1%\r\n", b"bar 3%\r\n"]


def test_a_bar_that_never_moves_shows_its_phase() -> None:
    log = Log()
    log.at(1.0, b"\rCapturing CUDA graphs:   0%| 0/83")
    log.at(1.0 + IDLE_S)
    assert log.phases.phase == "capture"
    assert log.lines == [b"Capturing CUDA graphs:   0%| 0/83\n"]
    log.at(500.0)
    assert len(log.lines) == 1


def test_another_bar_is_written_at_once() -> None:
    log = Log()
    log.at(1.0, b"first 1%\rfirst 2%\r")
    log.at(1.1, b"second 1%\r")
    assert log.lines == [b"first 1%\r\n", b"first 2%\r\n", b"second 1%\r\n"]


def test_a_line_without_an_end_is_not_kept_for_ever() -> None:
    log = Log()
    log.at(1.0, b"x" * (3 << 20))
    assert len(log.lines) == 1


@given(st.lists(st.binary(max_size=40)))
def test_without_bars_no_byte_is_lost_or_made_up(chunks: list[bytes]) -> None:
    log = Log()
    plain = [chunk.replace(b"\r", b"") for chunk in chunks]
    for number, chunk in enumerate(plain):
        log.at(number * 0.01, chunk)
    log.stamper.end()
    whole = b"".join(plain)
    end = b"\n" if whole and not whole.endswith(b"\n") else b""
    assert re.sub(rb"(?m)^\S+Z \+ *[\d.]+ ", b"", log.file.getvalue()) == whole + end


BAR = re.compile(rb"\r([^\r]*?\[(\d+):(\d+)<[^\r]*)")
Replayed = tuple[Log, list[tuple[float, str]]]


@pytest.fixture(scope="module")
def replayed() -> Replayed:
    """vLLM 0.26 on one H200, whose bar moved by carriage returns for 76 s: the log, each new phase with its second."""
    marks = log_lines("vllm", "0.26.0").landmarks
    log, phases = Log(tuple((mark.phase, mark.pattern) for mark in marks)), [(0.0, "start")]
    for line in (DATA / "gpt-oss-120b-h200-startup.log").read_bytes().split(b"\n"):
        stamp = STAMP.match(line)
        if stamp is None:
            continue
        began = 248.9 if b"PIECEWISE):" in line else 325.3
        bars = BAR.findall(line)
        pieces = [(began + 60 * int(m) + int(s), b"\r" + text) for text, m, s in bars]
        end = (float(stamp[1]), b"\n" if bars else line[stamp.end() :] + b"\n")
        for now, piece in [*pieces, end]:
            while log.now + 0.5 < now:
                log.at(log.now + 0.5)
            log.at(max(now, log.now), piece)
            if log.phases.phase != phases[-1][1]:
                phases.append((log.now, log.phases.phase))
    return log, phases


def test_capture_begins_at_second_249(replayed: Replayed) -> None:
    began = {phase: round(now) for now, phase in replayed[1]}
    assert began == {
        "start": 0, "load": 83, "compile": 89, "profile": 125, "kv": 248, "tune": 249, "capture": 249, "ready": 327,
        "serving": 336,
    }  # fmt: skip


def test_the_log_never_stands_still_while_the_bar_moves(replayed: Replayed) -> None:
    times = [now for now in replayed[0].times if 249 <= now <= 325]
    assert max(after - before for before, after in itertools.pairwise(times)) < 15
    assert len(times) < 90


def test_what_is_written_came_from_the_engine(replayed: Replayed) -> None:
    raw = (DATA / "gpt-oss-120b-h200-startup.log").read_bytes()
    assert all(line.rstrip(b"\r\n") in raw for line in replayed[0].lines)
