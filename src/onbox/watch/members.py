"""Who works for a stand-up: the processes that were named, all they start, the daemons and containers behind them.

A client of docker is silent while the daemon works, and the steps of a build are nobody's children: they hang below a
shim whose parent is process 1. So the set is gathered from several sides: descent, session, the daemon at the other end
of the socket, and the processes of control groups.
"""

import os
import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress

from onbox.supervisor.new_pids import NewPids, is_process
from onbox.watch.procfs import Member, stat_of

CLIENTS = frozenset({"docker", "docker-compose", "docker-buildx", "nerdctl", "buildctl"})
"""Commands that leave the work to a daemon."""
DAEMONLESS = frozenset({"podman", "buildah"})
"""Those that do it themselves, in processes that then belong to nobody."""
DAEMONS = frozenset({"dockerd", "containerd", "buildkitd"})
DEFAULT_SOCKET = "/var/run/docker.sock"
WALK_EVERY = 10
"""Refreshes: so often all of `/proc` is looked at, whatever the numbers given away say."""


class Members:
    """The set, kept up to date by `refresh`.

    Args:
        roots: processes that are watched with all that they start.
    """

    def __init__(self, roots: Iterable[int]) -> None:
        self.roots = tuple(roots)
        self.births = 0
        self.daemons_missing = False
        """A client leaves its work to a daemon that is not on this box, or not to be found."""
        self._members: dict[int, Member] = {}
        self._strangers: set[int] = set()
        self._sessions: set[int] = set()
        self.makes_containers = False
        """A client of containers is in the set: those that appear while it works are its own."""
        self._daemons_sought = False
        self._new_pids = NewPids()
        self._refreshes = 0
        for pid in self.roots:
            self._join(pid, "own", fresh=False)
            stat = stat_of(pid)
            if stat is not None and stat.session == pid:
                self._sessions.add(pid)
        self.refresh(fresh=False)

    def __iter__(self) -> Iterator[Member]:
        return iter(tuple(self._members.values()))

    def __len__(self) -> int:
        return len(self._members)

    def refresh(self, container_pids: Iterable[int] = (), fresh: bool = True) -> None:
        """Take in what was started since, and let go of what is gone.

        Args:
            container_pids: processes of the containers that belong to the watch.
            fresh: whoever joins now was born while the watch ran.
        """
        new_pids = self._new_pids.numbers()
        if self._refreshes % WALK_EVERY == 0:
            new_pids = None
        self._refreshes += 1
        for pid in container_pids:
            if pid not in self._members:
                self._join(pid, "container", fresh)
        self._adopt(self._walk() if new_pids is None else new_pids, fresh)
        names = {each.name for each in self._members.values() if each.role == "own"}
        self.makes_containers = self.makes_containers or not names.isdisjoint(CLIENTS | DAEMONLESS)
        if not self._daemons_sought and not names.isdisjoint(CLIENTS):
            self._daemons_sought = True
            self._add_daemons(all_pids())

    def remove(self, pid: int) -> None:
        """Forget a process that turned out to be gone."""
        member = self._members.pop(pid, None)
        if member is not None:
            member.close()

    def close(self) -> None:
        for pid in tuple(self._members):
            self.remove(pid)
        self._new_pids.close()

    # ------------------------------------------------------------ joining

    def _join(self, pid: int, role: str, fresh: bool) -> None:
        with suppress(OSError):
            self._members[pid] = Member(pid, role, fresh)
            self._strangers.discard(pid)
            self.births += fresh

    def _walk(self) -> set[int]:
        """Look at all processes: let go of members that are gone, return those that were never looked at."""
        now = all_pids()
        for pid in self._members.keys() - now:
            self.remove(pid)
        self._strangers &= now
        return now - self._members.keys() - self._strangers

    def _adopt(self, unknown: Iterable[int], fresh: bool) -> None:
        """Take in the unknown ones whose parent, or session, is in the set, and those that they started in turn.

        The watcher itself is left out: who watches the shell that it was started from is no progress of that shell.
        """
        stats = {pid: stat for pid in unknown if pid not in self._members and (stat := stat_of(pid)) is not None}
        myself = os.getpid()
        while True:
            ours = [
                (pid, stat)
                for pid, stat in stats.items()
                if (stat.parent in self._members or stat.session in self._sessions) and myself not in (pid, stat.parent)
            ]
            if not ours:
                break
            for pid, stat in ours:
                del stats[pid]
                if not is_process(pid):
                    continue
                parent = self._members.get(stat.parent)
                self._join(pid, parent.role if parent else "own", fresh)
        self._strangers |= stats.keys()

    def _add_daemons(self, now: set[int]) -> None:
        """The daemon at the other end of the client's socket; behind socket activation, those known by name."""
        path = docker_socket(self._environment())
        if not path:
            self.daemons_missing = True
            return
        named = {pid: stat for pid in now if (stat := stat_of(pid)) is not None and stat.name in DAEMONS}
        found = daemon_behind(path)
        tops = set(named)
        if found in named:
            children = {pid for pid, stat in named.items() if stat.parent == found}
            apart = {pid for pid, stat in named.items() if stat.name != "dockerd"}
            tops = {found} | (set() if children else apart)
        self.daemons_missing = not tops
        for pid in tops - self._members.keys():
            self._join(pid, "daemon", fresh=False)
        unknown, self._strangers = self._strangers, set()
        self._adopt(unknown, fresh=False)

    def _environment(self) -> dict[str, str]:
        """The environment of the client, where it can be read; else our own."""
        for pid in self.roots:
            with suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
                pairs = (item.partition(b"=") for item in file.read().split(b"\0") if b"=" in item)
                return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}
        return dict(os.environ)


def all_pids() -> set[int]:
    """Every process of this box."""
    return {int(name) for name in os.listdir("/proc") if name.isdigit()}


def docker_socket(environment: dict[str, str]) -> str:
    """The path of the daemon's socket; empty for a daemon on another machine."""
    host = environment.get("DOCKER_HOST", f"unix://{DEFAULT_SOCKET}")
    return host.removeprefix("unix://") if host.startswith("unix://") else ""


def daemon_behind(path: str) -> int | None:
    """The process that listens on a Unix socket; None where that is not to be found out.

    With socket activation it is process 1, which is no daemon of containers.
    """
    if not path:
        return None
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.settimeout(1.0)
            probe.connect(path)
            credentials = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        except OSError:
            return None
    pid: int = struct.unpack("iII", credentials)[0]
    return pid if pid > 1 else None
