"""The warm sandbox says of a workspace what a run of its own says, and outlives what is done to it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from onbox.bench.history.repository import lay_out
from onbox.bench.history.runners import Suite, observe
from onbox.bench.history.worker import MiningWorker
from onbox.bench.sandbox.choose import choose

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


def test_it_says_what_a_run_of_its_own_says(tmp_path: Path) -> None:
    suite = Suite("unittest", ("test_slugs.py",), {"test_slugs.py": TEST}, (), ("slugs.py", "test_slugs.py"), 20.0)
    base = tmp_path / "base"
    base.mkdir()
    sandbox = choose()
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
