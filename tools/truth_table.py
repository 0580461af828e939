"""Every recording whose truth is known, replayed and judged; writes the table of docs/watching.md again.

Run `PYTHONPATH=. .venv/bin/python tools/truth_table.py`. A test holds the page against the code.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from onbox.watch.classify import WatchState
from onbox.watch.phases import GPU, HOST, RULES
from onbox.watch.recording import WatchRecording
from onbox.watch.recording_library import FOLDER, SUFFIX, names
from onbox.watch.watcher import Tracker

PAGE = Path(__file__).parents[1] / "docs" / "watching.md"


@dataclass(frozen=True)
class Row:
    """One recording, judged."""

    name: str
    made: str
    truth: str
    note: str
    states: tuple[str, ...]
    """Those it went through."""
    seconds: float
    still_s: float
    """The longest time without progress."""
    patience_s: float
    """Of the phase in which it was longest without progress, or was found hung."""
    found_s: float | None
    """Seconds from the stall to the verdict, for one that hung."""

    @property
    def right(self) -> bool:
        """Whether the verdict is the truth."""
        match self.truth:
            case "healthy":
                return not {"hung", "dead", "starved"} & set(self.states)
            case "hung":
                return self.found_s is not None and self.found_s <= self.patience_s
            case other:
                return other in self.states and "hung" not in self.states


def judge(name: str, path: Path) -> Row:
    """Replay a recording."""
    recording = WatchRecording(path)
    tracker = Tracker()
    states: list[str] = []
    still_s = patience_s = seconds = 0.0
    found_s = None
    for sample in recording:
        verdict = tracker.take(sample)
        seconds = verdict.t_s
        patience_s = patience_s or verdict.patience_s
        if not states or states[-1] != verdict.state:
            states.append(str(verdict.state))
        if verdict.still_s > still_s and found_s is None and not sample.ended and verdict.state is not WatchState.DONE:
            still_s, patience_s = verdict.still_s, verdict.patience_s
        if verdict.state is WatchState.HUNG and found_s is None:
            found_s = round(verdict.t_s - (recording.header.stalled_s or 0.0), 1)
    header = recording.header
    return Row(
        name, header.made, header.truth, header.note or header.title, tuple(dict.fromkeys(states)), seconds, still_s,
        patience_s, found_s,
    )  # fmt: skip


def rows(folder: Path = FOLDER) -> list[Row]:
    """All of them."""
    if folder == FOLDER:
        return [judge(name, FOLDER / f"{name}{SUFFIX}") for name in names()]
    return [judge(path.name.removesuffix(SUFFIX), path) for path in sorted(folder.glob(f"*{SUFFIX}"))]


def table(judged: list[Row]) -> str:
    """The page's table with its counts."""
    lines = [
        "| recording | made | truth | states | longest still | patience | found after | right |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in sorted(judged, key=lambda row: (row.truth != "healthy", row.truth, row.name)):
        found = "" if row.found_s is None else f"{row.found_s:.0f} s"
        lines.append(
            f"| `{row.name}` | {row.made} | {row.truth} | {', '.join(row.states)} | {row.still_s:.0f} s "
            f"| {row.patience_s:.0f} s | {found} | {'yes' if row.right else 'NO'} |"
        )
    healthy = [row for row in judged if row.truth == "healthy"]
    hung = [row for row in judged if row.truth == "hung"]
    others = [row for row in judged if row.truth not in ("healthy", "hung")]
    wrongly = sum("hung" in row.states for row in healthy)
    caught, called = sum(row.right for row in hung), sum(row.right for row in others)
    lines += [
        "",
        f"{len(judged)} situations: {wrongly} of {len(healthy)} healthy ones called hung, {caught} of {len(hung)} hung "
        f"ones found within their phase's patience, {called} of {len(others)} others called what they are.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    if len(sys.argv) > 1:
        print(table(rows(Path(sys.argv[1]))))
        return
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")


def page(text: str) -> str:
    """The page with both of its tables written anew."""
    for name, body in (("truth", table(rows())), ("phases", phases())):
        begin, end = f"<!-- {name}:start -->\n", f"<!-- {name}:end -->\n"
        head, _, rest = text.partition(begin)
        text = head + begin + body + end + rest.partition(end)[2]
    return text


def phases() -> str:
    """What each phase lives by."""
    lines = ["| phase | lives by | patience |", "|---|---|---|"]
    for name, rule in RULES.items():
        uses = "everything but the network" if rule.uses == HOST - {"received"} else ", ".join(sorted(rule.uses))
        uses = "everything" if rule.uses in (HOST, HOST | GPU) else uses
        lines.append(f"| {name} | {uses} | {rule.patience_s:.0f} s |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
