"""The part of a commit that its tests need: every place of it that can be left out is left out."""

import difflib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from onbox.bench.diff import TEXT_BYTES_MAX

TRIES_MAX = 250
"""Runs of the tests for one task."""
SECONDS_MAX = 120.0
"""Of all these runs, on the processor where that is known."""
PLACES_MAX = 500
"""Of one commit: with more, so many runs do not tell which are needed."""


class TooMuchError(Exception):
    """The commit has too many places to find out which of them its tests need."""


@dataclass(frozen=True)
class HunkPlace:
    """One place of a commit: a hunk of a text file, or a whole file (`number` -1)."""

    name: str
    number: int


def places(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[HunkPlace]:
    """The places in which two states of files differ; a name that is missing is a file that is not there."""
    found = []
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        steps = _steps(old, new)
        found += [HunkPlace(name, -1)] if steps is None else [HunkPlace(name, number) for number in range(len(steps))]
    return found


def applied(before: Mapping[str, bytes], after: Mapping[str, bytes], kept: Sequence[HunkPlace]) -> dict[str, bytes]:
    """The files of `before` with the places `kept` as in `after`; all others as they were."""
    numbers: dict[str, set[int]] = {}
    for place in kept:
        numbers.setdefault(place.name, set()).add(place.number)
    result = dict(before)
    for name, wanted in numbers.items():
        old, new = before.get(name), after.get(name)
        if -1 in wanted:
            if new is None:
                result.pop(name, None)
            else:
                result[name] = new
            continue
        steps = _steps(old, new)
        assert steps is not None
        was, now = _lines(old or b""), _lines(new or b"")
        lines, at = [], 0
        for number, (begin, end, new_begin, new_end) in enumerate(steps):
            lines += was[at:begin]
            lines += now[new_begin:new_end] if number in wanted else was[begin:end]
            at = end
        result[name] = b"".join(lines + was[at:])
    return result


def changed_lines(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Counter[tuple[object, ...]]:
    """Each line that goes, by its place before, and each that comes, by its place and text; of a whole file by text."""
    found: Counter[tuple[object, ...]] = Counter()
    for place in places(before, after):
        old, new = before.get(place.name), after.get(place.name)
        steps = _steps(old, new)
        was, now = _lines(old or b""), _lines(new or b"")
        if steps is None:
            found.update((place.name, "-", line) for line in was)
            found.update((place.name, "+", line) for line in now)
            continue
        begin, end, new_begin, new_end = steps[place.number]
        found.update((place.name, "-", number) for number in range(begin, end))
        found.update((place.name, "+", begin, line) for line in now[new_begin:new_end])
    return found


def reduced(
    before: Mapping[str, bytes],
    after: Mapping[str, bytes],
    works: Callable[[Mapping[str, bytes]], bool],
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, bytes]:
    """The smallest part of the change found for which `works` holds: no file and no place can be left out alone.

    Args:
        before: the files that the commit changes, as they were.
        after: as they are then; `works` holds for them.
        works: runs the tests on a state of these files.
        clock: what is held against SECONDS_MAX, in seconds.

    Raises:
        TooMuchError: it has more than PLACES_MAX places, or is still larger than it need be after TRIES_MAX runs
            or SECONDS_MAX.
    """
    left, ends = TRIES_MAX, clock() + SECONDS_MAX
    goal = dict(after)
    if len(places(before, after)) > PLACES_MAX:
        raise TooMuchError

    def holds(groups: Sequence[Sequence[HunkPlace]]) -> bool:
        nonlocal left
        if left <= 0 or clock() > ends:
            raise TooMuchError
        left -= 1
        return works(applied(before, goal, [place for group in groups for place in group]))

    while True:
        by_file: dict[str, list[HunkPlace]] = {}
        for place in places(before, goal):
            by_file.setdefault(place.name, []).append(place)
        files = _without_each(list(by_file.values()), holds)
        kept = _without_each([[place] for file in files for place in file], holds)
        smaller = applied(before, goal, [place for group in kept for place in group])
        if smaller == goal:
            return goal
        whole, goal = goal, smaller
        # A place that was left out may part the lines around it anew; if not, none can go alone, and a file still may.
        left_over = places(before, goal)
        as_before = [_content(before, whole, place) for group in kept for place in group]
        if [_content(before, goal, place) for place in left_over] == as_before:
            names = dict.fromkeys(place.name for place in left_over)
            each = [[place for place in left_over if place.name == name] for name in names]
            several = [one for one in each if len(one) > 1] if len(each) > 1 else []
            if not any(holds([other for other in each if other is not one]) for one in several):
                return goal


def _without_each(
    items: list[list[HunkPlace]], holds: Callable[[list[list[HunkPlace]]], bool]
) -> list[list[HunkPlace]]:
    """The items without those that can go: first large parts at once, then one by one, until none can go alone."""
    size = max(len(items) // 2, 1)
    while True:
        at, went = 0, False
        while at < len(items) and len(items) > 1:
            rest = items[:at] + items[at + size :]
            if rest and holds(rest):
                items, went = rest, True
            else:
                at += size
        if size == 1 and not went:
            return items
        if size > 1:
            size = max(size // 2, 1)


def _content(before: Mapping[str, bytes], after: Mapping[str, bytes], place: HunkPlace) -> tuple[object, ...]:
    """What a place changes: which lines into which, or a whole file."""
    old, new = before.get(place.name), after.get(place.name)
    steps = _steps(old, new)
    if steps is None:
        return place.name, new
    begin, end, new_begin, new_end = steps[place.number]
    return place.name, begin, end, tuple(_lines(new or b"")[new_begin:new_end])


@lru_cache(maxsize=64)
def _steps(old: bytes | None, new: bytes | None) -> list[tuple[int, int, int, int]] | None:
    """The hunks between two texts; None where one is missing, no text or very large.

    Kept, because a search asks for those of the same two texts at each of its tries.
    """
    if old is None or new is None or not (_is_text(old) and _is_text(new)):
        return None
    matcher = difflib.SequenceMatcher(None, _lines(old), _lines(new), autojunk=False)
    return [step[1:] for step in matcher.get_opcodes() if step[0] != "equal"]


def _is_text(content: bytes) -> bool:
    if len(content) > TEXT_BYTES_MAX or b"\0" in content:
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _lines(content: bytes) -> list[bytes]:
    """With their newlines; only a newline ends a line."""
    *lines, last = content.split(b"\n")
    return [line + b"\n" for line in lines] + ([last] if last else [])
