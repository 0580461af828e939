"""Completion in a shell, by the words that the README tells."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ONBOX = Path(sys.executable).with_name("onbox")


def completions(mode: str, **variables: str) -> str:
    """What onbox answers a shell."""
    environment = {**os.environ, "_ONBOX_COMPLETE": mode, **variables}
    done = subprocess.run([ONBOX], env=environment, capture_output=True, text=True, timeout=240, check=True)
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_learns_how_to_complete(shell: str) -> None:
    assert "onbox" in completions(f"{shell}_source")


@pytest.mark.parametrize(
    ("words", "place", "found"),
    [("onbox vi", "1", "view"), ("onbox view --p", "2", "--port"), ("onbox image di", "2", "diagnose")],
)
def test_commands_and_options_are_completed(words: str, place: str, found: str) -> None:
    assert completions("bash_complete", COMP_WORDS=words, COMP_CWORD=place) == f"plain,{found}\n"
    assert 'eval "$(_ONBOX_COMPLETE=bash_source onbox)"' in (Path(__file__).parents[2] / "README.md").read_text()
