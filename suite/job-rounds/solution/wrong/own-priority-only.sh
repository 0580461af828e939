#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
cat > plan/order.py <<'END'
"""Which jobs run when."""


class OrderError(Exception):
    def __init__(self, kind, names):
        super().__init__(f"{kind}: {', '.join(names)}")
        self.kind, self.names = kind, names


def rounds(jobs, width):
    by_name = {}
    for job in jobs:
        if job["name"] in by_name:
            raise OrderError("double", [job["name"]])
        by_name[job["name"]] = job
    missing = {name for job in jobs for name in job.get("after", []) if name not in by_name}
    if missing:
        raise OrderError("missing", sorted(missing))
    _check_circles(by_name)
    urgency = {}
    for name in by_name:
        _urgency(name, by_name, urgency)
    done, result = set(), []
    while len(done) < len(by_name):
        ready = [
            name for name, job in by_name.items() if name not in done and all(other in done for other in job.get("after", []))
        ]
        ready.sort(key=lambda name: (-urgency[name], name))
        taken, used = [], set()
        for name in ready:
            needs = set(by_name[name].get("needs", []))
            if len(taken) < width and not needs & used:
                taken.append(name)
                used |= needs
        result.append(taken)
        done.update(taken)
    return result


def _urgency(name, by_name, found):
    waiting = [other for other, job in by_name.items() if name in job.get("after", [])]
    if name not in found:
        own = by_name[name].get("priority", 0)
        found[name] = own
    return found[name]


def _check_circles(by_name):
    best = None
    for start in sorted(by_name):
        paths, seen = [[start]], {start}
        while paths:
            path = paths.pop(0)
            for other in sorted(set(by_name[path[-1]].get("after", []))):
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
