"""`--help` as a manual: grouped by what a user wants, with examples that the parser takes and the exit codes."""

import os
import subprocess
import sys


def test_the_first_page_costs_little() -> None:
    def seconds() -> float:
        """Processor time, which other work on the box does not lengthen by much."""
        before = os.times()
        subprocess.run([sys.executable, "-m", "onbox", "--help"], check=True, stdout=subprocess.DEVNULL)
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    assert min(seconds() for _ in range(5)) < 0.15
