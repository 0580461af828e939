"""The pages of one trial: its verdict, or how far it is; its runs, its speed, its stand-ups, its files."""

import json

from starlette.responses import HTMLResponse, Response

from onbox.errors import UsageError
from onbox.evidence.records import StandUp
from onbox.judge.results import Measurement, RunResult
from onbox.judge.runs.codes import CODES
from onbox.report import html
from onbox.view import arrivals, files, standups, transcript
from onbox.view.access import POLICY
from onbox.view.library import TrialSummary
from onbox.view.live import LiveState, LiveTrial
from onbox.view.memory import chart
from onbox.view.pages import Pages
from onbox.view.paging import paged
from onbox.view.query import Query
from onbox.view.runs import RunFilter, counted, key_of, neighbours
from onbox.view.trial import TrialPage

SQUARES_MAX = 40
"""Of one task: more runs are told in numbers."""
RUNS_A_PAGE = 100
LIVE_KEPT = 8
REPORT_RUNS_MAX = 1000
"""A report holds the transcript of every run."""
STEPS = (("−", 0.5, 2.0, "wider"), ("+", 0.5, 0.5, "closer"), ("←", 0.0, 1.0, "earlier"), ("→", 1.0, 1.0, "later"))
"""Sign, share of the window, times its width, in words."""


class TrialPages:
    """Everything about one trial.

    Args:
        pages: over the same library.
    """

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._live: TrialSummary[str, LiveTrial] = TrialSummary(LIVE_KEPT)

    def trial(self, query: Query) -> Response:
        """The verdict and the way to all that is behind it; of a trial without one, how far it is."""
        at = query.needed("at")
        trial = self._pages.read.get(at)
        if trial is None:
            state = self.live_state(at)
            return self._pages.render("live.html.j2", at=at, name=_name(at), live=state, squares_max=SQUARES_MAX)
        return self._pages.render(
            "trial.html.j2",
            t=trial,
            v=trial.verdict,
            squares_max=SQUARES_MAX,
            counted=counted,
            key_of=key_of,
            top=_largest(trial),
            longest_s=max((sum(p.seconds for p in up.phases) for up in _last_lives(trial)), default=0.0),
            largest_bytes=max((p.peak_bytes or 0 for up in _last_lives(trial) for p in up.phases), default=0),
        )

    # ------------------------------------------------------------ under way

    def follow(self, at: str) -> LiveTrial:
        """What follows a trial.

        Raises:
            UsageError: there is none.
        """
        folder = self._pages.library.folder(at)
        inode = folder.path.stat().st_ino
        return self._live.get(at, inode, 1, lambda: LiveTrial(folder))

    def live_state(self, at: str) -> LiveState:
        """How a trial stands now."""
        return self.follow(at).refresh(self._pages.library.stamp(at).running)

    def live_part(self, at: str) -> str:
        """What changes of its page, as HTML; empty: it has a verdict now, and another page."""
        stamp = self._pages.library.stamp(at)
        if stamp.verdict is not None and not stamp.running:
            return ""
        state = self.follow(at).refresh(stamp.running)
        return self._pages.text("live_part.html.j2", at=at, live=state, squares_max=SQUARES_MAX)

    # ------------------------------------------------------------ runs

    def runs(self, query: Query) -> Response:
        """The runs, picked and in pages."""
        trial, picked = self._pages.read.needed(query.needed("at")), RunFilter.by(query)
        found = picked.of_runs(trial.verdict.runs)
        page = paged(found, query.number("page", 1), RUNS_A_PAGE)
        return self._pages.render("runs.html.j2", t=trial, p=picked, page=page, key_of=key_of, CODES=CODES)

    def run(self, query: Query) -> Response:
        """One run to be read.

        Raises:
            UsageError: there is no such run.
        """
        at, key = query.needed("at"), query.needed("run")
        trial, picked = self._pages.read.get(at), RunFilter.by(query)
        folder = self._pages.library.folder(at)
        if trial is None:
            run, beside = self._ended(at, key), None
        else:
            run = trial.run(key)
            beside = neighbours(picked.of_runs(trial.verdict.runs), run)
        return self._pages.render(
            "run.html.j2",
            t=trial,
            at=at,
            name=_name(at),
            run=run,
            p=picked,
            beside=beside,
            reading=transcript.read(folder, run, query.number("steps", 1)),
            key_of=key_of,
            meaning=CODES[run.code].meaning if run.code in CODES else "",
        )

    def _ended(self, at: str, key: str) -> RunResult:
        parts = key.split("/")
        if len(parts) != 4 or not (parts[3].isascii() and parts[3].isdecimal()):
            raise UsageError("a run is named as CONTENDER/TASK/ARM/N", "go back to the trial")
        if any(part in ("", ".", "..") for part in parts):
            raise UsageError("there is no such run", "go back to the trial")
        return self.follow(at).result((parts[0], parts[1], parts[2], int(parts[3])))

    # ------------------------------------------------------------ speed

    def speed(self, query: Query) -> Response:
        """The witnesses of a decode rate, and the raw arrivals behind it."""
        trial = self._pages.read.needed(query.needed("at"))
        contender = trial.contender(query.text("of") or trial.verdict.contenders[0].name)
        at_a_time = query.number("at_a_time", 0)
        where = f"{contender.name}/speed/1" + (f"/at-{at_a_time}" if at_a_time else "")
        window = query.share("from", 0.0), query.share("to", -1.0)
        problem = ""
        lines: tuple[arrivals.RequestLine, ...] = ()
        strip: arrivals.ArrivalStrip | None = None
        try:
            lines, strip = arrivals.strip_of(trial.folder, where, query.number("request"), window)
        except (UsageError, OSError, ValueError) as error:
            problem = f"{where}/requests.jsonl: cannot be read: {str(error).partition(chr(10))[0][:300]}"
        return self._pages.render(
            "speed.html.j2",
            t=trial,
            c=contender,
            where=where,
            at_a_time=at_a_time,
            lines=lines,
            strip=strip,
            problem=problem,
            picture=arrivals.picture,
            purposes=arrivals.PURPOSES,
            steps=STEPS,
            top=_largest(trial),
            data=json.dumps(strip.stamps, separators=(",", ":")) if strip and len(strip.stamps) <= 60_000 else "",
        )

    # ------------------------------------------------------------ stand-up, files, report

    def standup(self, query: Query) -> Response:
        """Every lifetime of a contender's engine."""
        trial = self._pages.read.get(query.needed("at"))
        at, of = query.needed("at"), query.text("of")
        folder = self._pages.library.folder(at)
        names = [c.name for c in trial.verdict.contenders] if trial else [c.name for c in folder.plan().contenders]
        name = of or names[0]
        if name not in names:
            raise UsageError("this trial has no such contender", "go back to the trial")
        found, more = standups.lives(folder, name)
        longest = max((sum(p.seconds for p in life.up.phases) for life in found if life.up), default=0.0)
        largest = max((p.peak_bytes or 0 for life in found if life.up for p in life.up.phases), default=0)
        return self._pages.render(
            "standup.html.j2",
            t=trial,
            at=at,
            name=_name(at),
            names=names,
            of=name,
            lives=found,
            more=more,
            longest_s=longest,
            largest_bytes=largest,
            chart=chart,
        )

    def file(self, at: str, names: tuple[str, ...]) -> Response:
        """A file as it is, a folder as a list, or the report made anew.

        Raises:
            UsageError: there is none.
        """
        folder = self._pages.library.folder(at)
        if names == ("report.html",) and (trial := self._pages.read.get(at)) is not None:
            return self._report(trial)
        found = files.listed(folder, names)
        if found is None:
            return files.sent(folder, names)
        return self._pages.render(
            "files.html.j2", at=at, name=_name(at), t=None, names=names, entries=found[0], cut=found[1]
        )

    def _report(self, trial: TrialPage) -> Response:
        """By today's templates: what lies in the folder may be anybody's page."""
        if len(trial.verdict.runs) > REPORT_RUNS_MAX:
            raise UsageError(
                f"a report with the transcripts of {len(trial.verdict.runs):,} runs is too large to be made for a page",
                "the file report.html lies in the trial's folder",
            )
        policy = POLICY.replace("style-src 'self'", "style-src 'unsafe-inline'").replace("script-src 'self'; ", "")
        return HTMLResponse(html.render(trial.folder, trial.verdict), headers={"content-security-policy": policy})


def _name(at: str) -> str:
    return "this folder" if at == "." else at.rpartition("/")[2]


def _last_lives(trial: TrialPage) -> list[StandUp]:
    return [part.stand_ups[-1] for part in trial.page.contenders if part.stand_ups]


def _largest(trial: TrialPage) -> float:
    """The end of the scale that all rates of the trial share."""
    return 1.08 * max((rate for c in trial.verdict.contenders for rate in _rates(c.speed)), default=0.0)


def _rates(speed: Measurement | None) -> list[float]:
    if speed is None:
        return []
    rates = [speed.decode_tok_s, speed.cold_tok_s, *(speed.interval or ()), *(w.tok_s for w in speed.witnesses)]
    return [value for value in rates if value is not None]
