"""A version whose log nobody has read: told once, and progress by what the box shows."""

import io

import pytest

from onbox.app.watching import WatchFrame
from onbox.cli.ui.watch_view import WatchLines
from onbox.engines.known import unknown_version
from onbox.engines.landmarks import version_note
from onbox.watch.classify import WatchState
from onbox.watch.samples import Process, WatchSample
from onbox.watch.watcher import Tracker


@pytest.mark.parametrize(
    ("engine", "version", "is_known"),
    [
        ("vllm", "0.26.0", True),
        ("vllm", "0.32.0+cpu", True),
        ("vllm", "0.33.1", True),
        ("vllm", "0.14-mxfp4", True),
        ("vllm", "0.34.0", False),
        ("vllm", "1.0.0", False),
        ("vllm", "0.20.2", False),
        ("vllm", None, True),
        ("vllm", "nightly", True),
        ("llama-server", "b11549", True),
        ("llama-embedded", "xllamacpp 2026.10.11549", True),
        ("llama-embedded", "xllamacpp 2027.1.20000", False),
        ("llama-server", "b99999", False),
        ("sglang", "0.5.23", True),
    ],
)
def test_only_a_version_that_can_be_observed_and_is_in_no_table_is_unknown(
    engine: str, version: str | None, is_known: bool
) -> None:
    assert (unknown_version(engine, version) == "") == is_known


@pytest.mark.parametrize(
    "line",
    [
        "pip version 24.0", "CUDA version 13.0", "version GGUF V3 (latest)", "build_info: b0-unknown",
        "INFO [core.py:116] Initializing a V1 LLM engine (v0.26.0) with config: model='m'",
    ],
)  # fmt: skip
def test_lines_of_others_and_of_known_versions_tell_nothing(line: str) -> None:
    assert version_note(line) == ""


NEW = "(EngineCore pid=1) INFO [core.py:9] Initializing a V1 LLM engine (v0.41.0) with config: model='m'"


def samples(seconds: int, *, works: bool) -> list[WatchSample]:
    """A start of a version from the future; its memory grows, or nothing moves."""

    def engine(t: int) -> tuple[Process, ...]:
        held = 10**9 + (t * 10**7 if works else 0)
        return (Process(1, "python3", "own", "S", 0.0, 0, 1, held, 0, 0, 0, 0),)

    return [
        WatchSample(t_ns=t * 10**9, processes=engine(t), log=(NEW,) if t == 1 else (), log_bytes=t)
        for t in range(seconds)
    ]


def test_memory_that_grows_is_progress_in_a_phase_without_a_name() -> None:
    tracker = Tracker()
    verdicts = [tracker.take(sample) for sample in samples(400, works=True)]
    assert {verdict.state for verdict in verdicts} == {WatchState.PROGRESSING}
    assert "vllm 0.41.0 is none of those that onbox knows (0.26.0 to 0.33.0)" in verdicts[-1].evidence["version"]


def test_it_may_stand_still_for_as_long_as_the_longest_phase() -> None:
    tracker = Tracker()
    verdicts = [tracker.take(sample) for sample in samples(700, works=False)]
    found = next(verdict.t_s for verdict in verdicts if verdict.state is WatchState.HUNG)
    assert 590 < found < 605
    patient = Tracker(60.0)
    assert any(patient.take(sample).state is WatchState.HUNG for sample in samples(70, works=False))


def test_it_is_reported_once() -> None:
    tracker, out = Tracker(), io.StringIO()
    with WatchLines(out) as view:
        for sample in samples(120, works=True):
            view.show(WatchFrame("vllm", tracker.take(sample), tuple(tracker.laps)))
    assert out.getvalue().count("is none of those that onbox knows") == 1
