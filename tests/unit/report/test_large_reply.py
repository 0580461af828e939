"""A reply of ten megabytes costs its run, never the judge or the reports: bounded time, bounded files."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from onbox.atomic_files import write_json
from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import Exchange, Preflight, PreflightCase, Role
from onbox.preflight.session import short
from onbox.report import html, markdown, post, poster
from tests.builders import Contender, build_trial, speed_parts
from tests.exchanges import call_reply, delta, event, streamed, usage_event
from tests.judging import judge

LARGE = 10_000_000
JUDGE_S, REPORT_BYTES, POST_BYTES = 10.0, 1_000_000, 6_000
WORDS = "Oce 渝 \x1b[31m{[<tool_call> "


def nonsense(characters: int = LARGE) -> str:
    return (WORDS * (characters // len(WORDS) + 1))[:characters]


def in_one_piece() -> Exchange:
    return streamed([(1.0, delta(content=nonsense())), (2.0, usage_event(9, 60)), (2.0, event("[DONE]"))])


def in_many_pieces() -> Exchange:
    pieces = 20_000
    text = nonsense(LARGE // pieces)
    chunks = [(1 + n / 1000, delta(content=text)) for n in range(pieces)]
    return streamed([*chunks, (21.0, usage_event(9, pieces)), (21.0, event("[DONE]"))])


def large_arguments() -> Exchange:
    return call_reply({"command": nonsense()})


def in_reasoning() -> Exchange:
    return streamed([(1.0, delta(reasoning_content=nonsense())), (2.0, usage_event(9, 60)), (2.0, event("[DONE]"))])


def trial(path: Path, exchange: Exchange) -> TrialFolder:
    """A contender whose probe for sense, measurement and run each got such a reply."""
    parts = speed_parts()
    last = parts.exchanges[-1]
    parts.exchanges[-1] = exchange.model_copy(update={"id": last.id, "purpose": "measured", "t0_ns": last.t0_ns})
    contender = Contender("loud", Role.INCUMBENT, {"rename": "F"}, speed=parts)
    folder = build_trial(path, [contender], runs=1)
    detail = f"asked for the capital of France, it answered: {short(nonsense())}"
    case = PreflightCase(name="coherence", status="fail", detail=detail)
    write_json(folder.contender("loud") / "preflight.json", Preflight(cases=(case,), tools=False))
    for wire in path.glob("loud/runs/*/*/*/wire.jsonl"):
        kept = wire.read_text("utf-8").splitlines()[0]
        first = Exchange.model_validate_json(kept)
        again = exchange.model_copy(update={"id": first.id + 1, "purpose": "agent", "request": first.request})
        wire.write_text(f"{kept}\n{again.model_dump_json()}\n", "utf-8")
    return folder


@pytest.mark.parametrize("reply", [in_one_piece, in_many_pieces, large_arguments, in_reasoning])
def test_ten_megabytes_of_nonsense(reply: Callable[[], Exchange], tmp_path: Path) -> None:
    folder = trial(tmp_path / "t", reply())
    began_s = time.process_time()
    verdict = judge(folder)
    judged_s = time.process_time() - began_s
    sizes = {
        "verdict.json": len(verdict.model_dump_json()),
        "report.html": len(html.render(folder, verdict).encode()),
        "report.md": len(markdown.render(folder, verdict).encode()),
        "svg": len(poster.render(verdict).encode()),
    }
    spent_s = time.process_time() - began_s
    print(f"\n{reply.__name__}: judged in {judged_s:.1f} s, all in {spent_s:.1f} s of processor time; bytes: {sizes}")
    assert judged_s < JUDGE_S
    assert spent_s < 2 * JUDGE_S
    assert {name: size for name, size in sizes.items() if size > REPORT_BYTES} == {}
    assert len(post.render(folder, verdict).encode()) <= POST_BYTES
    shown = [check.hint for check in verdict.contenders[0].speed.checks] if verdict.contenders[0].speed else []
    assert max(map(len, [*shown, *(run.detail for run in verdict.runs)])) < 1200
