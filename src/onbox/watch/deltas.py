"""From one sample to the next: by how much each counter of the whole set grew."""

from onbox.watch.logs import NO_NEWS, form, fraction
from onbox.watch.samples import Process, WatchSample

FORMS_KEPT = 400


class CounterDeltas:
    """Turns the absolute counters of samples into growth.

    The sum over the set is what is compared, not process by process: a child that ends is from then on counted by the
    parent that waited for it, so the sum goes on. Where somebody outside waits for it the sum falls, and the growth of
    that tick is nought.
    """

    def __init__(self) -> None:
        self._processes: dict[str, float] | None = None
        self._received: dict[int, int] | None = None
        self._groups: dict[str, tuple[float, int, int]] | None = None
        self._held: int | None = None
        self._cache: tuple[int, int] | None = None
        self._tokens: float | None = None
        self._shares: dict[str, float | None] = {}

    def take(self, sample: WatchSample) -> dict[str, float]:
        """The growth since the sample before: bytes, seconds, lines, tokens; of what was looked at in this tick."""
        grown: dict[str, float] = {}
        if sample.processes is not None:
            self._take_processes(sample.processes, grown)
        if sample.sockets is not None:
            now = {each.inode: each.received_bytes for each in sample.sockets}
            if self._received is not None:
                grown["received"] = sum(max(0, each - self._received.get(inode, 0)) for inode, each in now.items())
            self._received = now
        if sample.groups is not None:
            self._take_groups(sample, grown)
        if sample.gpus is not None and any(each.held_bytes is not None for each in sample.gpus):
            held = sum(each.held_bytes or 0 for each in sample.gpus)
            grown["gpu memory"] = 0.0 if self._held is None else abs(held - self._held)
            self._held = held
        if sample.cache is not None:
            now_cache = (sample.cache.bytes, sample.cache.entries)
            if self._cache is not None:
                more, others = (max(0, new - old) for new, old in zip(now_cache, self._cache, strict=True))
                grown["cache"] = more + others * 4096
            self._cache = now_cache
        if sample.tokens is not None:
            grown["tokens"] = 0.0 if self._tokens is None else max(0.0, sample.tokens.done - self._tokens)
            self._tokens = sample.tokens.done
        if sample.log_bytes is not None:
            grown["log"] = sum(self._is_news(line) for line in sample.log)
        return grown

    def _take_processes(self, processes: tuple[Process, ...], grown: dict[str, float]) -> None:
        cpu = 0.0
        faults = read = write = chars = calls = resident = 0
        for each in processes:
            cpu += each.cpu_s
            faults += each.faults
            resident += each.rss_bytes
            read += each.read_bytes or 0
            write += each.write_bytes or 0
            chars += each.chars or 0
            calls += each.calls or 0
        now = {"cpu": cpu, "faults": faults, "read": read, "write": write, "calls": chars, "syscalls": calls}
        before = self._processes
        if before is not None:
            grown |= {name: max(0.0, value - before[name]) for name, value in now.items()}
            grown["memory"] = float(abs(resident - before["memory"]))
        self._processes = now | {"memory": resident}

    def _take_groups(self, sample: WatchSample, grown: dict[str, float]) -> None:
        """A group counts for what its processes do not show: those that came and went between two looks."""
        now = {each.name: (each.cpu_s, each.read_bytes or 0, each.write_bytes or 0) for each in sample.groups or ()}
        before = self._groups or {}
        if self._groups is not None:
            gained = [
                sum(max(0.0, new[i] - before.get(name, (0.0, 0, 0))[i]) for name, new in now.items()) for i in range(3)
            ]
            for name, amount in zip(("cpu", "read", "write"), gained, strict=True):
                grown[name] = max(grown.get(name, 0.0), amount)
        self._groups = now

    def _is_news(self, line: str) -> bool:
        """Whether a line says something new.

        A line that was said before, its numbers aside, is a heartbeat: a loop that waits may print one for hours.
        Unless it tells a share of something, and another share than the last time.
        """
        if NO_NEWS.search(line):
            return False
        kind, share = form(line), fraction(line)
        known = kind in self._shares
        news = not known or (share is not None and share != self._shares[kind])
        if not known and len(self._shares) >= FORMS_KEPT:
            del self._shares[next(iter(self._shares))]
        self._shares[kind] = share
        return news
