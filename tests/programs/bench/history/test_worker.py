"""The warm sandbox says of a workspace what a run of its own says, and outlives what is done to it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest

from onbox.bench.history import worker as history_worker
from onbox.bench.history.environment import seal
from onbox.bench.history.repository import lay_out
from onbox.bench.history.runners import Suite, observe
from onbox.bench.history.worker import MiningWorker
from onbox.bench.sandbox import Sandbox
from onbox.bench.sandbox.choose import by_name, choose
from onbox.bench.sandbox.equipped import EquippedSandbox

pytestmark = pytest.mark.slow

TEST = b"""import unittest
from slugs import slug


class Slugs(unittest.TestCase):
    def test_lower(self):
        self.assertEqual(slug("One"), "one")

    def test_spaces(self):
        self.assertEqual(slug("a b"), "a-b")
"""
STATES: dict[str, Mapping[str, bytes | None]] = {
    "before": {"slugs.py": b"def slug(title):\n    return title.lower()\n"},
    "after": {"slugs.py": b"def slug(title):\n    return title.lower().replace(' ', '-')\n"},
    "broken": {"slugs.py": b"def slug(title:\n"},
    "gone": {"slugs.py": None},
    "leaves": {"slugs.py": b"import os\nos._exit(0)\n"},
    "kills": {"slugs.py": b"import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n"},
    "never ends": {"slugs.py": b"while True: pass\n"},
}


@pytest.fixture(params=[pytest.param("bubblewrap", marks=pytest.mark.bwrap), "sandlock"])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """Each tier that needs no daemon."""
    return by_name(request.param)


def test_it_says_what_a_run_of_its_own_says(sandbox: Sandbox, tmp_path: Path) -> None:
    suite = Suite("unittest", ("test_slugs.py",), {"test_slugs.py": TEST}, (), ("slugs.py", "test_slugs.py"), 20.0)
    base = tmp_path / "base"
    base.mkdir()
    with MiningWorker(suite, base, sandbox, tmp_path / "calls") as worker:
        for name, files in STATES.items():
            warm = worker.observe(files, cpu_s=2.0)
            if name in ("kills", "never ends"):
                # Its own trouble alone; the next is asked as if nothing had been.
                assert warm.passed == frozenset()
                assert worker.observe(STATES["after"]).passed == {
                    "test_slugs.Slugs.test_lower",
                    "test_slugs.Slugs.test_spaces",
                }
                continue
            app = tmp_path / name
            app.mkdir()
            lay_out(app, {path: (data, False) for path, data in files.items() if data is not None})
            cold = observe(suite, app, sandbox)
            assert (name, warm.tests, warm.why) == (name, cold.tests, cold.why)
        assert worker.spent_s > 0


ENDLESS = {
    "unittest": b"""import unittest


class Ends(unittest.TestCase):
    def test_a(self):
        pass

    def test_b(self):
        while True:
            pass

    def test_c(self):
        pass
""",
    "pytest": b"""import pytest


class TestEnds:
    def test_a(self):
        pass

    @pytest.mark.parametrize("word", ["x/y.z"])
    def test_b(self, word):
        while True:
            pass

    def test_c(self):
        pass
""",
}


@pytest.mark.parametrize(
    ("kind", "head", "endless"),
    [("unittest", "test_ends.Ends.", "test_b"), ("pytest", "tests.test_ends.TestEnds::", "test_b[x/y.z]")],
)
def test_one_that_never_ends_is_named_and_the_others_run_without_it(
    kind: Literal["unittest", "pytest"], head: str, endless: str, tmp_path: Path
) -> None:
    name = "test_ends.py" if kind == "unittest" else "tests/test_ends.py"
    suite = Suite(kind, (name,), {name: ENDLESS[kind]}, (), (name,), 20.0)
    base = tmp_path / "base"
    base.mkdir()
    sealed = seal(tmp_path, None, "", (), tmp_path / "env")
    with MiningWorker(suite, base, EquippedSandbox(choose(), sealed.folder), tmp_path / "calls") as worker:
        end = worker.observe({}, cpu_s=3.0)
        assert (end.timed_out, end.tests, end.running) == (True, {}, head + endless)
        others = {f"{head}test_a", f"{head}test_c"}
        end = worker.observe({}, cpu_s=10.0, only=others)
        assert end.passed == others
        assert end.running == ""


SLOW = {
    "unittest": b"""import time, unittest


class Turns(unittest.TestCase):
    def test_a(self):
        pass

    def test_b(self):
        try:
            time.sleep(600)
        except Exception:
            pass

    def test_c(self):
        time.sleep(0.1)

    def test_d(self):
        pass
""",
    "pytest": b"""import time


class TestTurns:
    def test_a(self):
        pass

    def test_b(self):
        try:
            time.sleep(600)
        except Exception:
            pass

    def test_c(self):
        time.sleep(0.1)

    def test_d(self):
        pass
""",
}


@pytest.mark.parametrize(("kind", "head"), [("unittest", "test_it.Turns."), ("pytest", "test_it.TestTurns::")])
@pytest.mark.parametrize(("all_s", "passed", "cut"), [(600.0, "acd", "b"), (1.0, "a", "bcd")])
def test_in_turn_no_test_takes_more_than_its_turn_nor_all_more_than_theirs(
    kind: Literal["unittest", "pytest"],
    head: str,
    all_s: float,
    passed: str,
    cut: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(history_worker, "TURN_S", 2.0)
    monkeypatch.setattr(history_worker, "TURNS_S", all_s)
    suite = Suite(kind, ("test_it.py",), {"test_it.py": SLOW[kind]}, (), (), 300.0)
    base = tmp_path / "base"
    base.mkdir()
    sealed = seal(tmp_path, None, "", (), tmp_path / "env")
    with MiningWorker(suite, base, EquippedSandbox(choose(), sealed.folder), tmp_path / "calls") as worker:
        end = worker.observe({}, in_turn=True)
    assert end.passed == {f"{head}test_{letter}" for letter in passed}
    assert end.cut == {f"{head}test_{letter}" for letter in cut}
    assert not end.timed_out
    assert end.cost_s >= 1.8


def test_a_test_whose_id_holds_a_megabyte_is_not_reported(tmp_path: Path) -> None:
    test = b"import pytest\n\n\n@pytest.mark.parametrize('text', [str(n) * 1_000_000 for n in range(10)])\n"
    test += b"def test_long(text):\n    pass\n\n\ndef test_other():\n    pass\n"
    suite = Suite("pytest", ("test_it.py",), {"test_it.py": test}, (), (), 60.0)
    base = tmp_path / "base"
    base.mkdir()
    sealed = seal(tmp_path, None, "", (), tmp_path / "env")
    sandbox = EquippedSandbox(choose(), sealed.folder)
    with MiningWorker(suite, base, sandbox, tmp_path / "calls") as worker:
        assert worker.observe({}).tests == {"test_it::test_other": "passed"}
    assert observe(suite, base, sandbox).tests == {"test_it::test_other": "passed"}


def test_one_that_waits_for_what_never_comes_is_ended_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_worker, "IDLE_S", 1.0)
    test = b"import threading, unittest\n\n\nclass One(unittest.TestCase):\n    def test_one(self):\n"
    suite = Suite(
        "unittest", ("test_one.py",), {"test_one.py": test + b"        threading.Event().wait()\n"}, (), (), 300.0
    )
    base = tmp_path / "base"
    base.mkdir()
    with MiningWorker(suite, base, choose(), tmp_path / "calls") as worker:
        for _ in range(2):
            end = worker.observe({})
            assert (end.timed_out, end.running) == (True, "test_one.One.test_one")
            assert end.seconds < 300


def test_time_is_counted_on_the_processor(tmp_path: Path) -> None:
    test = b"import time, unittest\n\n\nclass One(unittest.TestCase):\n    def test_one(self):\n        time.sleep(1)\n"
    suite = Suite("unittest", ("test_one.py",), {"test_one.py": test}, (), ("test_one.py",), 20.0)
    base = tmp_path / "base"
    base.mkdir()
    with MiningWorker(suite, base, choose(), tmp_path / "calls") as worker:
        end = worker.observe({})
    assert end.tests == {"test_one.One.test_one": "passed"}
    assert end.cpu_s is not None
    assert end.cpu_s < 1 < end.seconds


WRITES = b"""import os, unittest


class Writes(unittest.TestCase):
    def test_the_data_are_as_they_were(self):
        with open("data.txt") as file:
            self.assertEqual(file.read(), "given")

    def test_write(self):
        with open("data.txt", "a") as file:
            file.write(" and more")
        os.chmod("slugs.py", 0o600)
        open("left.txt", "w").close()
        os.remove("tests/other.txt")
"""


def test_a_run_finds_nothing_of_the_run_before(sandbox: Sandbox, tmp_path: Path) -> None:
    """A run has the files in links: what it writes, leaves and removes is seen by no other."""
    files = {"tests/test_writes.py": WRITES, "tests/other.txt": b"x"}
    given = ("data.txt", "slugs.py", *files)
    suite = Suite("unittest", ("tests/test_writes.py",), files, (), given, 20.0)
    base = tmp_path / "base"
    base.mkdir()
    lay_out(base, {"data.txt": (b"given", False), "slugs.py": (b"", False)})
    with MiningWorker(suite, base, sandbox, tmp_path / "calls") as worker:
        for _ in range(3):
            assert set(worker.observe({}).tests.values()) == {"passed"}
        assert (base / "data.txt").read_text() == "given"


@pytest.mark.parametrize(
    "files",
    [
        {"slugs.py": STATES["after"]["slugs.py"], "test_slugs.py": b"raise SystemExit\n"},
        {"slugs.py": STATES["after"]["slugs.py"], "sitecustomize.py": b"raise SystemExit\n", "more/new.py": b"1\n"},
        {"slugs.py": None, "slugs.py/inner.txt": b"a file where a module was"},
        {"slugs.py": STATES["after"]["slugs.py"], "test_slugs.py/inner.txt": b"a file where a test is"},
    ],
    ids=["a test", "planted", "a folder for a module", "a folder for a test"],
)
def test_whatever_is_changed_it_says_what_a_run_of_its_own_says(
    files: Mapping[str, bytes | None], tmp_path: Path
) -> None:
    suite = Suite("unittest", ("test_slugs.py",), {"test_slugs.py": TEST}, (), ("slugs.py", "test_slugs.py"), 20.0)
    base, app = tmp_path / "base", tmp_path / "app"
    base.mkdir()
    app.mkdir()
    lay_out(app, {name: (content, False) for name, content in files.items() if content is not None})
    with MiningWorker(suite, base, choose(), tmp_path / "calls") as worker:
        worker.observe(STATES["before"])
        assert worker.observe(files).tests == observe(suite, app, choose()).tests


def test_packages_of_the_environment_are_loaded_once_and_the_project_is_not(tmp_path: Path) -> None:
    """A package that counts its loads, and a module of the project that is another in each state."""
    env = tmp_path / "env"
    lay_out(env / "python", {"counted.py": (b"import os\nPID = os.getpid()\n", False)})
    test = b"""import os, unittest, counted, project


class One(unittest.TestCase):
    def test_loaded_here(self):
        self.assertEqual(counted.PID, os.getpid())

    def test_state(self):
        self.assertEqual(project.STATE, 1)
"""
    suite = Suite("unittest", ("test_one.py",), {"test_one.py": test}, (), ("project.py", "test_one.py"), 20.0)
    base = tmp_path / "base"
    base.mkdir()
    with MiningWorker(suite, base, EquippedSandbox(choose(), env), tmp_path / "calls") as worker:
        observations = [
            sorted(name.rpartition("_")[2] for name in worker.observe({"project.py": b"STATE = %d\n" % state}).passed)
            for state in (0, 1, 0, 1)
        ]
    assert observations == [["here"], ["state"], [], ["state"]]
