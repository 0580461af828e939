"""`--help` as a manual: grouped by what a user wants, with examples that the parser takes and the exit codes."""

import shlex
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from onbox.bench.tasks import load_tasks
from onbox.cli.main import COMMANDS, GROUPS, onbox
from onbox.cli.manual import ENDS, Manual
from onbox.recipes import builtin_names
from onbox.selftest.shapes import SHAPES


def all_commands(command: click.Command = onbox, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Manual]]:
    assert isinstance(command, Manual), f"{path}: has no examples"
    yield " ".join(path), command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from all_commands(below, (*path, name))


EVERY = dict(all_commands())
each_command = pytest.mark.parametrize("path", list(EVERY), ids=[path or "onbox" for path in EVERY])


def parse(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a line to the parser; nothing is done.

    Raises:
        click.ClickException: the parser refuses it.
    """
    words = shlex.split(line)
    assert words[0] == "onbox"
    with monkeypatch.context() as patch:
        patch.setattr(click.Command, "invoke", lambda self, context: None)
        if words[-1] == "--help":
            assert words[1] in COMMANDS
            return
        onbox.main(words[1:], prog_name="onbox", standalone_mode=False)


@each_command
def test_help_ends_with_examples_that_parse_and_with_the_exit_codes(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    command = EVERY[path]
    assert 2 <= len(command.examples) <= 4
    text = CliRunner().invoke(onbox, [*path.split(), "--help"], prog_name="onbox").stdout
    end = text[text.index("\nExamples:") :]
    for line, purpose in command.examples:
        parse(line, monkeypatch)
        assert line.startswith(f"onbox {path}".strip())
        assert f"  # {purpose}\n  {line}\n" in end
    assert set(ENDS) <= set(command.ends)
    codes = [words[0] for words in map(str.split, end[end.index("\nExit codes:") :].splitlines()) if words]
    assert [code for code in codes if code.isdigit()] == [str(code) for code in sorted(command.ends)]


def test_an_example_that_rots_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    for line in ("onbox fit model.gguf --contxt 1", "onbox image list --with", "onbox speed", "onbox speeed URL"):
        with pytest.raises(click.ClickException):
            parse(line, monkeypatch)


def test_what_examples_name_is_there() -> None:
    tasks, recipes = {task.name for task in load_tasks("builtin")}, set(builtin_names())
    lines = [shlex.split(line) for command in EVERY.values() for line, _ in command.examples]
    named = {words[words.index(option) + 1] for words in lines for option in ("--shape",) if option in words}
    assert named
    assert named <= set(SHAPES)
    shown = {words[3] for words in lines if words[1:3] == ["task", "render"]} - {"my-tasks/my-first"}
    shown |= {words[words.index("--task") + 1] for words in lines if words[1:3] == ["audit", "builtin"]}
    assert shown
    assert shown <= tasks
    assert {words[2] for words in lines if words[1:2] == ["up"] and "/" not in words[2]} <= recipes


def test_exit_code_1_is_reported_where_a_thing_can_be_bad() -> None:
    bad = {path for path, command in EVERY.items() if 1 in command.ends}
    assert bad >= {"audit", "verify", "regrade", "selftest", "watch", "import", "export", "task from"}
    assert not bad & {"fit", "box", "doctor", "ps", "speed"}
    assert {path for path, command in EVERY.items() if 4 in command.ends} == {"", "trial", "see", "up"}


def test_every_command_is_in_one_group_of_the_first_page() -> None:
    grouped = [name for names in GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(COMMANDS)
    text = CliRunner().invoke(onbox, ["--help"], prog_name="onbox").stdout
    for title, names in GROUPS.items():
        section = text[text.index(f"\n{title}:\n") :].split("\n\n")[0]
        assert [line.split()[0] for line in section.splitlines()[2:] if line[2] != " "] == list(names)
