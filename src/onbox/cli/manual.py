"""`--help` as a manual page: what a command is for, its options, examples that parse, and how it ends."""

from collections.abc import Mapping
from typing import Any

import click

from onbox.cli.ui.readers import reader_of_results

Examples = tuple[tuple[str, str], ...]
"""Command lines, each with what it is for; a test gives every one to the parser."""

ENDS = {
    0: "it did its job, whatever the result says about the model",
    2: "a wrong option, file or setting; one line names it",
    3: "this box cannot do it, or no server answers; one line says what to do",
    130: "interrupted",
}
"""What each exit code means for every command; a command adds its own and words these more closely."""
GUARDED = "the guard stopped the engine before this box ran out of memory"


class Manual(click.Command):
    """A command that knows examples of itself and its exit codes.

    Args:
        examples: shown at the end of `--help`.
        ends: exit codes with their meaning, where the command has more or others than `ENDS`.
    """

    def __init__(
        self, *arguments: Any, examples: Examples = (), ends: Mapping[int, str] | None = None, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self.examples = examples
        self.ends = dict(sorted({**ENDS, **(ends or {})}.items()))

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Parse the arguments; `--help` and `--version` write to stdout and end here."""
        with reader_of_results():
            return super().make_context(*arguments, **options)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, each line whole so that it can be copied, and the exit codes."""
        super().format_epilog(ctx, formatter)
        with formatter.section("Examples"):
            for line, purpose in self.examples:
                formatter.write(f"{'':{formatter.current_indent}}# {purpose}\n{'':{formatter.current_indent}}{line}\n")
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in self.ends.items()])


class ManualGroup(Manual, click.Group):
    """A group of commands with examples, whose commands have them too."""

    command_class = Manual
