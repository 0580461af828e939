"""The report as one offline HTML file: no script, nothing loaded, and text that others wrote shown as text."""

from collections import Counter
from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from onbox.evidence.folder import TrialFolder
from onbox.judge.results import Measurement, Outcome, RunResult, Status, Validity, Verdict
from onbox.report import box, pictures, sight, words
from onbox.report.extent import SQUARES_MAX, TEXT_CHARACTERS_MAX, beside, ends, transcript_files
from onbox.report.page import ContenderPage, Page, read_page
from onbox.report.reproduce import commands, engine_command, sealed
from onbox.report.run_html import href, run_item, square
from onbox.report.text import visible


def render(folder: TrialFolder, verdict: Verdict, seal: str = "") -> str:
    """The whole page. It can be encoded as UTF-8 whatever the model wrote.

    Args:
        folder: the trial; what is missing in it is left out, what cannot be read is named on the page.
        verdict: every number of the judgement comes from here.
        seal: of the evidence, for the foot.
    """
    page = read_page(folder, verdict, seal)
    return environment().get_template("report.html.j2").render(page=page, v=verdict, shape=Shape(page))


class Shape:
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
        self.struck = words.NOT_COUNTED
        self.invalid_runs = tuple(run for run in page.verdict.runs if run.outcome is Outcome.INVALID)
        self.refused = tuple(
            contender
            for contender in page.verdict.contenders
            if contender.speed and contender.speed.status is Validity.INVALID
        )
        self.doubts = page.findings(Status.FAIL, Status.WARN)
        self.unseen = page.findings(Status.UNKNOWN)
        self.passed = page.findings(Status.PASS)
        self.outcomes = tuple(Outcome)
        self.commands = commands(page)
        self.sealed = sealed(page.seal)
        self.beside = beside(page.folder, page.verdict)
        files = transcript_files(page.verdict) if self.beside else []
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
        return pictures.square(None, f"run {n}: not finished")

    def key(self, outcome: Outcome) -> Markup:
        """The legend's square."""
        return pictures.square(outcome, outcome.value)

    def rate(self, value: float | None, interval: tuple[float, float] | None) -> Markup:
        """A pass rate on the scale from 0 to 100 percent."""
        label = f"{words.percent(value)}, 95 percent interval {words.percent_interval(interval)}"
        return pictures.whisker(value, interval, 1.0, label, struck=False)

    def speed(self, value: float | None, interval: tuple[float, float] | None = None, struck: bool = False) -> Markup:
        """A decode rate on the scale that all contenders share."""
        return pictures.whisker(value, interval, self._tok_s_top, words.tok_s(value), struck)

    def timeline(self, part: ContenderPage, index: int) -> Markup:
        """A stand-up on the scale that all stand-ups share."""
        return pictures.timeline(part.stand_ups[index].phases, self._longest_s, self._largest_bytes)

    def item(self, run: RunResult) -> Markup:
        """A run with all that was said and done in it."""
        arms = len(self._page.arms()) > 1
        return run_item(self._page.folder, run, self.anchor(run), limit=TEXT_CHARACTERS_MAX, arms=arms)

    def place(self, run: RunResult) -> str:
        """Where a run stands: on this page, or in a file beside it."""
        if not self.beside:
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
        return self._files[id(runs[0])] if self.beside and runs else ""

    def runs(self, contender: str) -> Sequence[RunResult]:
        """The runs of a contender, by task as planned, arm and number."""
        tasks, arms = self._page.tasks(), self._page.arms()
        found = [run for run in self._page.verdict.runs if run.contender == contender]
        return sorted(found, key=lambda run: (tasks.index(run.task), arms.index(run.arm), run.n))


def _speeds(speed: Measurement | None) -> list[float]:
    if speed is None:
        return []
    seen = [speed.decode_tok_s, speed.cold_tok_s, *(speed.interval or ()), *(w.tok_s for w in speed.witnesses)]
    return [value for value in seen if value is not None]


def _shown(value: object) -> object:
    """Applied to every value before it is escaped: nothing invisible reaches the page."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def environment(package: str = "onbox.report") -> Environment:
    """What renders the templates of a package: every value is escaped, and nothing invisible gets through."""
    found = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    found.filters.update(
        percent=words.percent,
        percent_interval=words.percent_interval,
        tok_s=words.tok_s,
        tok_s_interval=words.tok_s_interval,
        seconds=words.seconds,
        size=words.size,
        count=words.count,
        p_value=words.p_value,
        quantity=words.quantity,
        fact=words.fact,
        label=words.label,
        href=href,
        command=engine_command,
    )
    found.globals["words"] = words
    found.globals["sight"] = sight
    return found
