"""Order jobs into rounds by what they wait for, need and how urgent they are."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import itertools

from gatelib import Fail, frame, judge, run


CALLS = """
import copy
from plan.order import OrderError, rounds
result = []
for jobs, width in value:
    before = copy.deepcopy(jobs)
    try:
        result.append(rounds(jobs, width))
    except OrderError as error:
        result.append([error.kind, list(error.names)])
    if jobs != before:
        result.append("jobs changed")
"""


def case(seed):
    state, jobs = seed * 2741 + 3, []
    count = 2 + seed % 9

    def number(below):
        nonlocal state
        state = (state * 1103515245 + 12345) % 2**31
        return state // 65536 % below

    names = ["abcdefghijkl"[(position * 5 + seed) % 12] for position in range(count)]
    for position, name in enumerate(names):
        job = {"name": name}
        pool = names if seed % 4 == 1 else names[:position]
        after = [other for other in pool if number(4) == 0]
        if after:
            job["after"] = after
        if number(2):
            job["needs"] = [("press", "oven", "crane")[number(3)] for _ in range(1 + number(2))]
        if number(3):
            job["priority"] = number(5)
        jobs.append(job)
    if seed % 17 == 5:
        jobs[-1]["after"] = [*jobs[-1].get("after", []), "zz", "yy"]
    if seed % 23 == 7:
        jobs.append({"name": names[0]})
    return [jobs, 1 + seed % 3]


def right(jobs, width):
    names = [job["name"] for job in jobs]
    for position, name in enumerate(names):
        if name in names[:position]:
            return ["double", [name]]
    after = {job["name"]: set(job.get("after", [])) for job in jobs}
    if missing := set().union(*after.values()) - set(names):
        return ["missing", sorted(missing)]
    for size in range(1, len(names) + 1):
        found = shortest(after, size)
        if found:
            return ["circle", found]
    by_name = {job["name"]: job for job in jobs}
    urgency = {name: by_name[name].get("priority", 0) for name in names}
    for _ in names:
        for name in names:
            for other in after[name]:
                urgency[other] = max(urgency[other], urgency[name])
    done, result = [], []
    while len(done) < len(names):
        taken, used = [], set()
        for name in sorted(names, key=lambda name: (-urgency[name], name)):
            needs = set(by_name[name].get("needs", []))
            if name not in done and after[name] <= set(done) and len(taken) < width and not needs & used:
                taken.append(name)
                used |= needs
        result.append(taken)
        done += taken
    return result


def shortest(after, size):
    """The lowest circle of so many jobs."""

    def walk(path):
        if len(path) == size:
            return path if path[0] in after[path[-1]] else None
        for other in sorted(after[path[-1]]):
            if other > path[0] and other not in path and (found := walk([*path, other])):
                return found
        return None

    if size == 1:
        return next(([name] for name in sorted(after) if name in after[name]), None)
    return next((found for name in sorted(after) if (found := walk([name]))), None)


def gate():
    cases = [case(seed) for seed in range(150)] + [[[], 2]]
    found = run(CALLS, cases, timeout_s=20)
    for number, (jobs, width) in enumerate(cases):
        if number >= len(found) or found[number] != right(jobs, width):
            raise Fail("FAIL_BEHAVIOUR", f"rounds of {len(jobs)} jobs are wrong (case {number})")

    frame(may_change={"plan/order.py"})


judge(gate)
