"""Whether a model sees, on a terminal."""

from onbox.cli.ui.console import Part, Screen
from onbox.judge.results import SightOutcome, SightResult
from onbox.report.sight import WHY

INDENT = 9
HEADS = {True: ("It sees", "bold green"), False: ("It does not see", "bold red"), None: ("Unknown", "bold yellow")}
STYLES = {SightOutcome.READ: "green", SightOutcome.PARTLY: "yellow", SightOutcome.NO_ANSWER: "yellow"}
ANSWER_SHOWN = 60


def sight(screen: Screen, result: SightResult) -> None:
    """Print the answer first, then why, what helps, what is missing, and each question."""
    screen.line()
    screen.line(HEADS[result.sees], f": {WHY[result.reason]} ({result.reason.value})")
    screen.line(result.detail, indent=INDENT, wrap=True)
    if result.advice:
        screen.line("try")
        screen.line(result.advice, indent=INDENT, wrap=True)
    for missing in result.missing:
        screen.line(("missing  ", "yellow"), missing)
    for rate in result.rates:
        low, high = rate.interval or (0.0, 1.0)
        interval = f" (95%: {100 * low:.0f} to {100 * high:.0f}%)" if rate.interval else ""
        screen.line(f"read     {rate.read} of {rate.valid} at {rate.width} x {rate.height} px{interval}")
    screen.line(f"controls {result.controls}")
    rows: list[list[Part]] = []
    for trial in result.trials:
        what = trial.control or f"{trial.width} x {trial.height}"
        answer = trial.note or trial.answer
        shown = answer if len(answer) <= ANSWER_SHOWN else f"{answer[:ANSWER_SHOWN]}..."
        outcome = (trial.outcome.value, "" if trial.control else STYLES.get(trial.outcome, "red"))
        rows.append([str(trial.n), trial.kind, what, outcome, ", ".join(trial.expected), shown])
    screen.table(rows, head=("", "picture", "", "outcome", "in it", "answer"))
