"""Beyond passed or failed: the size of a change beside the reference, and what it broke."""

import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from onbox.bench.quality import PARSED_BYTES_MAX, ParseResult, References, parse_changed
from onbox.bench.sandbox.choose import choose
from onbox.bench.tasks import load_tasks
from onbox.evidence.records import Changes, Quality
from onbox.judge.runs.attribution import attribute
from onbox.report.formatting import change
from tests.builders import run_record
from tests.exchanges import call_reply
from tests.parts import NODE


def parsed(folder: Path, old: Mapping[str, str | bytes], new: Mapping[str, str | bytes]) -> ParseResult:
    for root, files in ((folder / "before", old), (folder / "after", {**old, **new})):
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return parse_changed(folder / "before", folder / "after", choose())


def test_what_could_be_read_before_and_cannot_be_now(tmp_path: Path) -> None:
    old = {"ok.py": "x = 1\n", "bad.py": "def (", "same.py": "y = 1\n", "c.json": "{}", "t.toml": "a = 1", "n.txt": ""}
    new: dict[str, str | bytes] = {
        "ok.py": "def (",
        "bad.py": "def ((",
        "c.json": "{,}",
        "t.toml": "a = 2",
        "n.txt": "{",
        "new.py": "(",
        "loose.py": "return 1\n",
        "deep.json": "[" * 100_000,
        "bytes.py": b"\xff\xfe",
        "huge.json": "[" * (PARSED_BYTES_MAX + 1),
    }
    found = parsed(tmp_path, old, new)
    assert set(found.broken) == {"ok.py", "c.json", "new.py", "loose.py", "deep.json", "bytes.py"}
    assert found.unread == ("huge.json",)
    assert parse_changed(tmp_path / "before", tmp_path / "before", choose()) == ParseResult((), ())


def test_what_a_linter_says_now_and_did_not_say_before(tmp_path: Path) -> None:
    """A rename that left a caller behind parses; that names are missing, and which, is told all the same."""
    old = {"a.py": "import os\n\n\ndef total():\n    return 1\n", "b.py": "from a import total\n\nprint(total())\n"}
    new = {
        "a.py": "\n\nimport os\n\n\ndef whole():\n    return total()\n",
        "b.py": "from a import whole\n\nprint(total())\n",
        "new.py": "import sys\n",
        "broken.py": "import sys (\n",
        "c.js": "undefinedName();\n",
    }
    assert parsed(tmp_path, old, new).lint == (
        "a.py: undefined name 'total'",
        "b.py: 'a.whole' imported but unused",
        "b.py: undefined name 'total'",
        "new.py: 'sys' imported but unused",
    )


SCRIPTS = {
    "lib/module.mjs": 'import a from "x";\nexport const b = await a;\n',
    "common.cjs": '#!/usr/bin/env node\nconst a = require("x");\nreturn 1\n',
    "either.js": 'import a from "x";\nexport default a;\n',
    "was-bad.js": "function (",
}
BROKEN_SCRIPTS = {
    "lib/module.mjs": 'import a from "x";\nlet a = 1;\n',
    "common.cjs": 'import a from "x";\n',
    "either.js": 'import a from "x";\n}\n',
    "was-bad.js": "function ((",
    "new file.js": "const = 1;\n",
    "good.js": "throw new Error(process.env.HOME)\n",
}
TYPES = {
    "ok.ts": "enum A { X = 1 }\nconst a: number = A.X;\nexport interface B { c?: string }\n",
    "shop/cart.mts": "@sealed class C { constructor(private readonly x: number) {} }\nexport default <T>(x: T) => x;\n",
}
BROKEN_TYPES = {
    "ok.ts": "const a: number = ;\n",
    "shop/cart.mts": "export class {{\n",
    "good.ts": "let a = b as const;\n",
}


@pytest.mark.node
def test_scripts_that_are_broken_by_any_node(tmp_path: Path) -> None:
    jsx = {"view.jsx": "let a = <b>;\n", "page.tsx": "let a: = 1;\n"}
    found = parsed(tmp_path, SCRIPTS, {**BROKEN_SCRIPTS, **jsx})
    assert found == ParseResult(("common.cjs", "either.js", "lib/module.mjs", "new file.js"), ("page.tsx", "view.jsx"))


@pytest.mark.agents
@pytest.mark.parametrize("tier", [pytest.param("bubblewrap", marks=pytest.mark.bwrap), "sandlock"])
def test_types_by_a_node_that_reads_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tier: str) -> None:
    monkeypatch.setenv("PATH", str(NODE.parent), prepend=":")
    monkeypatch.setenv("ONBOX_SANDBOX", tier)
    found = parsed(tmp_path, {**TYPES, **SCRIPTS}, {**BROKEN_TYPES, **BROKEN_SCRIPTS})
    assert found.broken == ("common.cjs", "either.js", "lib/module.mjs", "new file.js", "ok.ts", "shop/cart.mts")
    assert found.unread == ()


def test_what_nothing_here_can_read_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without node nothing is known; nor by a node that fails. Python is read all the same."""
    monkeypatch.setenv("PATH", str(tmp_path))
    all_scripts = {*BROKEN_SCRIPTS, *BROKEN_TYPES}
    new = {**BROKEN_SCRIPTS, **BROKEN_TYPES, "a.py": "("}
    assert parsed(tmp_path / "none", {}, new) == ParseResult(("a.py",), tuple(sorted(all_scripts)))
    fails = tmp_path / "node"
    fails.write_text("#!/bin/sh\nexit 3\n")
    fails.chmod(fails.stat().st_mode | stat.S_IXUSR)
    assert parsed(tmp_path / "fails", {}, new) == ParseResult(("a.py",), tuple(sorted(all_scripts)))


def test_the_reference_is_what_the_solution_changes() -> None:
    (task,) = load_tasks("builtin", ["fill-json"])
    references = References(choose())
    assert references.of(task) == Changes(files=1, lines_added=3, lines_removed=3)
    assert references.of(task) is references.of(task)


def test_the_judge_shows_the_size_and_what_is_unknown() -> None:
    reference, changed = (
        Changes(files=1, lines_added=3, lines_removed=3),
        Changes(files=2, lines_added=8, lines_removed=4),
    )

    def quality_result(quality: Quality | None) -> tuple[tuple[str, ...] | None, str]:
        result = attribute(run_record(changes=changed, quality=quality), [call_reply()])
        assert (result.files_changed, result.lines_changed) == (2, 12)
        return result.broken, change(result)

    size = "2 files, 12 lines, 2.0 times the reference"
    assert quality_result(Quality(reference=reference)) == ((), size)
    assert quality_result(Quality(reference=reference, broken=("a.py",), unread=("b.ts",))) == (
        ("a.py",),
        f"{size}; broken: a.py",
    )
    unknown = "; whether all of it parses is unknown"
    assert quality_result(Quality(reference=reference, unread=("b.ts",))) == (None, size + unknown)
    linted = Quality(reference=reference, lint=("a.py: undefined name 'x'",))
    assert quality_result(linted) == ((), f"{size}; pyflakes: a.py: undefined name 'x'")
    assert quality_result(None) == (None, "2 files, 12 lines" + unknown)
