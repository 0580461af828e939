"""Lines, tables and JSON on the two streams; every text is made harmless on its way."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from onbox.cli.ui.readers import ReaderLeftError, reader_of_progress, reader_of_results, to_nowhere
from onbox.report.text import one_line, visible

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

Part = str | tuple[str, str]
"""A text, or a text with its style. Styles are this program's own words, texts may be anybody's."""

_answered = False


class Screen:
    """A stream for people.

    Args:
        stderr: progress and remarks; else stdout: results.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        self._stderr = stderr

    @property
    def width(self) -> int:
        """Columns."""
        return self._console().width

    def line(self, *parts: Part, indent: int = 0, wrap: bool = False) -> None:
        """Print one line; `wrap` breaks it between words at the width of the screen, under its indent."""
        from rich.padding import Padding

        text = line(*parts)
        if wrap:
            self._console().print(Padding(text, (0, 0, 0, indent)))
        else:
            self._console().print(line(" " * indent, *parts), soft_wrap=True)

    def table(self, rows: Sequence[Sequence[Part]], head: Sequence[str] = (), right: Sequence[int] = ()) -> None:
        """Print rows of cells, with titles where they are given; `right` are the columns that are aligned so."""
        from rich.table import Table

        table = Table(show_header=bool(head), box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
        for number in range(len(head) or len(rows[0] if rows else ())):
            title = line(head[number]) if head else ""
            table.add_column(title, justify="right" if number in right else "left", overflow="fold")
        for row in rows:
            table.add_row(*map(line, row))
        self._console().print(table)

    def show(self, block: "RenderableType") -> None:
        """Print what another module of this package has drawn."""
        self._console().print(block)

    @contextmanager
    def status(self, text: str) -> Iterator[Callable[[str], None]]:
        """A line that changes in place; yields what changes it."""
        with self._console().status(line(text)) as status:
            yield lambda changed: status.update(line(changed))

    def _console(self) -> "Console":
        return console(stderr=self._stderr)


def console(*, stderr: bool = False) -> "Console":
    """Rich's console with all that reads meaning into text switched off."""
    return _console_class()(stderr=stderr, markup=False, highlight=False, emoji=False)


@cache
def _console_class() -> "type[Console]":
    """A console whose reader may leave: progress is lost then and the work goes on, results end the command."""
    from rich.console import Console

    class ConsoleOfPipes(Console):
        def on_broken_pipe(self) -> None:
            if not self.stderr:
                raise ReaderLeftError
            self.quiet = True
            to_nowhere(self.file)

    return ConsoleOfPipes


def out() -> Screen:
    """Stdout: results."""
    return Screen()


def err() -> Screen:
    """Stderr: progress and remarks."""
    return Screen(stderr=True)


def tell(text: str) -> None:
    """A remark on stderr, for use cases that say what they do."""
    err().line((text, "dim"))


def line(*parts: Part) -> "Text":
    """Parts as one line, harmless."""
    from rich.text import Text

    return Text.assemble(
        *((one_line(part), "") if isinstance(part, str) else (one_line(part[0]), part[1]) for part in parts)
    )


def error(message: str, next_step: str = "") -> None:
    """What went wrong, on stderr, without Rich: it must work when little else does."""
    with reader_of_progress(sys.stderr):
        print(f"onbox: {visible(message)}", file=sys.stderr)
        if next_step:
            print(f"  next: {visible(next_step)}", file=sys.stderr)


def verbatim(text: str) -> None:
    """A text to be kept, on stdout: as it is into a file or a pipe, harmless on a terminal."""
    with reader_of_results():
        sys.stdout.write(visible(text) if sys.stdout.isatty() else text)
        sys.stdout.flush()


def confirm(question: str) -> bool:
    """Put a question on stderr, no being the default."""
    import click

    return click.confirm(one_line(question), default=False, err=True)


def print_json(data: dict[str, Any]) -> None:
    """Print one JSON object on stdout, in ASCII: it holds what models said, which no encoding may be able to carry."""
    global _answered
    _answered = True
    with reader_of_results():
        json.dump(data, sys.stdout, indent=2, ensure_ascii=True)
        sys.stdout.write("\n")
        sys.stdout.flush()


def print_json_line(data: dict[str, Any]) -> None:
    """Print one JSON object on a line of its own, at once: for commands that report things as they come."""
    global _answered
    _answered = True
    with reader_of_results():
        sys.stdout.write(json.dumps(data, ensure_ascii=True, separators=(",", ":")) + "\n")
        sys.stdout.flush()


def answered() -> bool:
    """Whether stdout has its one JSON object: a subject that is bad is an answer, not the lack of one."""
    return _answered
