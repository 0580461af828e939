#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
cat > patches/text.py <<'END'
"""Patches of text."""

import re

HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@.*")


class PatchError(Exception):
    def __init__(self, kind, number):
        super().__init__(f"{kind} {number}")
        self.kind, self.number = kind, number


def apply(text, patch, backwards=False):
    lines, moved, end = _split(text), 0, 0
    for number, (begin, old, new) in enumerate(_hunks(patch, backwards), 1):
        wanted = max(begin - 1, 0) if old else begin
        place = _place(lines, old, wanted + moved, end)
        if place is None:
            raise PatchError("conflict", number)
        lines[place : place + len(old)] = new
        moved = place - wanted + len(new) - len(old)
        end = place + len(new)
    return "".join(lines)


def _place(lines, old, wanted, end):
    for away in range(len(lines) + abs(wanted) + 1):
        for place in (wanted - away, wanted + away):
            if place >= end and place + len(old) <= len(lines) and lines[place : place + len(old)] == old:
                return place
    return None


def _split(text):
    return text.splitlines(keepends=True)


def _hunks(patch, backwards):
    lines, at, number = patch.split("\n"), 0, 0
    if lines and lines[-1] == "":
        lines.pop()
    while at < len(lines) and not lines[at].startswith("@@"):
        at += 1
    found = []
    while at < len(lines):
        number += 1
        match = HUNK.fullmatch(lines[at])
        if match is None:
            raise PatchError("broken", number)
        begins = int(match[1]), int(match[3])
        left = [int(match[2] or 1), int(match[4] or 1)]
        at += 1
        sides, last = ([], []), ()
        while left[0] or left[1] or (at < len(lines) and lines[at].startswith("\\")):
            if at >= len(lines):
                raise PatchError("broken", number)
            sign, rest = lines[at][:1], lines[at][1:]
            at += 1
            if sign == "\\" and last:
                for side in last:
                    sides[side][-1] = sides[side][-1].removesuffix("\n")
                last = ()
                continue
            last = {" ": (0, 1), "": (0, 1), "-": (0,), "+": (1,)}.get(sign, ())
            if not last or any(left[side] == 0 for side in last):
                raise PatchError("broken", number)
            for side in last:
                sides[side].append(rest + "\n")
                left[side] -= 1
        found.append((begins[1], sides[1], sides[0]) if backwards else (begins[0], sides[0], sides[1]))
    return found
END
