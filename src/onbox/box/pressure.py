"""Who else wants this machine: pressure stall information, load, and a desktop that must not starve."""

import os
from dataclasses import dataclass, field
from pathlib import Path

PROC_PRESSURE = Path("/proc/pressure")
LOGIN_SESSIONS = Path("/run/systemd/sessions")


@dataclass(frozen=True)
class Stall:
    """Share of the last 10 and 60 seconds that tasks stood still for want of a resource, in percent."""

    some_avg10: float | None = None
    some_avg60: float | None = None
    full_avg10: float | None = None
    full_avg60: float | None = None


@dataclass(frozen=True)
class Pressure:
    """Load and stalls; None where the kernel does not tell."""

    load_1min: float | None
    load_5min: float | None
    stalls: dict[str, Stall] = field(default_factory=dict)
    """By resource: `cpu`, `io`, `memory`; empty on a kernel without pressure stall information."""


def pressure(root: Path = PROC_PRESSURE) -> Pressure:
    """Read load averages and `/proc/pressure`."""
    try:
        one, five, _ = os.getloadavg()
    except OSError:
        return Pressure(None, None, {})
    found = {}
    for resource in ("cpu", "io", "memory"):
        stall = _stall(root / resource)
        if stall is not None:
            found[resource] = stall
    return Pressure(round(one, 2), round(five, 2), found)


def _stall(path: Path) -> Stall | None:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    values: dict[str, float] = {}
    for line in lines:
        kind, *pairs = line.split()
        for pair in pairs:
            name, _, value = pair.partition("=")
            if name in ("avg10", "avg60"):
                values[f"{kind}_{name}"] = float(value)
    return Stall(**{name: values.get(name) for name in ("some_avg10", "some_avg60", "full_avg10", "full_avg60")})


def desktop_session(sessions: Path = LOGIN_SESSIONS) -> bool | None:
    """Whether somebody is logged in to a graphical session here; None when nothing on this system can say so."""
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return True
    if not sessions.is_dir():
        return None
    for path in sessions.iterdir():
        try:
            lines = path.read_text().splitlines()
        except (OSError, UnicodeDecodeError):
            continue  # sessions come and go, and hold sockets beside the files
        properties = dict(line.partition("=")[::2] for line in lines)
        if properties.get("TYPE") in ("x11", "wayland", "mir") and properties.get("CLASS", "user") == "user":
            return True
    return False
