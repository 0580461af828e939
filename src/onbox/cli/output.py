"""What every command shares: the --json option and the two consoles."""

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console

F = TypeVar("F", bound=Callable[..., Any])


def json_option(function: F) -> F:
    """Add `--json`, passed on as `as_json`: one JSON object on stdout, all else on stderr."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, all else on stderr.")(
        function
    )


_answered = False


def print_json(data: dict[str, Any]) -> None:
    """Print one JSON object on stdout, in ASCII: it holds what models said, which no encoding may be able to carry."""
    global _answered
    _answered = True
    json.dump(data, sys.stdout, indent=2, ensure_ascii=True)
    sys.stdout.write("\n")


def print_json_line(data: dict[str, Any]) -> None:
    """Print one JSON object on a line of its own, at once: for commands that tell things as they come."""
    global _answered
    _answered = True
    sys.stdout.write(json.dumps(data, ensure_ascii=True, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def answered() -> bool:
    """Whether stdout has its one JSON object: a subject that is bad is an answer, not the lack of one."""
    return _answered


def out() -> "Console":
    """The console on stdout: results."""
    from rich.console import Console

    return Console(highlight=False)


def err() -> "Console":
    """The console on stderr: progress and remarks."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)
