"""The entry point: a table of commands, imported only when they are called, and one place that prints errors."""

import errno
import importlib
import io
import os
import re
import sys
from typing import Any

import click

from onbox import __version__
from onbox.cli.interrupts import interruptible
from onbox.cli.manual import GUARDED, ManualGroup
from onbox.cli.ui.readers import ReaderLeftError, to_nowhere
from onbox.errors import BoxError, OnboxError, UsageError

COMMANDS: dict[str, tuple[str, str]] = {
    "trial": ("onbox.cli.commands.trial", "Measure models, let them work on tasks, judge them: the main job."),
    "doctor": ("onbox.cli.commands.doctor", "What works on this box, and how to fix the rest."),
    "box": ("onbox.cli.commands.box", "What this machine is and how fast it reads memory."),
    "weights": ("onbox.cli.commands.weights", "Facts about a model's files, from their headers."),
    "fit": ("onbox.cli.commands.fit", "Will it fit, how fast can it be, is a claimed rate possible?"),
    "speed": ("onbox.cli.commands.speed", "How fast a running server decodes, with witnesses and checks."),
    "selftest": ("onbox.cli.commands.selftest", "Is onbox right about servers whose rate is known?"),
    "preflight": (
        "onbox.cli.commands.preflight",
        "Does a server handle tools and reasoning as an agent needs?",
    ),
    "see": ("onbox.cli.commands.see", "Can a model read pictures, and if not, what hides it?"),
    "bench": ("onbox.cli.commands.bench", "Agent runs on tasks against a running server."),
    "image": ("onbox.cli.commands.image", "Container images: fetch, build for this chip, verify."),
    "up": ("onbox.cli.commands.up", "Serve a model by a recipe, guarded against running out of memory."),
    "down": ("onbox.cli.commands.down", "Stop an engine that `onbox up` started."),
    "ps": ("onbox.cli.commands.ps", "The engines that `onbox up` started, and their state."),
    "watch": ("onbox.cli.commands.watch", "Is a start making progress or hanging, and on what evidence?"),
    "audit": ("onbox.cli.commands.audit", "Do the gates tell right from wrong?"),
    "task": ("onbox.cli.commands.task", "Tasks of your own: a new one, or from your commits."),
    "regrade": ("onbox.cli.commands.regrade", "Run each gate again, on the workspaces that the agents left."),
    "judge": ("onbox.cli.commands.judge", "The verdict, from evidence alone."),
    "report": (
        "onbox.cli.commands.report",
        "Write the reports again: a page, its Markdown, a post.",
    ),
    "view": ("onbox.cli.commands.view", "Trials in a browser on this box, including running ones."),
    "verify": ("onbox.cli.commands.verify", "Has a file of a trial changed, and does the verdict follow?"),
    "import": ("onbox.cli.commands.import_", "Import other tools' records, with how far they can be trusted."),
    "export": ("onbox.cli.commands.export", "Export a trial in other tools' formats."),
}

GROUPS = {
    "Compare models on this box": ("trial",),
    "Know this box and a model's files": ("doctor", "box", "weights", "fit"),
    "Start a model": ("up", "ps", "down", "watch", "image"),
    "Measure a server": ("speed", "preflight", "see", "selftest"),
    "Let it work on tasks, and judge": ("bench", "task", "audit", "regrade", "judge"),
    "Show and publish": ("view", "report", "verify", "export", "import"),
}
"""The commands by what a user wants, in the order of `onbox --help`."""


_WRONG_PATH = (errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EISDIR)
"""What the system says of a path that cannot be one, whatever the box."""
_NEXT_STEPS = {
    errno.ENOSPC: "free some room, or name a folder on another disk",
    errno.EDQUOT: "free some room, or name a folder on another disk",
    errno.EROFS: "name a folder that can be written, with --out or as HOME",
    errno.EACCES: "name a place that you may use, or mend its permissions",
    errno.EMFILE: "raise the limit of open files: ulimit -n 4096",
}


class Commands(ManualGroup):
    """A group that knows its commands by name and imports one only to run it."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            # Stdout's is none of these; click would end with 1, in silence.
            raise BoxError(f"{_system_error(error)[1]}: a program that onbox wrote to has ended") from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            command = importlib.import_module(COMMANDS[cmd_name][0]).command
            assert isinstance(command, click.Command)
            return command
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            close = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f"did you mean {close[0]}?" if close else "`onbox --help` lists them"
            raise click.UsageError(f"{args[0]}: no such command; {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, COMMANDS))
        for title, names in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:{width}}", COMMANDS[name][1]) for name in names])


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    examples=(
        ("onbox doctor", "what works on this box, and how to fix the rest"),
        ("onbox trial", "the first trial: needs nothing of your own"),
        ("onbox trial http://127.0.0.1:8080/v1 models/new.gguf", "the server that you run now against a file"),
        ("onbox speed --help", "every command has examples of its own"),
    ),
    ends={1: "what was checked is bad: a gate, changed evidence, a missed selftest", 4: GUARDED},
)
@click.version_option(__version__, "--version", prog_name="onbox", message="%(prog)s %(version)s")
def onbox() -> None:
    """Is a local language model worth running on the box you own?"""


def run(argv: list[str] | None = None) -> None:
    """Run the command line and exit with the code of the contract: 0, 1, 2, 3, 4 or 130."""
    arguments = sys.argv[1:] if argv is None else argv
    _open_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    with interruptible(last=argv is None):
        try:
            code, message, next_step = _outcome(arguments)
            if message:
                _report(arguments, code, message, next_step)
        except KeyboardInterrupt:
            code = 130
        # CPython remembers an interrupt that came while a text was executed, as dataclasses do at import, and would die
        # of SIGINT in the end though it was handled; executing another text makes it forget.
        exec("")
    sys.exit(code)


def _open_streams() -> None:
    """See that the three streams lead somewhere: where a caller closed one, a file of ours would take its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free, which is this one; as any stream, programs that are started inherit it.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def _outcome(arguments: list[str]) -> tuple[int, str, str]:
    """Exit code, message and next step of a command; no message where there is nothing to say."""
    try:
        onbox.main(arguments, prog_name="onbox", standalone_mode=False)
    except OnboxError as error:
        return error.exit_code, error.message, error.next_step
    except click.ClickException as error:
        context = error.ctx if isinstance(error, click.UsageError) else None
        return 2, error.format_message(), f"{context.command_path} --help" if context is not None else ""
    except (KeyboardInterrupt, click.Abort):
        return 130, "interrupted", ""
    except ReaderLeftError:
        to_nowhere(sys.stdout)
    except OSError as error:
        number, message = _system_error(error)
        wrong = number in _WRONG_PATH
        next_step = _NEXT_STEPS.get(number, "is the path right?" if wrong else "")
        return (UsageError if wrong else BoxError).exit_code, message, next_step
    except RuntimeError as error:
        # What pathlib says, up to Python 3.12, of links that lead to each other.
        if not str(error).startswith("Symlink loop"):
            raise
        return UsageError.exit_code, str(error), "name the file that the links should lead to"
    return 0, "", ""


def _system_error(error: OSError) -> tuple[int, str]:
    """(number, message) of what the system refused; of a folder that was copied, what it refused first."""
    each = error.args[0] if error.args else None
    if isinstance(each, list) and each and len(each[0]) == 3:  # shutil.Error
        _, place, why = each[0]
        match = re.match(r"\[Errno (\d+)\] ([^:]*)", str(why))
        return (int(match[1]), f"{place}: {match[2]}") if match else (0, f"{place}: {why}")
    where = f"{error.filename}: " if error.filename else ""
    return error.errno or 0, f"{where}{error.strerror or error}"


def _report(arguments: list[str], code: int, message: str, next_step: str) -> None:
    from onbox.cli.ui.console import answered, error, print_json

    error(message, next_step)
    if "--json" in arguments and not answered():
        facts: dict[str, Any] = {"message": message, "next_step": next_step, "exit_code": code}
        try:
            print_json({"error": facts})
        except (ReaderLeftError, OSError):  # The exit code and the message stand.
            to_nowhere(sys.stdout)
