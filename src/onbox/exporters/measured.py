"""The decode rates of a verdict that another tool's format may show."""

import json
from dataclasses import dataclass
from typing import Any

from onbox.errors import BadSubjectError
from onbox.judge.results import Measurement, Validity, Verdict
from onbox.judge.speed.checks import HARD
from onbox.judge.summary import Summary, summary
from onbox.schema.checks import Status

REFUSING = HARD
"""Checks whose failure leaves no number."""


@dataclass(frozen=True)
class MeasuredContender:
    """One contender with a decode rate.

    Args:
        name: of the contender.
        speed: its measurement, or that of another number of requests at a time; never an invalid one.
    """

    name: str
    speed: Measurement

    @property
    def concurrency(self) -> int:
        """Requests at a time."""
        return int(self.speed.profile.get("concurrency") or 1)

    @property
    def cell(self) -> str:
        """The contender, with the number of requests at a time where there are several."""
        return self.name if self.concurrency == 1 else f"{self.name}.c{self.concurrency}"

    @property
    def model(self) -> str:
        """What the requests called the model; the contender's name where they did not say."""
        return str(self.speed.profile.get("model") or self.name)

    @property
    def test(self) -> str:
        """Its name in the manner of llama-benchy: `tg128`, `tg128 @ d4096`, `tg128 (c4)`."""
        depth = self.speed.profile.get("depth_tokens")
        suffix = f" (c{self.concurrency})" if self.concurrency > 1 else ""
        return f"tg{self.speed.profile.get('tokens')}" + (f" @ d{depth}" if depth else "") + suffix

    @property
    def rates_tok_s(self) -> Summary | None:
        """Of the requests one by one."""
        return summary([one.decode_tok_s for one in self.speed.each])

    @property
    def ttfts_s(self) -> Summary | None:
        """Of the requests one by one."""
        return summary([one.ttft_s for one in self.speed.each])

    @property
    def judged(self) -> dict[str, Any]:
        """What other tools' formats have no word for; those that allow further keys carry it as `onbox`."""
        return {
            "status": self.speed.status.value,
            "decode_tok_s": self.speed.decode_tok_s,
            "system_tok_s": self.speed.system_tok_s,
            "interval": self.speed.interval,
            "not_passed": doubts(self.speed),
            "profile": self.speed.profile,
        }


def doubts(speed: Measurement) -> list[str]:
    """Each check that is not a pass, with what it is instead."""
    return [f"{check.id} {check.status}" for check in speed.checks if check.status is not Status.PASS]


def as_json(value: dict[str, Any]) -> bytes:
    """The content of a JSON file."""
    return (json.dumps(value, indent=2, ensure_ascii=True) + "\n").encode()


def measured(verdict: Verdict) -> tuple[list[MeasuredContender], list[str]]:
    """The contenders whose rate may be shown, and a sentence for each of which something must be said beside it.

    An invalid number is left out; a suspect one is named, for few formats have a place for a status.

    Raises:
        BadSubjectError: there is no rate to show.
    """
    shown, notes = [], []
    for contender in verdict.contenders:
        speed = contender.speed
        if speed is None:
            notes.append(f"{contender.name}: left out, its speed was not measured")
        elif speed.rate_of != "model":
            notes.append(f"{contender.name}: left out, its weights are random: a rate of the kernels is not published")
        elif speed.status is Validity.INVALID or speed.decode_tok_s is None:
            failed = [check.id for check in speed.checks if check.status is Status.FAIL and check.id in REFUSING]
            notes.append(f"{contender.name}: left out, its speed is invalid ({', '.join(failed)})")
        else:
            shown.append(MeasuredContender(contender.name, speed))
            for cell in (MeasuredContender(contender.name, one) for one in speed.cells):
                if cell.concurrency == 1:
                    continue  # the first once more, for its steadiness alone
                if cell.speed.status is Validity.INVALID or cell.speed.decode_tok_s is None:
                    notes.append(f"{cell.name}: {cell.concurrency} requests at a time: left out, it is invalid")
                else:
                    shown.append(cell)
            if speed.status is Validity.SUSPECT:
                notes.append(f"{contender.name}: its speed is suspect ({', '.join(doubts(speed))})")
    if not shown:
        raise BadSubjectError(f"{verdict.trial}: no decode rate to export: {'; '.join(notes)}")
    return shown, notes
