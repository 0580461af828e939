#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
cat > memory/store.py <<'END'
"""A store that forgets."""


class Store:
    def __init__(self, room, clock, lifetime=None):
        if room < 1:
            raise ValueError("room")
        self._room, self._clock, self._lifetime = room, clock, lifetime
        self._entries = {}
        self.hits = self.misses = self.evicted = self.expired = 0

    def put(self, key, value, weight=1, lifetime=None):
        if weight < 0:
            raise ValueError("weight")
        self._forget()
        self._entries.pop(key, None)
        if weight > self._room:
            return False
        lifetime = self._lifetime if lifetime is None else lifetime
        ends = None if lifetime is None else self._clock() + lifetime
        while self.weight() + weight > self._room:
            del self._entries[next(iter(self._entries))]
            self.evicted += 1
        self._entries[key] = (value, weight, ends)
        return True

    def get(self, key, default=None):
        self._forget()
        if key not in self._entries:
            self.misses += 1
            return default
        self.hits += 1
        self._entries[key] = self._entries.pop(key)
        return self._entries[key][0]

    def peek(self, key, default=None):
        self._forget()
        return self._entries[key][0] if key in self._entries else default

    def touch(self, key, lifetime):
        self._forget()
        if key not in self._entries:
            return False
        value, weight, _ = self._entries[key]
        self._entries[key] = (value, weight, self._clock() + lifetime)
        return True

    def drop(self, key):
        self._forget()
        return self._entries.pop(key, None) is not None

    def keys(self):
        self._forget()
        return list(self._entries)

    def weight(self):
        self._forget()
        return sum(weight for _, weight, _ in self._entries.values())

    def _forget(self):
        now = self._clock()
        for key in [key for key, (_, _, ends) in self._entries.items() if ends is not None and ends <= now]:
            del self._entries[key]
            self.expired += 1
END
