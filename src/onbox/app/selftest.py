"""The estimator against servers of known truth."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

from onbox.errors import BadSubjectError, BoxError, UsageError
from onbox.evidence.folder import TrialFolder
from onbox.evidence.load import load_speed
from onbox.evidence.truth import Truth
from onbox.judge.speed.selftest import ShapeResult, judge_shape
from onbox.selftest.host import serve
from onbox.selftest.run import JOBS, measure_shapes
from onbox.selftest.shapes import SHAPES, TokenTiming

__all__ = ["SHAPES", "check_names", "check_results", "run_selftest", "serve_shapes"]


def run_selftest(
    shapes: Sequence[str] = (),
    *,
    out: Path | None = None,
    stall_s: float = 5.0,
    jobs: int | None = None,
    on_shape: Callable[[int, int], None] = lambda done, total: None,
) -> list[ShapeResult]:
    """Measure servers whose rate is known: right numbers within 1 percent, bad streams refused for the right reason.

    Args:
        shapes: only these; all if left out.
        out: keep the evidence in this folder.
        stall_s: length of the pause of the shape `stall`.
        jobs: shapes that are measured at a time.
        on_shape: called with (shapes measured, shapes in all) after each.

    Raises:
        UsageError: there is no such shape, or the folder is not empty.
    """
    check_names(shapes)
    if out is not None and out.exists() and any(out.iterdir()):
        raise UsageError(f"--out {out}: is there already and not empty", "name another folder")
    wanted = [shape for name, shape in SHAPES.items() if not shapes or name in shapes]
    done: list[str] = []

    def count(name: str) -> None:
        done.append(name)
        on_shape(len(done), len(wanted))

    with nullcontext(str(out)) if out else TemporaryDirectory(prefix="onbox-selftest-") as path:
        measure_shapes(wanted, Path(path), tempo=TokenTiming(stall_s=stall_s), jobs=jobs or JOBS, on_shape=count)
        return [judge_measured(Path(path), shape.name) for shape in wanted]


def judge_measured(folder: Path, name: str) -> ShapeResult:
    """Judge the evidence of one shape.

    Raises:
        UsageError: it is missing or not what it should be.
    """
    trial = TrialFolder(folder)
    return judge_shape(trial.read(Truth, folder / name / "truth.json"), load_speed(trial, name))


def check_results(results: Sequence[ShapeResult], *, kept: bool) -> None:
    """Do nothing where every shape was measured as it must be.

    Raises:
        BadSubjectError: one was not.
    """
    missed = [result for result in results if not result.passed]
    if missed:
        why = "; ".join(f"{result.name}: {result.why}" for result in missed)
        step = "" if kept else "keep the evidence with --out DIR"
        raise BadSubjectError(f"selftest: {len(missed)} of {len(results)} shapes missed: {why}", step)


def serve_shapes(
    shapes: Sequence[str] = (), *, port: int = 0, stall_s: float = 5.0, on_port: Callable[[int], None]
) -> None:
    """Serve on loopback, for any client, until interrupted.

    Args:
        shapes: one that every model is; all by the model's name if left out.
        port: a free one if 0.
        stall_s: length of the pause of the shape `stall`.
        on_port: called with the port when it listens.

    Raises:
        UsageError: there is no such shape, or more than one is named.
        BoxError: it cannot listen there.
    """
    check_names(shapes)
    if len(shapes) > 1:
        raise UsageError("--shape: a server has one shape, or all of them by the model's name", "give it once")
    try:
        asyncio.run(serve(port, shapes[0] if shapes else None, TokenTiming(stall_s=stall_s), on_port))
    except OSError as error:
        raise BoxError(
            f"--port {port}: cannot listen there: {error.strerror}", "leave it out for a free one"
        ) from error


def check_names(shapes: Sequence[str]) -> None:
    """Raise UsageError for a name that is no shape."""
    unknown = [name for name in shapes if name not in SHAPES]
    if unknown:
        raise UsageError(f"--shape {unknown[0]}: no such shape", f"one of {', '.join(SHAPES)}")
