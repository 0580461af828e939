"""Which runner a project's tests have, and how they are run in the sandbox."""

import base64
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from onbox.bench.history.paths import is_test
from onbox.bench.sandbox import Bind, CommandSpec, Sandbox

Kind = Literal["pytest", "unittest", "node", "vitest", "jest", "go", "cargo"]

NEEDS: dict[str, str] = {"node": "node", "vitest": "node", "jest": "node", "go": "go", "cargo": "cargo"}
"""The program that a runner needs in the sandbox, beside Python."""
TESTS_S = 60.0
REQUEST_BYTES_MAX = 15 << 20
_RESULT_BYTES_MAX = 16 << 20
_PYTEST = re.compile(r"\bimport pytest\b|\bfrom pytest\b|\[(?:tool:)?pytest|tool\.pytest|@pytest\.|\bpytest\b")
_JAVASCRIPT = re.compile(r".*\.[cm]?[jt]sx?")


@dataclass(frozen=True)
class Suite:
    """The tests of one commit, as its gate runs them.

    Args:
        kind: the runner.
        targets: the test files.
        hidden: content of each file that the gate lays over the workspace.
        delete: names that are taken away first.
        given: all names that the project has, before or after.
        timeout_s: wall time of one run.
        only: ids of the tests that are run; all of the files where it is empty.
    """

    kind: Kind
    targets: tuple[str, ...]
    hidden: Mapping[str, bytes]
    delete: tuple[str, ...]
    given: tuple[str, ...]
    timeout_s: float = TESTS_S
    only: tuple[str, ...] = ()

    def request(self) -> dict[str, Any]:
        """What `files/testrun.py` is told, but for the hidden files."""
        return {
            "kind": self.kind,
            "targets": list(self.targets),
            "delete": list(self.delete),
            "given": list(self.given),
            "timeout_s": self.timeout_s,
            **({"only": list(self.only)} if self.only else {}),
        }


@dataclass(frozen=True)
class SuiteRun:
    """What became of the tests of one run.

    Args:
        tests: id -> passed, failed or skipped.
        output: the end of what the runner printed.
        seconds: wall time, the sandbox's start included.
        why: id -> last words of those that failed.
    """

    tests: Mapping[str, str]
    output: str
    seconds: float
    why: Mapping[str, str] = field(default_factory=dict)
    timed_out: bool = False
    """The runner did not end in time."""
    cpu_s: float | None = None
    """Of the processor, for the tests alone; None where nobody counted."""
    seconds_of: Mapping[str, float] = field(default_factory=dict)
    """Wall time by id, where the runner says it."""
    exit_code: int | None = None
    """Of the runner; None where it did not end, or nobody asked."""
    running: str = ""
    """The id of the test that it was at when its time was over, where that is known."""
    cut: frozenset[str] = frozenset()
    """The ids of the tests that took longer than their turn, or had none."""
    lasted_s: float = 0.0
    """Of the clock, without what it waited for a processor."""

    @property
    def cost_s(self) -> float:
        """How long it takes on an idle box, where that is known, since a busy one stretches wall time."""
        return self.seconds if self.cpu_s is None else max(self.cpu_s, self.lasted_s)

    @property
    def passed(self) -> frozenset[str]:
        """The ids of the tests that passed."""
        return frozenset(name for name, state in self.tests.items() if state == "passed")


def kind_of(targets: Collection[str], texts: Mapping[str, str], *, pytest_is_there: bool) -> Kind | None:
    """The runner of test files.

    Args:
        targets: the files, all of one language.
        texts: of the tests and of the project's set-up, by name.
        pytest_is_there: whether the environment has pytest; without it tests in the form of unittest still run.
    """
    first = next(iter(targets), "")
    if first.endswith(".py"):
        own = [texts.get(name, "") for name in targets]
        plain = all("unittest" in text and not re.search(r"\bpytest\b", text) for text in own)
        uses_pytest = any(_PYTEST.search(text) for name, text in texts.items() if not is_test(name))
        return "unittest" if plain and not (uses_pytest and pytest_is_there) else "pytest"
    if first.endswith(".go"):
        return "go"
    if first.endswith(".rs"):
        return "cargo"
    if _JAVASCRIPT.fullmatch(first):
        package = texts.get("package.json", "")
        for kind in ("vitest", "jest"):
            if f'"{kind}"' in package or f'"{kind} ' in package:
                return kind
        return "node" if any("node:test" in texts.get(name, "") for name in targets) else None
    return None


def targets_of(paths: Collection[str]) -> list[str]:
    """The files among tests that hold tests, of the language that most of them are in."""
    by_language: dict[str, list[str]] = {}
    for path in sorted(paths):
        name = path.rpartition("/")[2]
        if not is_test(path) or name in ("conftest.py", "__init__.py"):
            continue
        if name.endswith(".py") and (name.startswith("test") or re.search(r"tests?\.py$", name)):
            by_language.setdefault("py", []).append(path)
        elif name.endswith("_test.go"):
            by_language.setdefault("go", []).append(path)
        elif path.startswith("tests/") and name.endswith(".rs") and path.count("/") == 1:
            by_language.setdefault("rs", []).append(path)
        elif re.fullmatch(r".*[._-](?:test|spec)\.[cm]?[jt]sx?", name):
            by_language.setdefault("js", []).append(path)
    return max(by_language.values(), key=len, default=[])


def observe(suite: Suite, app: Path, sandbox: Sandbox) -> SuiteRun:
    """Run the tests on a copy of a workspace, in the sandbox.

    Raises:
        BoxError: the sandbox could not start.
    """
    files = {name: base64.b64encode(content).decode() for name, content in suite.hidden.items()}
    done = sandbox.run(
        CommandSpec(
            ["python3", "-I", "-S", "-B", "-c", program()],
            binds={"APP_DIR": Bind(app, "/app")},
            cwd="APP_DIR",
            timeout_s=suite.timeout_s + 10,
            stdin=json.dumps({**suite.request(), "files": files}).encode(),
            output_limit_bytes=_RESULT_BYTES_MAX,
        )
    )
    try:
        found = json.loads(done.output.splitlines()[-1])
        tests = {str(name): str(state) for name, state in found["tests"].items()}
        why = {str(name): str(words) for name, words in found["why"].items()}
        return SuiteRun(tests, str(found["output"]), done.seconds, why, timed_out=found["exit"] is None)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return SuiteRun({}, done.output[-2000:].decode("utf-8", "replace"), done.seconds)


@cache
def program(*, serve: bool = False) -> str:
    """What runs the tests in the sandbox; with `serve` it stays up and is asked again and again."""
    files = Path(__file__).with_name("files")
    once = files.joinpath("testrun.py").read_text("utf-8")
    if not serve:
        return once
    begin, main, rest = once.rpartition("main()\n")
    assert (main, rest) == ("main()\n", "")
    return begin + files.joinpath("serve.py").read_text("utf-8")
