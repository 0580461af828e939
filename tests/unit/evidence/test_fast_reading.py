"""What makes a long trial fast to read changes no value: each short cut is held against the long way."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from onbox.app.judging import judge_trial
from onbox.app.sealing import verdict_bytes
from onbox.atomic_files import json_bytes
from onbox.evidence import folder
from onbox.evidence.folder import TrialFolder, json_of
from onbox.protocol.reply_reader import ReplyReader
from tests.recorded import unpack

ODD = (
    b"NaN",
    b"[Infinity]",
    b"-Infinity",
    b"1e999",
    b"123456789012345678901234567890",
    b"-9223372036854775809",
    b'"\\ud800"',
    b'"\\udc80x"',
    b'"\\ud83d\\ude00"',
    b'"\xed\xa0\x80"',
    b'"\xff"',
    b'{"a":1,"b":2,"a":3}',
    b"\xef\xbb\xbf1",
    b'"a\nb"',
    b"01",
    b"1.",
    b"-",
    b"-0",
    b"-0.0",
    b"5e-324",
    b"0.1000000000000000055511151231257827",
    b"",
    b"{}x",
    b"[1,]",
    b'"\x00"',
    b"1" * 5000,
    '"é"'.encode("utf-16"),
    b"[" * 400 + b"]" * 400,
    b"[" * 2000 + b"]" * 2000,
)


def _by_the_standard_library(text: bytes) -> Any:
    def refused(name: str) -> Any:
        raise ValueError(name)

    return json.JSONDecoder(parse_constant=refused).decode(text.decode(json.detect_encoding(text), "surrogatepass"))


def _read(parse: Any, text: bytes) -> str:
    try:
        return repr(parse(text))
    except (ValueError, RecursionError):
        return "refused"


@pytest.mark.parametrize("text", ODD, ids=lambda text: repr(text[:20]))
def test_json_is_read_as_the_standard_library_reads_it(text: bytes) -> None:
    assert _read(json_of, text) == _read(_by_the_standard_library, text)


def test_broken_json_is_read_as_the_standard_library_reads_it() -> None:
    draw = random.Random(20261129)
    whole = json.dumps({"a": [1, -2.5e3, True, None, 'x\u00e9\\ "', {"b": 12345678901234567890}], "c": "\ud83d\ude00"})
    refused = 0
    for _ in range(4000):
        data = bytearray(whole.encode())
        for _ in range(draw.randint(1, 3)):
            data[draw.randrange(len(data))] = draw.choice(b'{}[]",:\\0123456789eE+-.ntfu \xc3\xa9\x80\x00')
        expected = _read(_by_the_standard_library, bytes(data))
        refused += expected == "refused"
        assert _read(json_of, bytes(data)) == expected, bytes(data)
    assert 400 < refused < 3990


def test_numbers_are_the_same_to_the_last_bit() -> None:
    draw = random.Random(7)
    for _ in range(4000):
        whole, part = draw.getrandbits(draw.randint(1, 90)), draw.getrandbits(draw.randint(1, 120))
        text = f"{whole}.{part}e{draw.randint(-330, 310)}"
        assert json_of(text) == json.loads(text), text


@pytest.mark.parametrize("name", ["embedded", "arms", "attached", "invalid", "resumed"])
def test_a_verdict_has_the_same_bytes_without_the_fast_parser(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = unpack(name, tmp_path)
    verdict = judge_trial(trial)
    fast = json_bytes(verdict)
    assert verdict_bytes(verdict) == fast
    assert verdict_bytes(verdict.model_copy(update={"runs": ()})) == json_bytes(verdict.model_copy(update={"runs": ()}))

    def none(*_: Any, **__: Any) -> Any:
        raise ValueError

    monkeypatch.setattr(folder, "from_json", none)
    assert json_bytes(judge_trial(trial)) == fast


def test_a_recorded_stream_is_read_as_one_that_arrives(tmp_path: Path) -> None:
    trial = TrialFolder(unpack("embedded", tmp_path))
    wires = sorted(trial.path.glob("*/runs/*/*/*/wire.jsonl"))
    read = 0
    for exchange in (exchange for wire in wires for exchange in trial.exchanges(wire)):
        live, recorded = ReplyReader(), ReplyReader()
        for t_ns, text in exchange.chunks:
            live.feed(t_ns, text.encode("utf-8", "surrogateescape"))
        recorded.feed_recorded(exchange.chunks)
        assert recorded.end() == live.end()
        read += len(exchange.chunks)
    assert read > 500


def test_run_folders_that_are_none_are_no_runs(tmp_path: Path) -> None:
    trial = TrialFolder(unpack("embedded", tmp_path))
    name = trial.plan().contenders[0].name
    before = trial.run_places(name)
    assert before == sorted(before)
    assert len(before) == len(trial.runs(name)) > 0
    (trial.contender(name) / "runs" / "a-file").write_text("")
    (trial.contender(name) / "runs" / before[0][0] / "baseline" / "99").mkdir()
    assert trial.run_places(name) == before
    assert trial.run_places("nobody") == []
