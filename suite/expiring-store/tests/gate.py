"""Write a store with bounded weight, lifetimes and counters as its description says."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import Fail, frame, judge, run


CALLS = """
from memory.store import Store
result = []
for room, lifetime, steps in value:
    now = [0]
    store = Store(room, lambda: now[0], lifetime)
    said = []
    for name, *given in steps:
        if name == "wait":
            now[0] += given[0]
            continue
        try:
            said.append(getattr(store, name)(*given))
        except ValueError:
            said.append("ValueError")
        said.append([store.hits, store.misses, store.evicted, store.expired])
    said.append([store.keys(), store.weight(), store.hits, store.misses, store.evicted, store.expired])
    result.append(said)
for room in (0, -3):
    try:
        Store(room, lambda: 0)
        result.append("kept")
    except ValueError:
        result.append("ValueError")
"""


class Right:
    def __init__(self, room, lifetime):
        self.room, self.lifetime, self.now = room, lifetime, 0
        self.order, self.kept = [], {}
        self.counts = [0, 0, 0, 0]

    def clear(self):
        for key in list(self.order):
            if self.kept[key][2] is not None and self.kept[key][2] <= self.now:
                self.order.remove(key)
                del self.kept[key]
                self.counts[3] += 1

    def put(self, key, value, weight=1, lifetime=None):
        if weight < 0:
            return "ValueError"
        self.clear()
        if key in self.kept:
            self.order.remove(key)
            del self.kept[key]
        if weight > self.room:
            return False
        while sum(entry[1] for entry in self.kept.values()) + weight > self.room:
            del self.kept[self.order.pop(0)]
            self.counts[2] += 1
        lifetime = self.lifetime if lifetime is None else lifetime
        self.kept[key] = (value, weight, None if lifetime is None else self.now + lifetime)
        self.order.append(key)
        return True

    def get(self, key, default=None):
        self.clear()
        if key not in self.kept:
            self.counts[1] += 1
            return default
        self.counts[0] += 1
        self.order.remove(key)
        self.order.append(key)
        return self.kept[key][0]

    def peek(self, key, default=None):
        self.clear()
        return self.kept[key][0] if key in self.kept else default

    def touch(self, key, lifetime):
        self.clear()
        if key in self.kept:
            self.kept[key] = (*self.kept[key][:2], self.now + lifetime)
        return key in self.kept

    def drop(self, key):
        self.clear()
        if key not in self.kept:
            return False
        self.order.remove(key)
        del self.kept[key]
        return True

    def keys(self):
        self.clear()
        return list(self.order)

    def weight(self):
        self.clear()
        return sum(entry[1] for entry in self.kept.values())


def steps(seed):
    state, made = seed * 6151 + 7, []
    for _ in range(70):
        state = (state * 1103515245 + 12345) % 2**31
        pick, key, small = state // 3 % 11, "abcdefg"[state // 64 % 7], state // 1024 % 5
        made.append(
            ["put", key, state % 1000, small] if pick < 3
            else ["put", key, state % 1000, 1 + small, 1 + state // 4096 % 4] if pick == 3
            else ["get", key] if pick < 6
            else ["peek", key, "none"] if pick == 6
            else ["touch", key, 2] if pick == 7
            else ["drop", key] if pick == 8
            else ["wait", 1 + small % 2] if pick == 9
            else ["keys"] if small % 2 else ["weight"]
        )
    made.insert(20, ["put", "z", 1, -1])
    made.insert(30, ["put", "a", 1, 99])
    return made


def right(room, lifetime, made):
    store, said = Right(room, lifetime), []
    for name, *given in made:
        if name == "wait":
            store.now += given[0]
            continue
        said.append(getattr(store, name)(*given))
        said.append(list(store.counts))
    return [*said, [store.keys(), store.weight(), *store.counts]]


def gate():
    cases = [[3 + seed % 8, [None, 4, 2][seed % 3], steps(seed)] for seed in range(40)]
    found = run(CALLS, cases)
    for number, case in enumerate(cases):
        if found[number] != right(*case):
            raise Fail("FAIL_BEHAVIOUR", f"the store does otherwise than told (case {number})")
    if found[len(cases) :] != ["ValueError", "ValueError"]:
        raise Fail("FAIL_BEHAVIOUR", "a store without room is no ValueError")

    frame(may_change={"memory/store.py"})


judge(gate)
