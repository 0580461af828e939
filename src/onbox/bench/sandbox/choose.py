"""Take the best sandbox that works on this box."""

import os
from collections.abc import Callable
from functools import partial

from onbox.bench.sandbox import Bind, CommandSpec, Sandbox
from onbox.bench.sandbox.bubblewrap import Bubblewrap
from onbox.bench.sandbox.container import ContainerSandbox
from onbox.bench.sandbox.none import Unsafe
from onbox.bench.sandbox.sandlock import Sandlock
from onbox.errors import BoxError, UsageError, install_extra
from onbox.scratch import scratch_folder

VARIABLE = "ONBOX_SANDBOX"
_TIERS: dict[str, Callable[[], Sandbox]] = {"bubblewrap": Bubblewrap, "sandlock": Sandlock}
"""Best first."""
_ASKED_FOR: dict[str, Callable[[], Sandbox]] = {
    "docker": partial(ContainerSandbox, "docker"),
    "podman": partial(ContainerSandbox, "podman"),
}
"""Only by name: they need a daemon or a set-up of their own, and half a second for each command."""
_KNOWN = {**_TIERS, **_ASKED_FOR}


def choose(*, unsafe: bool = False) -> Sandbox:
    """The first tier that runs a command here: the system's bubblewrap, then sandlock.

    Args:
        unsafe: when neither works, run commands as plain processes.

    Raises:
        UsageError: the environment variable ONBOX_SANDBOX names no tier.
        BoxError: no tier works, or not the one that ONBOX_SANDBOX names; says why each failed and what to install.
    """
    forced = os.environ.get(VARIABLE)
    if forced:
        if forced not in _KNOWN:
            raise UsageError(f"{VARIABLE}: no sandbox has the name {forced}", f"set it to one of {', '.join(_KNOWN)}")
        return working(_KNOWN[forced])
    reasons = []
    for name, tier in _TIERS.items():
        try:
            return working(tier)
        except BoxError as error:
            reasons.append(f"{name}: {error.message}")
    if unsafe:
        return Unsafe()
    raise BoxError(
        f"no sandbox works here ({'; '.join(reasons)})",
        f"apt install bubblewrap, or {install_extra('embedded')}",
    )


def by_name(name: str) -> Sandbox:
    """The tier of that name, after it has run a command; `none` only where a plan says so.

    Raises:
        UsageError: no tier has that name.
        BoxError: it does not work here (any more).
    """
    if name == Unsafe.name:
        return Unsafe()
    if name not in _KNOWN:
        raise UsageError(f"sandbox: no sandbox has the name {name}", f"one of {', '.join(_KNOWN)}")
    return working(_KNOWN[name])


def working(tier: Callable[[], Sandbox]) -> Sandbox:
    """The tier's sandbox, after it has run a command.

    Raises:
        BoxError: it is not installed, or does not work here.
    """
    sandbox = tier()
    with scratch_folder("choose") as folder:
        done = sandbox.run(CommandSpec(["true"], binds={"WORK": Bind(folder, "/work")}, cwd="WORK", timeout_s=20))
    if done.exit_code != 0:
        output = done.output.decode(errors="replace").strip() or "no output"
        raise BoxError(f"{sandbox.name} cannot run `true`: exit code {done.exit_code}, {output}")
    return sandbox
