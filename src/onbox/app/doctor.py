"""What works on this box and what one command mends, by the checks that each room makes for itself."""

import importlib.util
import os
from collections.abc import Callable, Iterator
from functools import partial

from onbox import box
from onbox.bench.agents import agent_names, agent_of
from onbox.bench.sandbox.choose import by_name, choose
from onbox.box.gpu_selection import VARIABLE, named, selected
from onbox.engines import all_facts, engine_by_name
from onbox.errors import OnboxError, install_extra
from onbox.evidence.records import AgentPlan
from onbox.image.daemon import Daemon, find_daemon
from onbox.image.routes import find_route
from onbox.launch.containers.client import PROGRAMS
from onbox.schema.checks import Check, Status

TIERS = ("bubblewrap", "sandlock")
NOT_PASSED = (Status.WARN, Status.FAIL, Status.UNKNOWN)
"""`warn`: this cannot be done here as it is; `fail`: no trial of agents; `unknown`: the box does not tell."""


def examine_box() -> tuple[Check, ...]:
    """Look at the box, its sandboxes, engines, containers, proxies, GPUs and agents; nothing is fetched or changed."""
    return tuple(_all())


EXTRAS = {
    "view": ("starlette", "the server of `onbox view`"),
    "see": ("PIL", "pictures for `onbox see`"),
    "hub": ("huggingface_hub", "weights from a hub"),
    "image": ("zstandard", "image layers packed by zstd"),
}
"""What an extra of the package brings: a module by which it is known, and what it is for."""


def _all() -> Iterator[Check]:
    yield from _box()
    for tier in TIERS:
        yield _of(f"sandbox.{tier}", partial(_tier, tier))
    yield _of("sandbox", _chosen, otherwise=Status.FAIL)
    yield from _engines()
    yield from _extras()
    for program in PROGRAMS:
        yield _of(f"containers.{program}", partial(_version, program))
    yield from _route()
    for name in agent_names():
        yield _of(f"agent.{name}", partial(_agent, name))


def _check(id: str, status: Status, observed: str, hint: str = "") -> Check:
    return Check(id, status, observed, None, hint=hint)


def _of(id: str, look: Callable[[], str], otherwise: Status = Status.WARN) -> Check:
    """What a look gives, or why it gives nothing, in the room's own words."""
    try:
        return _check(id, Status.PASS, look())
    except OnboxError as error:
        return _check(id, otherwise, error.message, error.next_step)


def _box() -> Iterator[Check]:
    here = box.describe(measure=False)
    for check in here.checks:
        observed = check.evidence if check.observed is None else f"{check.observed} {check.unit}".strip()
        yield _check(f"box.{check.id}", check.status, observed, check.hint)
    for device in here.accelerators:
        known = device.name and not device.mig
        subset = device.name or "it reports no name"
        if device.mig:
            subset += ", split by MIG: the properties of an instance are not known"
        yield _check(f"gpu.{device.index}", Status.PASS if known else Status.UNKNOWN, subset)
    if here.accelerators:
        selection = selected(here.accelerators, os.environ)
        if selection.devices is None:
            yield _check("gpus", Status.UNKNOWN, selection.why)
        elif len(selection.devices) < len(here.accelerators):
            subset = f"{named(selection.devices) or 'none'} of {named(here.accelerators)} may be used: {selection.why}"
            yield _check("gpus", Status.WARN, subset, f"unset {VARIABLE}, or leave it if that is intended")
        elif len(here.accelerators) > 1:
            yield _check("gpus", Status.PASS, named(here.accelerators))
    if not here.accelerators:
        yield _check("gpu", Status.UNKNOWN, "none is visible on this box")


def _engines() -> Iterator[Check]:
    """Those that one command brings."""
    for name, command in (each for facts in all_facts() for each in facts.installs.items()):
        version = engine_by_name(name).version()
        if version is None:
            yield _check(f"engine.{name}", Status.WARN, "not installed", command)
        else:
            yield _check(f"engine.{name}", Status.PASS, version)


def _extras() -> Iterator[Check]:
    for extra, (module, purpose) in EXTRAS.items():
        if importlib.util.find_spec(module) is not None:
            yield _check(f"extra.{extra}", Status.PASS, purpose)
        else:
            yield _check(f"extra.{extra}", Status.WARN, f"{purpose}: not installed", install_extra(extra))


def _tier(name: str) -> str:
    return by_name(name).version or "works"


def _chosen() -> str:
    """The one that a trial takes."""
    tier = choose()
    return f"{tier.name} {tier.version}".strip()


def _version(program: str) -> str:
    daemon = Daemon(program)
    daemon.need()
    return daemon.version


def _route() -> Iterator[Check]:
    """Where pulls of images go, of the daemon that is used."""
    try:
        route = find_route(find_daemon())
    except OnboxError:
        return  # said of each program already
    slow = route.kind in ("tor", "socks")
    observed = f"{route.program}: {route.kind}" + (f" {route.proxy}" if route.proxy else "")
    hint = "onbox image diagnose REF measures it, onbox image fetch REF bypasses it" if slow else ""
    yield _check("proxy.images", Status.WARN if slow else Status.PASS, observed, hint)


def _agent(name: str) -> str:
    version = agent_of(AgentPlan(name=name, version="")).version()
    return f"comes with onbox, version {version}" if name.startswith("builtin") else version
