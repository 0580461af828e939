"""`--set NAME` is `--tasks NAME` for the names of sets, and never both."""

import click
import pytest
from click.testing import CliRunner

from onbox.bench.tasks import SETS
from onbox.cli.commands.trial import command
from onbox.cli.options import tasks_of
from onbox.errors import UsageError


def test_the_sets_of_the_option_are_sets() -> None:
    choice = next(param.type for param in command.params if param.name == "task_set")
    assert isinstance(choice, click.Choice)
    assert set(choice.choices) <= set(SETS)
    assert tasks_of(None, "core") == {"tasks": "core"}
    assert tasks_of("mine", None) == {}


def test_two_answers_to_one_question_are_refused() -> None:
    with pytest.raises(UsageError, match="--set and --tasks"):
        CliRunner().invoke(command, ["--set", "core", "--tasks", "mine", "--no-speed"], catch_exceptions=False)
    assert CliRunner().invoke(command, ["--set", "hardest"]).exit_code == 2
