"""Usage, times and stamps that no server can mean: no reply brings a negative or endless number, or a traceback.

`ONBOX_FUZZ=1000` asks for so many replies instead of the 200 that CI takes; each seed makes the same reply every time.
"""

import json
import math
import os
import random
from pathlib import Path
from typing import Any

import pytest

from onbox.evidence.folder import TrialFolder
from onbox.evidence.load import load_speed
from onbox.evidence.records import Exchange
from onbox.judge.speed.measurement import measure
from onbox.schema.checks import Status
from tests.builders import speed_parts
from tests.unit.judge.speed.test_usage import numbers

REPLIES = int(os.environ.get("ONBOX_FUZZ", "200"))
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, -642, 1, 2, 96, 97, 10**9, 10**12, 2**63 - 1, 2**70, 10**400, 0.0, 1.5, -0.5, 1e300, "96",
    "", "-1", "NaN", "x" * 500, [], [96], {}, {"tokens": 96}, math.nan, math.inf, -math.inf,
)  # fmt: skip
FIELDS = (
    ("usage", "completion_tokens"), ("usage", "prompt_tokens"), ("usage", "total_tokens"), ("usage",),
    ("usage", "completion_tokens_details"), ("usage", "completion_tokens_details", "reasoning_tokens"),
    ("usage", "output_tokens"), ("usage", "output_tokens_details", "reasoning_tokens"),
    ("usage", "prompt_tokens_details", "cached_tokens"), ("timings", "predicted_n"), ("timings", "predicted_ms"),
    ("timings", "prompt_n"), ("timings", "prompt_ms"), ("timings", "cache_n"), ("timings", "draft_n"),
    ("timings", "draft_n_accepted"), ("timings",), ("metrics", "generation_time_ms"), ("metrics",),
)  # fmt: skip


def mutated(exchange: Exchange, chance: random.Random) -> Exchange:
    """The same stream with some of its last message, its chunks or its stamps changed."""
    chunks = list(exchange.chunks)
    last = json.loads(chunks[-2][1].removeprefix("data: "))
    for _ in range(chance.randint(1, 3)):
        *path, name = chance.choice(FIELDS)
        holder = last
        for each in path:
            holder = holder.setdefault(each, {})
            if not isinstance(holder, dict):
                break
        if isinstance(holder, dict):
            holder[name] = chance.choice(ODD)
    chunks[-2] = (chunks[-2][0], f"data: {json.dumps(last)}\n\n")
    match chance.randrange(6):
        case 0:
            del chunks[1 : chance.randint(2, len(chunks) - 3)]
        case 1:
            chunks[1:-3] = [(chunks[1][0], text) for _, text in chunks[1:-3]]
        case 2:
            chunks.insert(chance.randrange(len(chunks)), chunks[-2])
        case 3:
            del chunks[-2]
        case 4:
            chunks.append((chunks[-1][0], 'data: {"choices": [{}]}\n\n'))
    return exchange.model_copy(update={"chunks": tuple(chunks)})


@pytest.mark.parametrize("start", range(0, REPLIES, 50))
def test_no_reply_brings_a_number_that_is_none(start: int, tmp_path: Path) -> None:
    for seed in range(start, min(start + 50, REPLIES)):
        chance = random.Random(seed)
        parts = speed_parts(requests=3, tokens=32)
        parts.exchanges = [
            mutated(each, chance) if each.purpose == "measured" and chance.random() < 0.7 else each
            for each in parts.exchanges
        ]
        if chance.random() < 0.5:
            parts.metrics_before = parts.metrics_after = None
        parts.write(tmp_path / str(seed) / "small" / "speed" / "1")
        evidence = load_speed(TrialFolder(tmp_path / str(seed)), "small", 1)
        assert evidence is not None
        result = measure(evidence)
        shown = numbers(json.loads(result.model_dump_json(exclude={"checks"})))
        assert all(math.isfinite(number) and number >= 0 for number in shown), seed
        for check in result.checks:
            assert not isinstance(check.observed, float) or math.isfinite(check.observed), (seed, check.id)
            assert len(check.hint) < 1000, (seed, check.id)
        bad = [check.id for check in result.checks if check.status is not Status.PASS]
        assert set(bad[: bad.index("USAGE")] if "USAGE" in bad else []) <= {"COHERENCE"}, seed
