"""What makes a look cheap must not make it poorer: newborn processes, unchanged counters, held verdicts, batches."""

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from onbox.supervisor import new_pids
from onbox.supervisor.memory_sampler import Tree
from onbox.supervisor.new_pids import NewPids
from onbox.watch.collect import Collector, Target
from onbox.watch.members import Members
from onbox.watch.procfs import Member, stat_of
from tests.doubles.waiting import until

SLEEPS = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"]
PARENT = """
import subprocess, sys, threading, time
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
for line in sys.stdin:
    child = subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"])
    print(child.pid, flush=True)
"""


class Family:
    """A process with a thread, that starts a child when it is asked to."""

    def __init__(self) -> None:
        command = [sys.executable, "-I", "-S", "-c", PARENT]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, bufsize=0
        )
        self.pid = self._process.pid

    def child(self) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        return int(self._process.stdout.readline())

    def end(self) -> None:
        os.killpg(self.pid, 9)
        with self._process:
            pass


@pytest.fixture
def family() -> Iterator[Family]:
    made = Family()
    yield made
    made.end()


class TestNewborn:
    def test_a_child_is_among_the_numbers_and_once_more_in_the_next_call(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(new_pids, "MANY", 10**6)
        looks = NewPids()
        with subprocess.Popen(SLEEPS) as child:
            first, second, third = looks.numbers(), looks.numbers(), looks.numbers()
            child.kill()
        looks.close()
        assert first is not None
        assert second is not None
        assert child.pid in first
        assert child.pid in second
        assert third is not None
        assert child.pid not in third

    def test_many_numbers_are_not_worth_trying(self, monkeypatch: pytest.MonkeyPatch) -> None:
        looks = NewPids()
        monkeypatch.setattr(new_pids, "MANY", 0)
        subprocess.run(["/bin/true"], check=True)
        assert looks.numbers() is None


class TestGrowth:
    """A child is found by its number alone: after the first look a walk would fail the test."""

    def test_of_the_watched_set(self, family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
        members = Members((family.pid,))
        monkeypatch.setattr(new_pids, "MANY", 10**6)
        monkeypatch.setattr(members, "_walk", lambda: pytest.fail("walked"))
        child = family.child()
        members.refresh()
        assert {each.pid for each in members} == {family.pid, child}
        assert members.births == 1
        members.close()

    def test_of_the_guards_tree(self, family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
        tree = Tree({family.pid})
        tree.refresh(0.0)
        assert tree.pids == {family.pid}
        monkeypatch.setattr(new_pids, "MANY", 10**6)
        monkeypatch.setattr("onbox.supervisor.memory_sampler.descendants", lambda roots: pytest.fail("walked"))
        child = family.child()
        tree.refresh(0.1)
        assert tree.pids == {family.pid, child}
        assert set(tree.holdings()) == {family.pid, child}
        os.kill(child, 9)
        assert until(lambda: set(tree.holdings()) == {family.pid})

    def test_where_the_kernel_shows_no_numbers(self, family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(NewPids, "numbers", lambda self: None)
        members, tree = Members((family.pid,)), Tree({family.pid})
        tree.refresh(0.0)
        child = family.child()
        members.refresh()
        tree.refresh(0.1)
        assert {each.pid for each in members} == tree.pids == {family.pid, child}
        members.close()


class TestMember:
    def test_one_that_works_is_read_anew_and_one_that_sleeps_is_known_by_its_text(self) -> None:
        code = "import sys; print('up', flush=True); sys.stdin.read()\nwhile True: pass"
        with subprocess.Popen([*SLEEPS[:-1], code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdout.readline()
            member = Member(child.pid, "own", fresh=True)
            until(lambda: (observation := member.read(1.0)) is not None and observation.state == "S")
            asleep = member.read(1.0)
            assert member.read(1.1) is asleep
            child.stdin.close()
            assert until(lambda: (observation := member.read(1.1)) is not None and observation.cpu_s > 0.1)
            child.kill()
        assert member.read(1.2) is None
        member.close()

    def test_what_a_sleeper_wrote_is_noticed_a_second_later(self) -> None:
        """A thousand bytes now and then take less processor time than the kernel counts."""
        code = "import os, time\nwhile True: os.write(1, b'x' * 1000); time.sleep(0.05)"
        with subprocess.Popen([*SLEEPS[:-1], code], stdout=subprocess.DEVNULL) as child:
            member = Member(child.pid, "own", fresh=True)
            first = until(lambda: (observation := member.read(0.0)) is not None and observation.chars and observation)
            written = psutil.Process(child.pid).io_counters().write_chars
            until(lambda: psutil.Process(child.pid).io_counters().write_chars > written + 2000)
            later = member.read(1.0)
            child.kill()
        member.close()
        assert later is not None
        assert later.chars is not None
        assert later.chars > first.chars


class TestCollector:
    def test_sleepers_are_silent_for_a_second_at_most_and_a_silent_set_is_not_gone(self) -> None:
        clock = iter(tick / 10 for tick in range(1000))
        with subprocess.Popen(SLEEPS) as child:
            until(lambda: (stat := stat_of(child.pid)) is not None and stat.state == "S")
            collector = Collector(Target(pids=(child.pid,)), clock=lambda: next(clock))
            observations = [collector.sample() for _ in range(40)]
            child.kill()
            child.wait()
            last = collector.sample(), collector.sample(), collector.sample()
        collector.close()
        lines = [sample.t_ns / 1e9 for sample in observations if sample.processes is not None]
        assert max(later - earlier for earlier, later in itertools.pairwise(lines)) <= 1.01
        assert len(lines) < 20
        assert not any(sample.ended for sample in observations)
        assert any(sample.ended for sample in last)

    def test_one_that_was_gone_before_the_first_look_has_ended(self) -> None:
        with subprocess.Popen(["/bin/true"]) as child:
            pass
        collector = Collector(Target(pids=(child.pid,)))
        assert collector.sample().ended
        collector.close()
