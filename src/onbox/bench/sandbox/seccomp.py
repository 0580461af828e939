"""System calls that a sandbox refuses, as a filter of the kernel: what reaches other processes, and doors of the kernel
that no task needs.

A filter is a program of classic BPF, asked at each system call (`seccomp(2)`); a process cannot leave one. The numbers
are those of the kernel's own tables, and a test holds them against libseccomp. A call by another architecture's numbers
(32 bits, x32) is one that does not exist: the same call has another number there, and would pass.
"""

import errno
import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO = 0x7FFF_0000, 0x0005_0000
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
"""Offsets of `struct seccomp_data`; of an argument the lower half decides, which comes first on these machines."""
_X32_BIT = 0x4000_0000
ARCHITECTURES = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
"""`AUDIT_ARCH_*` of the machines that filters are made for."""

_MISSING = -1
NUMBERS: dict[str, tuple[int, int]] = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "perf_event_open": (298, 241),
    "bpf": (321, 280),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "userfaultfd": (323, 282),
    "open_by_handle_at": (304, 265),
    "syslog": (103, 116),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "fallocate": (285, 47),
    "socket": (41, 198),
    "sendto": (44, 206),
    "sendmsg": (46, 211),
    "sendmmsg": (307, 269),
    "prlimit64": (302, 261),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "ioprio_get": (252, 31),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "inotify_init": (253, _MISSING),
    "inotify_init1": (294, 26),
    "fanotify_init": (300, 262),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "getxattr": (191, 8),
    "lgetxattr": (192, 9),
    "fgetxattr": (193, 10),
    "listxattr": (194, 11),
    "llistxattr": (195, 12),
    "flistxattr": (196, 13),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "setxattrat": (463, 463),
    "getxattrat": (464, 464),
    "listxattrat": (465, 465),
    "removexattrat": (466, 466),
}
"""Numbers of the calls on x86_64 and aarch64."""


class AllowedArgument(NamedTuple):
    """The values that an argument must have for a call to pass.

    Args:
        position: of the argument, from 0.
        values: of its lower half.
        code: the errno for another value; 0: that of the rule.
    """

    position: int
    values: tuple[int, ...]
    code: int = 0


@dataclass(frozen=True)
class SyscallRule:
    """A call that is answered by `code`, an errno, unless its arguments are among those allowed.

    Args:
        allowed: what its arguments must be for the call to pass; empty refuses the call whatever they are.
    """

    call: str
    code: int
    allowed: tuple[AllowedArgument, ...] = ()
    refused_bits: tuple[int, int] | None = None
    """(position of an argument, bits): a call with any of them in it is refused, and no other."""


_FAMILIES = (1, 2, 10, 16)
"""Unix, IPv4, IPv6, netlink. Others go past the network's namespace (AF_VSOCK leads to the host of a virtual machine)
or to parts of the kernel that no task needs (AF_ALG, AF_PACKET)."""
_PROTOCOLS = (0, 6, 17)
"""The family's own, TCP, UDP. Landlock asks about no other way to connect: MPTCP reaches every port of the host that
TCP reaches, UDP-Lite and SCTP their own."""
_FAST_OPEN = 0x2000_0000
"""`MSG_FASTOPEN`: sends the first data to an address without `connect`, which is all that Landlock asks about."""
_ITSELF = (AllowedArgument(0, (0,)),)
_MEMORY_OF_OTHERS = ("ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd")
_DOORS = (
    *(SyscallRule(call, errno.EPERM) for call in ("perf_event_open", "bpf", "add_key", "request_key", "keyctl")),
    *(SyscallRule(call, errno.EPERM) for call in ("userfaultfd", "open_by_handle_at", "syslog")),
    # As if this kernel had none: then programs do without.
    *(SyscallRule(call, errno.ENOSYS) for call in ("io_uring_setup", "io_uring_enter", "io_uring_register")),
    # Takes all of a disk in a moment, faster than anybody looks; programs write instead.
    SyscallRule("fallocate", errno.EOPNOTSUPP),
    SyscallRule(
        "socket",
        errno.EAFNOSUPPORT,
        (AllowedArgument(0, _FAMILIES), AllowedArgument(2, _PROTOCOLS, errno.EPROTONOSUPPORT)),
    ),
)
WITH_NAMESPACES = (*(SyscallRule(call, errno.EPERM) for call in _MEMORY_OF_OTHERS), *_DOORS)
"""For a command whose processes, network and files are its own already."""
_ATTRIBUTES = tuple(call for call in NUMBERS if "xattr" in call)
WITHOUT_NAMESPACES = (
    *_DOORS,
    *(
        SyscallRule(call, errno.EOPNOTSUPP, refused_bits=(position, _FAST_OPEN))
        for call, position in (("sendto", 3), ("sendmsg", 2), ("sendmmsg", 3))
    ),
    # Of no process but the caller: limits, priority, processors.
    SyscallRule("prlimit64", errno.EPERM, _ITSELF),
    SyscallRule("setpriority", errno.EPERM, (AllowedArgument(0, (0,)), AllowedArgument(1, (0,)))),
    SyscallRule("ioprio_set", errno.EPERM, (AllowedArgument(0, (1,)), AllowedArgument(1, (0,)))),
    *(
        SyscallRule(call, errno.EPERM, _ITSELF)
        for call in ("sched_setparam", "sched_setscheduler", "sched_setaffinity")
    ),
    *(SyscallRule(call, errno.EPERM, _ITSELF) for call in ("sched_setattr", "migrate_pages", "move_pages")),
    SyscallRule("process_madvise", errno.EPERM),
    # What Landlock does not ask about: who reads and writes in closed folders, attributes of closed files, queues.
    *(
        SyscallRule(call, errno.ENOSYS)
        for call in ("inotify_init", "inotify_init1", "fanotify_init", "mq_open", "mq_unlink")
    ),
    *(SyscallRule(call, errno.EOPNOTSUPP) for call in _ATTRIBUTES),
)
"""For a command that shares the box's processes and files. What reads the memory of others is not in it: sandlock
refuses that itself, and its own supervisor, which this filter holds too, needs it."""


def program(rules: Iterable[SyscallRule], machine: str | None = None) -> bytes | None:
    """The filter, an array of `struct sock_filter`; None for a machine that no filter is made for.

    Args:
        machine: as `uname -m` says it; None for this one.
    """
    machine = machine or os.uname().machine
    if machine not in ARCHITECTURES:
        return None
    lines = list(_lines(rules, machine))
    return b"".join(struct.pack("HBBI", *line) for line in lines)


def _lines(rules: Iterable[SyscallRule], machine: str) -> Iterator[tuple[int, int, int, int]]:
    """Each a code, where to jump when it is so and when it is not, and a number."""
    absent = (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)
    yield (_LOAD, 0, 0, _ARCHITECTURE_AT)
    yield (_EQUAL, 1, 0, ARCHITECTURES[machine])
    yield absent
    yield (_LOAD, 0, 0, _NUMBER_AT)
    if machine == "x86_64":
        yield (_AT_LEAST, 0, 1, _X32_BIT)
        yield absent
    column = list(ARCHITECTURES).index(machine)
    for rule in rules:
        number = NUMBERS[rule.call][column]
        if number == _MISSING:
            continue
        body = list(_refusal(rule))
        yield (_EQUAL, 0, len(body), number)
        yield from body
    yield (_RETURN, 0, 0, _ALLOW)


def _refusal(rule: SyscallRule) -> Iterator[tuple[int, int, int, int]]:
    """What becomes of a call that the rule is for: it always ends in an answer."""
    if rule.refused_bits is not None:
        position, bits = rule.refused_bits
        yield (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * position)
        yield (_ANY_BIT, 0, 1, bits)
        yield (_RETURN, 0, 0, _ERRNO | rule.code)
        yield (_RETURN, 0, 0, _ALLOW)
        return
    if not rule.allowed:
        yield (_RETURN, 0, 0, _ERRNO | rule.code)
        return
    for position, values, code in rule.allowed:
        yield (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * position)
        for n, value in enumerate(values):
            yield (_EQUAL, len(values) - n, 0, value)
        yield (_RETURN, 0, 0, _ERRNO | (code or rule.code))
    yield (_RETURN, 0, 0, _ALLOW)
