"""What a contender saw, for the report: the pictures themselves stand on the page, each with what was read in it."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from onbox.judge.results import ContenderResult, SightResult, SightTrial, Verdict
from onbox.report.formatting import percent_interval
from onbox.schema.sight import SightReason

PICTURE_BYTES_MAX = 400_000
"""A larger one is linked and not shown."""
PICTURES_MAX = 4
KINDS = {b"\x89PNG\r\n": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp", b"GIF8": "gif"}
HEADS = {True: "sees", False: "does not see", None: "not known"}
WHY = {
    SightReason.SEES: "pictures are read",
    SightReason.SEEN_BADLY: "pictures arrive, and are read badly",
    SightReason.NO_TOWER: "no vision tower in the weights",
    SightReason.HIDDEN_BY_FLAG: "an option hides the vision tower",
    SightReason.NO_PROJECTOR_GIVEN: "the projector was not given to the engine",
    SightReason.NO_IMAGE_SLOT: "the chat template has no place for a picture",
    SightReason.REFUSED: "pictures are refused",
    SightReason.IGNORED: "pictures are accepted and change nothing",
    SightReason.UNKNOWN: "the cause is not known",
}
"""Of each reason, in words."""
STATUS = {True: "pass", False: "fail", None: "unknown"}


@dataclass(frozen=True)
class ShownPicture:
    """A picture on the page.

    Args:
        trial: what was asked about it.
        url: the picture itself; empty where it is gone, too large, or no picture.
    """

    trial: SightTrial
    url: str


def with_sight(verdict: Verdict) -> tuple[ContenderResult, ...]:
    """The contenders that were asked."""
    return tuple(each for each in verdict.contenders if each.sight is not None)


def shown(folder: Path, sight: SightResult) -> tuple[ShownPicture, ...]:
    """The first picture of each kind, as it was sent."""
    return tuple(ShownPicture(trial, _url(folder, trial.image)) for trial in _firsts(sight))


def _firsts(sight: SightResult) -> Iterator[SightTrial]:
    kinds: set[str] = set()
    for trial in sight.trials:
        if trial.image and not trial.control and trial.kind not in kinds and len(kinds) < PICTURES_MAX:
            kinds.add(trial.kind)
            yield trial


def _url(folder: Path, name: str) -> str:
    path = (folder / name).resolve()
    try:
        if not path.is_relative_to(folder.resolve()) or path.stat().st_size > PICTURE_BYTES_MAX:
            return ""
        data = path.read_bytes()
    except OSError:
        return ""
    kind = next((kind for magic, kind in KINDS.items() if data.startswith(magic)), "")
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}" if kind else ""


def rates(sight: SightResult) -> str:
    """How many were read at each size, with the interval."""
    return "; ".join(
        f"{rate.read} of {rate.valid} at {rate.width} x {rate.height} px ({percent_interval(rate.interval)})"
        for rate in sight.rates
    )


def markdown(verdict: Verdict) -> Iterator[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    """(heading, sentences, rows of the table) of each contender that was asked."""
    for contender in with_sight(verdict):
        sight = contender.sight
        assert sight is not None
        lines = [f"{HEADS[sight.sees]} ({WHY[sight.reason]}): {sight.detail}", f"Controls: {sight.controls}"]
        lines += [f"Try: {sight.advice}"] if sight.advice else []
        lines += [f"Missing: {each}" for each in sight.missing]
        rows: list[tuple[str, ...]] = [
            (
                str(trial.n),
                trial.control or f"{trial.width} x {trial.height}",
                ", ".join(trial.expected),
                trial.outcome.value,
                trial.note or trial.answer,
                trial.image,
            )
            for trial in sight.trials
        ]
        yield contender.name, tuple(lines), rows


HEAD = ("n", "picture", "in it", "outcome", "answer", "file")
