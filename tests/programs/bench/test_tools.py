"""The agent's tools: what they do, what they answer to a model's mistakes, and that nothing escapes or hangs."""

import os
from pathlib import Path

import pytest

from onbox.bench import tools
from onbox.bench.sandbox.none import Unsafe
from onbox.bench.tools import Toolbox
from tests.unit.bench.tool_calls import call


class TestFiles:
    def test_a_file_that_is_too_large_is_refused(
        self, box: Toolbox, app: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tools, "FILE_BYTES_MAX", 10)
        (app / "large").write_text("alpha " * 10)
        assert call(box, "read", path="large") == "error: large: larger than 10 bytes"
        assert call(box, "grep", pattern="alpha", path="large") == "no match"

    @pytest.mark.parametrize("name", ["write", "edit", "read", "grep"])
    def test_a_pipe_does_not_hang_it(self, box: Toolbox, app: Path, name: str) -> None:
        os.mkfifo(app / "pipe")
        more: dict[str, dict[str, str]] = {"write": {"content": "x"}, "edit": {"old": "a", "new": "b"}}
        message = call(box, name, path="pipe", **more.get(name, {"pattern": "alpha"} if name == "grep" else {}))
        assert message.startswith("error: pipe: ") or message == "no match"
        assert call(box, "grep", pattern="Title") == "README.md:1: # Title"


class TestSearch:
    def test_grep_names_file_and_line_and_passes_over_hidden_folders(self, box: Toolbox) -> None:
        assert call(box, "grep", pattern="^beta|alpha") == "src/one.py:1: alpha = 1\nsrc/one.py:2: beta = alpha"
        assert call(box, "grep", pattern="Title", path="README.md") == "README.md:1: # Title"
        assert call(box, "grep", pattern="Title", path="src") == "no match"

    def test_grep_stops_at_many_matches(self, box: Toolbox, app: Path) -> None:
        (app / "many").write_text("alpha\n" * 100)
        lines = call(box, "grep", pattern="alpha", path="many").splitlines()
        assert len(lines) == tools.MATCHES_MAX + 1
        assert lines[-1] == "... more matches are left out"

    def test_exactly_as_many_matches_as_are_shown_leave_none_out(self, box: Toolbox, app: Path) -> None:
        (app / "many").write_text("alpha\n" * tools.MATCHES_MAX)
        assert "left out" not in call(box, "grep", pattern="alpha", path="many")

    @pytest.mark.parametrize("pattern", ["(", "(" * 3000 + ")" * 3000, "a\0b", "\ud800"])
    def test_what_is_no_expression_is_answered(self, box: Toolbox, pattern: str) -> None:
        message = call(box, "grep", pattern=pattern)
        assert message.startswith("error: ") or message == "no match"
        assert len(message) < 400

    def test_an_expression_that_never_ends_is_killed(self, app: Path) -> None:
        (app / "trap").write_text("a" * 60 + "b")
        message = call(Toolbox(app, Unsafe(), command_s=1), "grep", pattern="(a+)+$")
        assert message == "error: the search was killed after 1 s: take a simpler expression"

    def test_a_name_that_is_no_text_can_be_sent(self, box: Toolbox, app: Path) -> None:
        (app / os.fsdecode(b"odd\xff.txt")).write_text("alpha")
        for message in (call(box, "glob", pattern="*.txt"), call(box, "grep", pattern="alpha"), box.overview("")):
            message.encode()
            assert "odd" in message


class TestBash:
    def test_runs_in_the_project_and_counts_its_time(self, box: Toolbox) -> None:
        assert call(box, "bash", command="cat README.md; exit 3") == "# Title\n\n[exit code 3]"
        assert call(box, "bash", command="true") == "\n[exit code 0]"
        assert box.spent_s > 0

    def test_is_killed_at_its_limit(self, app: Path) -> None:
        message = call(Toolbox(app, Unsafe(), command_s=2.0), "bash", command="echo begun; sleep 600")
        assert message == "begun\n\n[killed after 2 s]"
