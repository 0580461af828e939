"""The filter of system calls: its numbers, and what it answers, by a process that holds itself to it."""

import ctypes
import ctypes.util
import errno
import json
import os
import subprocess
import sys
from dataclasses import asdict

import pytest

from onbox.bench.sandbox import seccomp
from onbox.bench.sandbox.choose import working
from onbox.bench.sandbox.probes import probe
from onbox.bench.sandbox.sandlock import Sandlock
from onbox.bench.sandbox.sandlock_keeper import refuse
from tests.programs.bench.sandbox.place import CLOSED, Place, in_tiers

needs_filter = pytest.mark.skipif(os.uname().machine not in seccomp.ARCHITECTURES, reason="no filter for this machine")


def test_the_numbers_are_those_of_libseccomp() -> None:
    path = ctypes.util.find_library("seccomp")
    if path is None:
        pytest.skip("libseccomp is not here: apt install libseccomp2")
    resolve = ctypes.CDLL(path).seccomp_syscall_resolve_name_arch
    resolve.argtypes = [ctypes.c_uint32, ctypes.c_char_p]
    wrong = []
    for name, numbers in seccomp.NUMBERS.items():
        for architecture, number in zip(seccomp.ARCHITECTURES.values(), numbers, strict=True):
            message = resolve(architecture, name.encode())
            # Below zero: not known to this version, or not there on this machine.
            if message >= 0 and message != number:
                wrong.append((name, architecture, number, message))
    assert wrong == []


def test_no_filter_is_made_for_a_machine_that_it_does_not_know() -> None:
    assert seccomp.program(seccomp.WITH_NAMESPACES, "riscv64") is None
    for machine in seccomp.ARCHITECTURES:
        for rules in (seccomp.WITH_NAMESPACES, seccomp.WITHOUT_NAMESPACES):
            program = seccomp.program(rules, machine)
            assert program
            assert len(program) % 8 == 0
            # More is not taken by the kernel (BPF_MAXINSNS).
            assert len(program) // 8 < 4096


def answered(rules: tuple[seccomp.SyscallRule, ...], calls: list[tuple[str, tuple[int, ...]]]) -> list[int]:
    """The errno of each call in a process that is held to `rules`; 0 where the kernel did what it was asked for."""
    script = """
import ctypes, json, os, sys
from onbox.bench.sandbox import seccomp
from onbox.bench.sandbox.sandlock_keeper import refuse
column = list(seccomp.ARCHITECTURES).index(os.uname().machine)
rules = [seccomp.SyscallRule(**rule) for rule in json.loads(sys.argv[1])]
refuse(seccomp.program(rules))
libc = ctypes.CDLL(None, use_errno=True)
for name, arguments in json.loads(sys.argv[2]):
    ctypes.set_errno(0)
    libc.syscall(seccomp.NUMBERS[name][column], *map(ctypes.c_long, arguments))
    print(ctypes.get_errno())
"""
    words = [json.dumps([asdict(rule) for rule in rules]), json.dumps(calls)]
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True)
    return [int(line) for line in done.stdout.split()]


@needs_filter
def test_a_rule_looks_at_the_arguments() -> None:
    calls = [
        ("prlimit64", (0, 7, 0, 0)),
        ("prlimit64", (os.getpid(), 7, 0, 0)),
        ("setpriority", (0, 0, 5)),
        ("setpriority", (0, os.getpid(), 5)),
        ("setpriority", (2, 0, 5)),
        ("ioprio_set", (1, 0, 0)),
        ("ioprio_set", (3, 0, 0)),
        ("socket", (1, 1, 0)),
        ("socket", (40, 1, 0)),
        ("socket", (2, 1, 6)),
        ("socket", (2, 2, 17)),
        ("socket", (2, 1, 262)),
        ("socket", (10, 2, 136)),
        ("socket", (2, 1, 132)),
        ("sendto", (-1, 0, 0, 0x2000_0000, 0, 0)),
        ("sendmsg", (-1, 0, 0x2000_4000)),
        ("sendmmsg", (-1, 0, 0, 0x2000_0000)),
        ("sendto", (-1, 0, 0, 0x4000, 0, 0)),
        ("sendmsg", (-1, 0, 0)),
    ]
    expected = [0, errno.EPERM, 0, errno.EPERM, errno.EPERM, 0, errno.EPERM, 0, errno.EAFNOSUPPORT]
    expected += [0, 0, *[errno.EPROTONOSUPPORT] * 3, *[errno.EOPNOTSUPP] * 3, errno.EBADF, errno.EBADF]
    assert answered(seccomp.WITHOUT_NAMESPACES, calls) == expected


@needs_filter
def test_doors_of_the_kernel_are_shut_in_both() -> None:
    doors = ["bpf", "perf_event_open", "keyctl", "userfaultfd", "open_by_handle_at", "syslog", "io_uring_setup"]
    for rules in (seccomp.WITH_NAMESPACES, seccomp.WITHOUT_NAMESPACES):
        codes = {rule.call: rule.code for rule in rules}
        assert answered(rules, [(door, (0, 0, 0, 0)) for door in doors]) == [codes[door] for door in doors]


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of x32 are those of x86_64")
def test_a_call_by_the_numbers_of_x32_does_not_exist() -> None:
    script = "import ctypes; libc = ctypes.CDLL(None, use_errno=True)\n"
    script += "print(libc.syscall(0x40000000 + 101, 0, 0, 0, 0), ctypes.get_errno())"

    def held() -> None:
        refuse(seccomp.program(seccomp.WITH_NAMESPACES) or b"")

    done = subprocess.run([sys.executable, "-c", script], preexec_fn=held, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["-1", str(errno.ENOSYS)]


TRACE = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long] * 4
child = os.fork()
if child == 0:
    import time
    time.sleep(5)
    os._exit(0)
print("traced" if libc.ptrace(16, child, 0, 0) == 0 else f"refused {ctypes.get_errno()}")
os.kill(child, 9)
"""


@needs_filter
@in_tiers(CLOSED)
def test_a_command_traces_nobody_not_even_its_own_children(place: Place) -> None:
    done = place.run("python3", "-I", "-S", "-c", TRACE)
    assert done.output.decode().split() == ["refused", str(errno.EPERM)]


@needs_filter
@in_tiers(CLOSED)
def test_what_looks_at_attributes_and_limits_goes_on_working(place: Place) -> None:
    """`cp -a`, `ls -l`, `tar` and `ulimit` ask for what a tier may refuse, and do without."""
    script = "set -e; echo a > a; cp -a a b; ls -l b > list; tar cf c.tar a b; ulimit -n; nice -n 1 true; tail -n 1 a"
    done = place.shell(script)
    assert done.exit_code == 0, done.output
    limit, last = done.output.decode().split()
    assert limit.isdigit()
    assert last == "a"


SHARED = {"change_processes", "trace_processes", "watch_folders", "read_attributes", "leave_memory"}


@needs_filter
def test_a_user_s_own_processes_and_files_are_out_of_reach_of_sandlock_s_commands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where a command runs as onbox's user, the filter alone stands between them: without it probes break out."""
    monkeypatch.setattr("onbox.bench.sandbox.sandlock.is_host_root", lambda: False)

    def broken() -> set[str]:
        return {made.name for made in probe(working(Sandlock)).probes if not made.held}

    assert broken() & SHARED == set()
    monkeypatch.setattr(seccomp, "WITHOUT_NAMESPACES", ())
    assert {"change_processes", "watch_folders"} <= broken()
