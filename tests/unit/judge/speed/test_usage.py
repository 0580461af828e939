"""What a server says of the length of its replies: impossible counts are refused, and what it kept back is divided by
no visible time."""

import json
import math
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from onbox.cli.ui.measurement import measurement as measurement_view
from onbox.evidence.records import Exchange
from onbox.judge.results import Measurement, Validity
from onbox.protocol.api_formats import piece_of
from onbox.protocol.reply import Reply
from onbox.schema.checks import Status
from tests.builders import SpeedParts, speed_parts
from tests.exchanges import event
from tests.unit.judge.speed.test_measurement import bad, check, measured, replace_measured


def with_usage(exchange: Exchange, **usage: Any) -> Exchange:
    """The same stream whose usage says something else, without the engine's own account."""
    chunks = list(exchange.chunks)
    last = {"choices": [], "usage": {"prompt_tokens": 32, **usage}}
    chunks[-2] = (chunks[-2][0], event(last).encode() if isinstance(chunks[-2][1], bytes) else event(last))
    return exchange.model_copy(update={"chunks": tuple(chunks)})


def numbers(value: Any) -> list[float]:
    """Every number in a record, however deep."""
    if isinstance(value, dict):
        return [number for inner in value.values() for number in numbers(inner)]
    if isinstance(value, list):
        return [number for inner in value for number in numbers(inner)]
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else []


def shown(result: Measurement) -> list[float]:
    """All numbers of a measurement but what checks observed and where they draw the line."""
    return numbers(json.loads(result.model_dump_json(exclude={"checks"})))


@pytest.mark.parametrize("count", [-642, 1.5, True, "96", 10**12, [96], 97])
def test_an_impossible_count_is_refused(count: Any, tmp_path: Path) -> None:
    parts = speed_parts()
    replace_measured(parts, lambda exchange: with_usage(exchange, completion_tokens=count))
    result = measured(tmp_path, parts)
    assert check(result, "USAGE").status is Status.FAIL
    assert "the server's usage is wrong" in check(result, "USAGE").hint
    assert (result.status, result.decode_tok_s) == (Validity.INVALID, None)
    assert check(result, "OUTPUT_LENGTH").status is not Status.FAIL
    assert all(math.isfinite(number) and number >= 0 for number in shown(result))


def kept_back(parts: SpeedParts, hidden: int, tok_s: float, *, with_details: bool = True) -> None:
    """A gateway that strips the first tokens, reasoning, and tells how many they were; no /metrics behind it."""

    def bend(exchange: Exchange) -> Exchange:
        start, chunks, end = exchange.chunks[0], exchange.chunks[1 : 1 + 32], exchange.chunks[-3:]
        first_ns = start[0] + int(hidden / tok_s * 1e9)
        moved = [(first_ns + int(n / tok_s * 1e9), text) for n, (_, text) in enumerate(chunks)]
        last_ns = moved[-1][0]
        stream = (start, *moved, *((last_ns, text) for _, text in end))
        stripped = exchange.model_copy(update={"chunks": stream, "ended_ns": last_ns})
        details = {"reasoning_tokens": hidden}
        more = {"completion_tokens_details": details} if with_details else {}
        return with_usage(stripped, completion_tokens=hidden + 32, **more)

    replace_measured(parts, bend)
    parts.metrics_before = parts.metrics_after = None


def test_reasoning_that_was_kept_back_is_divided_by_no_visible_time(tmp_path: Path) -> None:
    """128 tokens by usage, 96 of them stripped, at a true 60 tok/s: 60 from what was seen, and never 240."""
    parts = speed_parts(tokens=128)
    kept_back(parts, hidden=96, tok_s=60.0)
    result = measured(tmp_path, parts)
    (client,) = [witness for witness in result.witnesses if witness.name == "client_bursts"]
    assert client.tok_s == pytest.approx(60.0, rel=0.01)
    assert result.decode_tok_s is None or result.decode_tok_s == pytest.approx(60.0, rel=0.01)


def test_reasoning_that_was_kept_back_in_silence_gives_no_rate(tmp_path: Path) -> None:
    """The same, and the gateway does not tell how many they were."""
    parts = speed_parts(tokens=128)
    kept_back(parts, hidden=96, tok_s=60.0, with_details=False)
    result = measured(tmp_path, parts)
    assert result.decode_tok_s is None
    assert check(result, "USAGE").status is Status.WARN
    assert "reasoning is kept back" in check(result, "USAGE").hint


def test_reasoning_tokens_of_responses_are_read() -> None:
    usage = {"output_tokens": 128, "output_tokens_details": {"reasoning_tokens": 96}}
    reply = Reply()
    reply.add(piece_of({"type": "response.completed", "response": {"status": "completed", "usage": usage}}))
    assert (reply.completion_tokens, reply.hidden_tokens) == (128, 96)


def test_without_usage_the_flag_that_brings_it_comes_first(tmp_path: Path) -> None:
    parts = speed_parts()
    replace_measured(parts, lambda exchange: exchange.model_copy(update={"chunks": exchange.chunks[:-2]}))
    parts.metrics_before = parts.metrics_after = None
    result = measured(tmp_path, parts)
    assert result.decode_tok_s is None
    first = next(check for check in result.checks if check.status is not Status.PASS)
    assert first.id == "USAGE"
    assert "--enable-force-include-usage" in first.hint
    console = Console(width=300, file=StringIO())
    console.print(measurement_view(result, tmp_path))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert "USAGE" in next(
        line for line in lines if ": " in line and line.lstrip().startswith(("fail", "warn", "unknown"))
    )


def test_a_right_count_is_as_it_was(tmp_path: Path) -> None:
    assert bad(measured(tmp_path, speed_parts())) == {}


def test_reasoning_for_which_there_was_no_time_was_not_kept_back(tmp_path: Path) -> None:
    """A server that puts its reasoning into the text counts it apart all the same; every token came."""
    parts = speed_parts()
    details = {"reasoning_tokens": 64}
    replace_measured(parts, lambda e: with_usage(e, completion_tokens=96, completion_tokens_details=details))
    result = measured(tmp_path, parts)
    (client,) = [witness for witness in result.witnesses if witness.name == "client_bursts"]
    assert client.tok_s == pytest.approx(25.0, rel=0.01)
