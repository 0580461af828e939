"""As whom a sandbox's command runs on the host when onbox is root: nobody else's number, in a range of its own.

A user namespace alone does not help root: the command has another number inside, and is root for every file of the
host that the kernel asks about, /proc/sys first of all.
"""

import itertools
import os
import subprocess
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from onbox.bench.sandbox.interior import interpreter
from onbox.errors import BoxError
from onbox.trees import give

FIRST_UID = 0x7000_0000
"""Above the ranges that distributions and systemd give to users and containers, below those that systemd keeps."""
USERS = 4096
_LAUNCHER = Path(__file__).with_name("as_user.py")
_counted = itertools.count()


@cache
def is_host_root() -> bool:
    """Whether this process is root of the host, and not of a user namespace that maps it to somebody else."""
    return os.getuid() == 0 and any(inside == outside == 0 for inside, outside, _ in _uid_map())


def next_uid() -> int:
    """A number for one command: no two sandboxes of a box that run at a time are likely to share it.

    Raises:
        BoxError: this user namespace has no number that is free.
    """
    wanted = (os.getpid() * 61 + next(_counted)) % USERS
    for first in (FIRST_UID, 60_000):
        if any(inside <= first and first + USERS <= inside + count for inside, _, count in _uid_map()):
            return first + wanted
    raise BoxError(
        "onbox is root, and a sandbox has no unprivileged user to run as: too few user ids are mapped in here",
        "run onbox as an ordinary user",
    )


def as_user(
    command: Sequence[str],
    *,
    shown: Iterable[Path],
    owned: Iterable[Path],
    limits: Iterable[tuple[int, int]],
    scratch: Path | None = None,
) -> list[str]:
    """The command line that runs `command` as an unprivileged user.

    Args:
        command: its first word is a path.
        shown: what it needs a way to, and everybody may read.
        owned: what is to be its own: with the user's rights, whoever may read it.
        limits: pairs of `resource.RLIMIT_*` and value.
        scratch: where a file of users can lie that knows this one and is shown in place of the box's; None where the
            tier has its own. Programs such as node ask who they are, and end where nobody knows.

    Raises:
        BoxError: see `next_uid`.
    """
    uid = next_uid()
    own = [path.resolve() for path in owned]
    for path in own:
        if not path.exists():
            raise BoxError(f"{path}: no such folder to run a command in")
        if not _maps(path.stat().st_dev, path):
            give(path, uid, uid)
    bounds = ",".join(f"{which}={value}" for which, value in limits)
    passwd = "" if scratch is None else str(_users(scratch / "passwd", uid))
    request = [str(uid), bounds, passwd]
    for paths in (sorted({str(path.resolve()) for path in shown if path.exists()}), sorted(map(str, own))):
        request += [str(len(paths)), *paths]
    return [str(interpreter()), "-I", "-S", str(_LAUNCHER), *request, *command]


def _users(path: Path, uid: int) -> Path:
    path.write_text(f"root:x:0:0:root:/root:/bin/bash\nagent:x:{uid}:{uid}:agent:/home/agent:/bin/bash\n")
    path.chmod(0o644)
    return path


_known: dict[int, bool] = {}


def _maps(device: int, path: Path) -> bool:
    if device not in _known:
        command = [str(interpreter()), "-I", "-S", str(_LAUNCHER), "can_map", str(path)]
        _known[device] = subprocess.run(command, capture_output=True, check=False).returncode == 0
    return _known[device]


def _uid_map() -> list[tuple[int, int, int]]:
    lines = Path("/proc/self/uid_map").read_text().splitlines()
    return [(int(inside), int(outside), int(count)) for inside, outside, count in map(str.split, lines)]
