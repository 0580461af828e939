"""The report as one offline HTML file: no script, nothing loaded, and text that others wrote shown as text."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from statistics import median

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from onbox.evidence.folder import TrialFolder
from onbox.judge.comparison_results import Basis
from onbox.judge.results import AbilityDifference, Measurement, Outcome, RunResult, Validity, Verdict
from onbox.report import box, charts, comparison_tables, formatting, frontier, sight
from onbox.report.extent import SQUARES_MAX, TEXT_CHARACTERS_MAX, ends, transcript_files, transcripts_apart
from onbox.report.page import ContenderPage, Page, read_page
from onbox.report.reproduce import commands, engine_command, sealed
from onbox.report.run_html import href, run_item, square
from onbox.report.text import visible
from onbox.schema.checks import Status

MARKS_MAX = 300
"""Of the times of runs; of more every so many is drawn, from the shortest to the longest."""


def render(folder: TrialFolder, verdict: Verdict, seal: str = "") -> str:
    """The whole page. It can be encoded as UTF-8 whatever the model wrote.

    Args:
        folder: the trial; what is missing in it is left out, what cannot be read is named on the page.
        verdict: every number of the judgement comes from here.
        seal: of the evidence, for the foot.
    """
    page = read_page(folder, verdict, seal)
    return environment().get_template("report.html.j2").render(page=page, v=verdict, shape=MarkShape(page))


class MarkShape:
    """How the parts of a page are drawn: scales, colours of contenders, anchors of runs."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._colours = {contender.name: f"c{index % 4}" for index, contender in enumerate(page.verdict.contenders)}
        self._anchors = {id(run): f"run-{index}" for index, run in enumerate(page.verdict.runs, start=1)}
        self._tok_s_top = 1.08 * max(
            (value for contender in page.verdict.contenders for value in _speeds(contender.speed)), default=0
        )
        self._longest_s = max(
            (sum(phase.seconds for phase in up.phases) for part in page.contenders for up in part.stand_ups), default=0
        )
        phases = (phase for part in page.contenders for up in part.stand_ups for phase in up.phases)
        self._largest_bytes = max((phase.peak_bytes or 0 for phase in phases), default=0)
        self.struck = formatting.NOT_COUNTED
        self.invalid_runs = tuple(run for run in page.verdict.runs if run.outcome is Outcome.INVALID)
        self.refused = tuple(
            contender
            for contender in page.verdict.contenders
            if contender.speed and contender.speed.status is Validity.INVALID
        )
        found = page.findings(Status.FAIL, Status.WARN)
        aside = [each for each in found if each.contender and each.check.status is Status.WARN and not _rests_on(page)]
        self.doubts = tuple(each for each in found if each not in aside)
        self.asides = {
            name: [each for each in aside if each.contender == name]
            for name in dict.fromkeys(each.contender for each in aside)
        }
        """Warnings about a speed on which the verdict does not rest, by contender."""
        self.unseen = page.findings(Status.UNKNOWN)
        self.passed = page.findings(Status.PASS)
        self.outcomes = tuple(Outcome)
        self.commands = commands(page)
        self.sealed = sealed(page.seal)
        self.transcripts_apart = transcripts_apart(page.folder, page.verdict)
        files = transcript_files(page.verdict) if self.transcripts_apart else []
        self._files = {id(run): part.name for part in files for run in part.runs}
        self.ends = ends
        self.box = box.lines(page.box or {})

    def colour(self, contender: str) -> str:
        """The style class of a contender."""
        return self._colours.get(contender, "c0")

    def anchor(self, run: RunResult) -> str:
        """The id of a run's details on the page."""
        return self._anchors[id(run)]

    def square(self, run: RunResult) -> Markup:
        """A run as a square."""
        return square(run)

    def open_square(self, n: int) -> Markup:
        """A run that was planned and has not ended."""
        return charts.square(None, f"run {n}: not finished")

    def key(self, outcome: Outcome) -> Markup:
        """The legend's square."""
        return charts.square(outcome, outcome.value)

    def rate(
        self,
        value: float | None,
        interval: tuple[float, float] | None,
        wider: tuple[float, float] | None = None,
    ) -> Markup:
        """A pass rate on the scale from 0 to 100 percent, with its interval for tasks like these as a thin line."""
        label = f"{formatting.percent(value)}, 95 percent interval {formatting.percent_interval(interval)}"
        if wider is not None:
            label += f", for tasks like these {formatting.percent_interval(wider)}"
        return charts.whisker(value, interval, 1.0, label, struck=False, wider=wider)

    def difference(self, found: AbilityDifference) -> Markup:
        """The difference of the pass rates, from -100 to 100 points."""
        label = f"{formatting.points(found.value)}, 95 percent interval {formatting.points_interval(found.interval)}"
        return charts.difference(found.value, found.interval, found.population_interval, label)

    def frontier(self) -> Markup:
        """Ability against time of several contenders; empty where too little is known for two of them."""
        points = comparison_tables.points(self._page.verdict)
        if len(points) < 2 or not any(each.seconds for each in points):
            return Markup("")
        labels = [
            f"{each.number} {each.name}: {formatting.percent(each.rate)}, {formatting.seconds(each.seconds)}, "
            f"memory {formatting.size(each.memory_bytes)}"
            + (f", dominated by {', '.join(over)}" if (over := self._dominated_by[each.name]) else "")
            for each in points
        ]
        return frontier.draw(points, "; ".join(labels))

    @property
    def _dominated_by(self) -> dict[str, tuple[str, ...]]:
        return {each.name: each.dominated_by for each in self._page.verdict.standings}

    @property
    def longest_run_s(self) -> float:
        """Where the scale of the runs' times ends."""
        return max((run.seconds for run in self._page.verdict.runs), default=0.0)

    def times(self, contender: str) -> Markup:
        """One mark a run on the scale of the longest of all."""
        marks = sorted((run.seconds, run.outcome is Outcome.PASSED) for run in self._counted(contender))
        marks = marks[:: 1 + len(marks) // MARKS_MAX]
        return charts.strip(marks, self.longest_run_s, self.time_words(contender))

    def time_words(self, contender: str) -> str:
        """The middle of the times, and the longest."""
        spent = [run.seconds for run in self._counted(contender)]
        if not spent:
            return formatting.NOT_MEASURED
        return f"{formatting.seconds(median(spent))}, at most {formatting.seconds(max(spent))}"

    def _counted(self, contender: str) -> list[RunResult]:
        runs = self._page.verdict.runs
        return [run for run in runs if run.contender == contender and run.outcome is not Outcome.INVALID]

    def speed(self, value: float | None, interval: tuple[float, float] | None = None, struck: bool = False) -> Markup:
        """A decode rate on the scale that all contenders share."""
        return charts.whisker(value, interval, self._tok_s_top, formatting.tok_s(value), struck)

    def timeline(self, part: ContenderPage, index: int) -> Markup:
        """A stand-up on the scale that all stand-ups share."""
        return charts.timeline(part.stand_ups[index].phases, self._longest_s, self._largest_bytes)

    def item(self, run: RunResult) -> Markup:
        """A run with all that was said and done in it."""
        arms = len(self._page.arms()) > 1
        return run_item(self._page.folder, run, self.anchor(run), limit=TEXT_CHARACTERS_MAX, arms=arms)

    def place(self, run: RunResult) -> str:
        """Where a run stands: on this page, or in a file beside it."""
        if not self.transcripts_apart:
            return f"#{self.anchor(run)}"
        return href(f"{self._files[id(run)]}") + f"#run-{run.n}"

    def many(self, contender: str, task: str, arm: str) -> str:
        """The runs of one cell in numbers, where they are too many for squares; empty where they are not."""
        runs = self._page.squares(contender, task, arm)
        if len(runs) <= SQUARES_MAX:
            return ""
        counts = Counter(run.outcome.value if run else "not finished" for run in runs)
        return ", ".join(
            f"{counts[name]} {name}" for name in (*(o.value for o in Outcome), "not finished") if counts[name]
        )

    def cell_file(self, contender: str, task: str, arm: str) -> str:
        """The first file of transcripts of a cell; empty where they are on the page."""
        runs = [run for run in self._page.squares(contender, task, arm) if run is not None]
        return self._files[id(runs[0])] if self.transcripts_apart and runs else ""

    def runs(self, contender: str) -> Sequence[RunResult]:
        """The runs of a contender, by task as planned, arm and number."""
        tasks, arms = self._page.tasks(), self._page.arms()
        found = [run for run in self._page.verdict.runs if run.contender == contender]
        return sorted(found, key=lambda run: (tasks.index(run.task), arms.index(run.arm), run.n))


def _rests_on(page: Page) -> bool:
    """Whether the verdict rests on a speed, or may: one of no contender with runs is about nothing else."""
    return page.verdict.basis is Basis.SPEED or not page.verdict.runs


def _speeds(speed: Measurement | None) -> list[float]:
    if speed is None:
        return []
    rates = [speed.decode_tok_s, speed.cold_tok_s, *(speed.interval or ()), *(w.tok_s for w in speed.witnesses)]
    return [value for value in rates if value is not None]


@cache
def environment(package: str = "onbox.report", most: int = TEXT_CHARACTERS_MAX) -> Environment:
    """What renders the templates of a package: every value is escaped and cut, and nothing invisible gets through.

    Made once: compiling the templates takes a fifth of a second.

    Args:
        package: that has them.
        most: characters of one value.
    """

    def shown(value: object) -> object:
        """Applied to every value before it is escaped."""
        return visible(value, most) if isinstance(value, str) and not isinstance(value, Markup) else value

    found = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=shown,
    )
    found.filters.update(
        percent=formatting.percent,
        percent_interval=formatting.percent_interval,
        tok_s=formatting.tok_s,
        tok_s_interval=formatting.tok_s_interval,
        seconds=formatting.seconds,
        size=formatting.size,
        count=formatting.count,
        p_value=formatting.p_value,
        quantity=formatting.quantity,
        fact=formatting.fact,
        label=formatting.label,
        href=href,
        command=engine_command,
    )
    found.globals["formatting"] = formatting
    found.globals["sight"] = sight
    found.globals["comparison_tables"] = comparison_tables
    return found
