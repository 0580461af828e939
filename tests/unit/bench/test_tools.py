"""The agent's tools: what they do, what they answer to a model's mistakes, and that nothing escapes or hangs."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onbox.bench import tools
from onbox.bench.sandbox.none import Unsafe
from onbox.bench.tools import DEFINITIONS, Toolbox
from tests.unit.bench.tool_calls import call


class TestCalls:
    @pytest.mark.parametrize(
        ("name", "arguments", "message"),
        [
            ("shell", "{}", "error: no tool named 'shell'; the tools are read, write, edit, grep, glob, bash"),
            ("read", "{", "error: the arguments are not JSON"),
            ("read", "[]", "error: the arguments are not a JSON object"),
            ("read", "", "error: argument 'path' is missing"),
            ("read", '{"file": "x"}', "error: unknown argument 'file'; the arguments are path"),
            ("read", '{"path": 3}', "error: argument 'path' must be a string"),
            ("grep", '{"pattern": "x", "path_": "y"}', "error: unknown argument 'path_'"),
        ],
    )
    def test_a_mistake_is_answered(self, box: Toolbox, name: str, arguments: str, message: str) -> None:
        assert box.call(name, arguments).startswith(message)

    def test_definitions_are_as_the_protocol_has_them(self) -> None:
        functions = {tool["function"]["name"]: tool["function"]["parameters"] for tool in DEFINITIONS}
        assert list(functions) == ["read", "write", "edit", "grep", "glob", "bash"]
        assert functions["grep"]["required"] == ["pattern"]
        assert set(functions["grep"]["properties"]) == {"pattern", "path"}

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
    @given(
        st.sampled_from(["read", "write", "edit", "glob"]),
        st.lists(st.text(max_size=30) | st.sampled_from(["../secret", "/etc/passwd", "a\0b", "x" * 300]), max_size=3),
    )
    def test_no_arguments_whatever_raise_or_leave_the_project(
        self, box: Toolbox, app: Path, name: str, values: list[str]
    ) -> None:
        definition = next(tool["function"] for tool in DEFINITIONS if tool["function"]["name"] == name)
        arguments = dict(zip(definition["parameters"]["properties"], values, strict=False))
        message = call(box, name, **arguments)
        message.encode()
        assert (app.parent / "secret").read_text() == "alpha secret"
        assert sorted(each.name for each in app.parent.iterdir()) == ["app", "secret"]


class TestPaths:
    @pytest.mark.parametrize(
        "path", ["../secret", "/etc/passwd", "src/../../secret", "out", "outdir/secret", "/app/../x"]
    )
    @pytest.mark.parametrize("name", ["read", "write", "edit", "grep"])
    def test_no_road_leads_out(self, box: Toolbox, app: Path, path: str, name: str) -> None:
        (app / "out").symlink_to(app.parent / "secret")
        (app / "outdir").symlink_to(app.parent)
        more: dict[str, dict[str, str]] = {"write": {"content": "x"}, "edit": {"old": "a", "new": "b"}}
        arguments = {"path": path, **more.get(name, {"pattern": "alpha"} if name == "grep" else {})}
        assert call(box, name, **arguments) == f"error: {path}: outside the project"
        assert (app.parent / "secret").read_text() == "alpha secret"

    def test_the_path_of_other_harnesses_is_understood(self, box: Toolbox) -> None:
        assert call(box, "read", path="/app/README.md") == "# Title\n"

    @pytest.mark.parametrize("path", ["a\0b", "\ud800", "x" * 5000])
    @pytest.mark.parametrize("name", ["read", "write"])
    def test_names_that_are_none(self, box: Toolbox, path: str, name: str) -> None:
        message = call(box, name, path=path, **({"content": ""} if name == "write" else {}))
        assert message.startswith("error: ")
        message.encode()


class TestFiles:
    def test_read(self, box: Toolbox, app: Path) -> None:
        assert call(box, "read", path="src/one.py") == "alpha = 1\nbeta = alpha\n"
        assert call(box, "read", path="src") == "error: src: is a folder"
        assert call(box, "read", path="none") == "error: none: no such file"

    def test_a_long_file_is_shown_by_its_ends(self, box: Toolbox, app: Path) -> None:
        (app / "long").write_text("a" * 10_000 + "b" * 10_000)
        message = call(box, "read", path="long")
        assert message.startswith("a" * 6000 + "\n... 8000 characters are left out ...\n")
        assert message.endswith("b" * 6000)

    def test_write_makes_folders_and_says_what_it_did(self, box: Toolbox, app: Path) -> None:
        assert call(box, "write", path="new/deep/x.txt", content="a\r\nb") == "wrote new/deep/x.txt (2 lines)"
        assert (app / "new" / "deep" / "x.txt").read_bytes() == b"a\r\nb"

    def test_a_folder_in_the_place_of_a_file(self, box: Toolbox) -> None:
        assert call(box, "write", path="src", content="x") == "error: src: is a folder"
        assert call(box, "write", path="README.md/x", content="x").startswith("error: ")

    def test_edit_names_other_files_with_the_same_text(self, box: Toolbox, app: Path) -> None:
        (app / "src" / "two.py").write_text("from one import alpha\n")
        message = call(box, "edit", path="src/one.py", old="alpha", new="gamma")
        assert message == "replaced 2 times in src/one.py; the same text is also in src/two.py"
        assert "alpha" in (app / "src" / "two.py").read_text()

    def test_edit_looks_for_the_text_in_so_many_files_and_no_more(
        self, box: Toolbox, app: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A hundred thousand of two MiB each kept it busy for minutes, beyond the run's time."""
        for n in range(20):
            (app / f"{n:02}.txt").write_text("alpha")
        monkeypatch.setattr(tools, "LOOKED_AT_MAX", 3)
        assert call(box, "edit", path="00.txt", old="alpha", new="gamma").endswith("also in 01.txt, 02.txt, ...")
        monkeypatch.setattr(tools, "LOOKED_AT_BYTES_MAX", 8)
        assert call(box, "edit", path="00.txt", old="gamma", new="alpha").endswith("in 00.txt")

    def test_edit_replaces_everywhere(self, box: Toolbox, app: Path) -> None:
        assert call(box, "edit", path="src/one.py", old="alpha", new="gamma") == "replaced 2 times in src/one.py"
        assert (app / "src" / "one.py").read_text() == "gamma = 1\nbeta = gamma\n"

    @pytest.mark.parametrize("old", ["delta", ""])
    def test_edit_of_what_is_not_there_shows_the_file(self, box: Toolbox, app: Path, old: str) -> None:
        message = call(box, "edit", path="src/one.py", old=old, new="x")
        assert message == "error: src/one.py does not hold that text; it reads:\nalpha = 1\nbeta = alpha\n"

    def test_edit_leaves_every_other_byte_alone(self, box: Toolbox, app: Path) -> None:
        (app / "odd").write_bytes(b"one\r\n\xff\xfe two\r\nend")
        call(box, "edit", path="odd", old="two", new="three")
        assert (app / "odd").read_bytes() == b"one\r\n\xff\xfe three\r\nend"

    def test_edit_over_lines_keeps_the_files_line_ends(self, box: Toolbox, app: Path) -> None:
        (app / "dos").write_bytes(b"one\r\ntwo\r\nend\r\n")
        assert call(box, "read", path="dos") == "one\ntwo\nend\n"
        call(box, "edit", path="dos", old="one\ntwo", new="1\n2")
        assert (app / "dos").read_bytes() == b"1\r\n2\r\nend\r\n"


class TestSearch:
    def test_glob(self, box: Toolbox) -> None:
        assert call(box, "glob", pattern="**/*.py") == "src/one.py"
        assert call(box, "glob", pattern="./README.*") == "README.md"
        assert call(box, "glob", pattern="*.rs") == "no file"

    def test_a_pattern_longer_than_any_name_is_refused(self, box: Toolbox) -> None:
        """A million stars took minutes and gigabytes to compile, in onbox's own process."""
        assert "more than 1024 characters" in call(box, "glob", pattern="*a" * 1_000_000)

    @pytest.mark.parametrize("name", ["read", "bash"])
    def test_the_answer_to_a_huge_mistake_is_short(self, box: Toolbox, name: str) -> None:
        assert len(call(box, name, **{"x" * 1_000_000: "y"})) < 3000

    def test_overview_shows_the_small_files_that_are_named(self, box: Toolbox, app: Path) -> None:
        (app / "large.md").write_text("x" * 3000)
        assert box.overview("Fix README.md and large.md") == (
            "Files of the project: README.md, large.md, src/one.py\n\nREADME.md:\n```\n# Title\n```"
        )
        assert Toolbox(app / ".git" / "none", Unsafe(), 1).overview("x") == ""
