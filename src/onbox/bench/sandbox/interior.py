"""What every tier gives a command: an environment, an interpreter, system folders and limits."""

import math
import os
import resource
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from onbox.bench.sandbox import MEMORY_BYTES, Bind, CommandResult

FILE_BYTES = 1 << 30
"""The largest file that a command may write."""
PROCESSES = 1024
SCRATCH_BYTES = 256 << 20
"""Size of each of the private /tmp, home and /dev/shm, where the tier can bound them."""
_WORD_BYTES = 128 << 10
"""Linux takes no longer argument (MAX_ARG_STRLEN)."""
_WORDS_BYTES = 1 << 20
"""All arguments together: half of what Linux takes with the usual stack of 8 MiB."""
_BRIDGE = Path(__file__).with_name("bridge.py")
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


def interpreter() -> Path:
    """The base interpreter that onbox runs on, outside any virtual environment."""
    return Path(getattr(sys, "_base_executable", "") or sys.executable).resolve()


def interpreter_folders() -> list[Path]:
    """What must be readable beyond /usr for `interpreter` to start: empty for the system's Python."""
    prefixes = {Path(sys.base_prefix), Path(sys.base_prefix).resolve(), Path(sys.base_exec_prefix).resolve()}
    return sorted(prefix for prefix in prefixes if not prefix.is_relative_to("/usr"))


def environment(*, path: Sequence[str], home: str, tmp: str) -> dict[str, str]:
    """The variables that a command starts with.

    Args:
        path: folders that come before the system's own.
        home: an empty folder.
        tmp: a folder for scratch files.
    """
    return {
        "PATH": ":".join([*path, SYSTEM_PATH]),
        "HOME": home,
        "TMPDIR": tmp,
        "LANG": "C.UTF-8",
        "USER": "agent",
        # A tier that closes /etc must not stop git.
        "GIT_CONFIG_NOSYSTEM": "1",
    }


def host_places(binds: Mapping[str, Bind]) -> dict[str, str]:
    """Where each bind is found in a tier that cannot remap paths: the variables that say so."""
    return {name: str(bind.path.resolve()) for name, bind in binds.items()}


def tools(folder: Path) -> Path:
    """Make `folder` with `python3` and `python` in it, as links to `interpreter`."""
    folder.mkdir()
    for name in ("python3", "python"):
        (folder / name).symlink_to(interpreter())
    return folder


def in_shell(argv: Sequence[str]) -> list[str]:
    """`argv` looked up by a shell, so that a missing command is exit code 127 in every tier."""
    return ["/bin/sh", "-c", 'exec "$@"', "sh", *argv]


def bridged(argv: Sequence[str], port: int, socket: str) -> list[str]:
    """`argv` behind a listener on 127.0.0.1:`port` that leads to the Unix socket `socket`, in the same namespace."""
    return [str(interpreter()), "-I", "-S", "-c", _BRIDGE.read_text("utf-8"), str(port), socket, *argv]


def refusal(argv: Sequence[str], env: Mapping[str, str] | None) -> CommandResult | None:
    """How a command ends that no kernel would take: exit code 126 and why; None for one that can be tried.

    An agent's words are a model's words: they may hold a zero byte, half a character or a whole file.
    """
    try:
        words = [word.encode() for word in (*argv, *(f"{name}={value}" for name, value in (env or {}).items()))]
    except UnicodeEncodeError:
        reason = "not valid text"
    else:
        if any(b"\0" in word for word in words):
            reason = "a zero byte in an argument"
        elif max(map(len, words), default=0) >= _WORD_BYTES or sum(map(len, words)) >= _WORDS_BYTES:
            reason = "argument list too long"
        else:
            return None
    return CommandResult(126, f"cannot run the command: {reason}\n".encode(), truncated=False, seconds=0.0)


def limits(timeout_s: float, memory_bytes: int = MEMORY_BYTES) -> Iterator[tuple[int, int]]:
    """The resource limits of each process of a command, as pairs of `resource.RLIMIT_*` and value.

    The CPU limit is a second line behind the time limit: a process on every core for all of `timeout_s`.
    """
    yield resource.RLIMIT_CORE, 0
    yield resource.RLIMIT_FSIZE, FILE_BYTES
    yield resource.RLIMIT_AS, memory_bytes
    yield resource.RLIMIT_CPU, math.ceil(timeout_s) * (os.cpu_count() or 1) + 1


OOM_SCORE = 500
"""Of a command and all that it starts, of 1000: where the box has no memory left it dies before a gate, onbox or an
engine."""


def die_first(pid: int | None = None) -> None:
    """Have the kernel take a process, by default this one, and what it starts first; as root they cannot undo it."""
    with suppress(OSError):
        Path(f"/proc/{pid or 'self'}/oom_score_adj").write_text(str(OOM_SCORE))


def tighten(pid: int, wanted: Iterable[tuple[int, int]]) -> None:
    """Lower the limits of a process, soft and hard; a limit that is lower already stays."""
    for which, value in wanted:
        _, hard = resource.prlimit(pid, which)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.prlimit(pid, which, (bound, bound))
