#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
cat > plan/order.py <<'END'
"""Which jobs run when."""


class OrderError(Exception):
    def __init__(self, kind, names):
        super().__init__(f"{kind}: {', '.join(names)}")
        self.kind, self.names = kind, names


def rounds(jobs, width):
    known = {}
    for job in jobs:
        if job["name"] in known:
            raise OrderError("double", [job["name"]])
        known[job["name"]] = job
    missing = {name for job in jobs for name in job.get("after", []) if name not in known}
    if missing:
        raise OrderError("missing", sorted(missing))
    _check_circles(known)
    urgency = {}
    for name in known:
        _urgency(name, known, urgency)
    done, result = set(), []
    while len(done) < len(known):
        ready = [
            name for name, job in known.items() if name not in done and all(other in done for other in job.get("after", []))
        ]
        ready.sort(key=lambda name: (-urgency[name], name))
        taken, used = [], set()
        for name in ready:
            needs = set(known[name].get("needs", []))
            if len(taken) < width and not needs & used:
                taken.append(name)
                used |= needs
        result.append(taken)
        done.update(taken)
    return result


def _urgency(name, known, found):
    waiting = [other for other, job in known.items() if name in job.get("after", [])]
    if name not in found:
        own = known[name].get("priority", 0)
        found[name] = max([own, *(_urgency(other, known, found) for other in waiting)])
    return found[name]


def _check_circles(known):
    best = None
    for start in sorted(known):
        paths, seen = [[start]], {start}
        while paths:
            path = paths.pop(0)
            for other in sorted(set(known[path[-1]].get("after", []))):
                if other == start:
                    if best is None or len(path) < len(best):
                        best = path
                    paths = []
                    break
                if other not in seen:
                    seen.add(other)
                    paths.append([*path, other])
    if best:
        raise OrderError("circle", best)
END
