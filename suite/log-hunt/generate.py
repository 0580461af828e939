"""Another day for each seed, and the answers to it."""

import gzip
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import APP, ORIGINAL, RANDOM, answer, write

SERVICES = ["cart", "billing", "stock", "search", "mail"]
ROUTES = ["/checkout", "/cart", "/search", "/orders", "/invoice"]
WORDS = ["reserved 2 items", "rendered in one pass", "cache hit for the session", "row updated, index untouched", "queued"]
REQUESTS = 12200

culprit, *others = RANDOM.sample(SERVICES, 5)
releases = {name: RANDOM.randint(2_000, 9_000) for name in SERVICES}
releases[culprit] = RANDOM.randint(5_500, 7_500)
version = {name: f"{RANDOM.randint(2, 9)}.{RANDOM.randint(0, 30)}.{RANDOM.randint(0, 9)}" for name in SERVICES}
while len(set(version.values())) < 5:
    version[others[0]] = f"1.{RANDOM.randint(31, 90)}.0"
traces = RANDOM.sample(range(16**5, 16**6), REQUESTS)
events, failures, mended, blamed_elsewhere = [], [], 0, 0
for name in SERVICES:
    events.append((releases[name] * 7.0 + 0.5, f"INFO  {name:8} release version={version[name]}"))
    # A release that was begun and taken back is none that served.
    begun = RANDOM.randint(500, REQUESTS) * 7.0
    events.append((begun, f"INFO  {name:8} release prepared, not switched on, candidate={RANDOM.randint(10, 20)}.0.0"))
for number, trace in enumerate(traces):
    began, customer = number * 7.0, f"c{RANDOM.randint(1, 900):04d}"
    ended = began + RANDOM.randint(3, 400)
    path = RANDOM.sample(SERVICES, 3)
    mark, at = f"trace={trace:06x}", began
    errors = []
    for name in path:
        at += RANDOM.uniform(0.1, 0.9)
        bad = RANDOM.random() < (0.03 if name != culprit else 0.08 if number > releases[culprit] + 60 else 0)
        if bad:
            errors.append(name)
            events.append((at, f"ERROR {name:8} {mark} gave up after {RANDOM.randint(2, 9)} tries"))
            # Who waits for it complains too, later.
            other = RANDOM.choice([service for service in SERVICES if service not in (name, culprit)])
            events.append((at + 0.05, f"ERROR {other:8} {mark} upstream said no"))
        else:
            events.append((at, f"INFO  {name:8} {mark} {RANDOM.choice(WORDS)}"))
    failed = bool(errors) and RANDOM.random() < 0.6
    mended += bool(errors) and not failed and errors[0] == culprit
    status = RANDOM.choice([500, 502, 503]) if failed else RANDOM.choice([200] * 9 + [404])
    line = f"INFO  gateway  {mark} customer={customer} route={RANDOM.choice(ROUTES)} status={status}"
    events.append((ended, line))
    if failed and errors[0] == culprit:
        failures.append((ended, f"{trace:06x}", customer))
    blamed_elsewhere += failed and errors[0] != culprit and culprit in errors
events.sort()
lines = []
for at, line in events:
    seconds, milliseconds = divmod(int(at * 1000), 1000)
    stamp = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{milliseconds:03d}"
    lines.append(f"2026-03-0{RANDOM.choice('4')}T{stamp}Z {line} host={line.split()[1]}-{RANDOM.randint(1, 3)}.internal")
half = len(lines) // 2 + RANDOM.randint(-2000, 2000)
for number, part in ((1, lines[:half]), (2, lines[half:])):
    data = gzip.compress(("\n".join(part) + "\n").encode(), 9, mtime=0)
    for folder in (APP, ORIGINAL):
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        (folder / "logs" / f"day.{number}.log.gz").write_bytes(data)

failures.sort()
right = {
    "service": culprit,
    "version": version[culprit],
    "failed": str(len(failures)),
    "customers": str(len({customer for _, _, customer in failures})),
    "first": failures[0][1],
}
answer(right)


def said(values):
    return "".join(f"{name}: {value}\n" for name, value in values.items())


begin = '#!/bin/bash\nmkdir -p "${LOGS_DIR:-/logs}/agent"\ncat > "${LOGS_DIR:-/logs}/agent/reply.md" <<\'END\'\n'
write("solution/solve.sh", begin + said(right) + "END\n")
words = "".join(f"- **{name}:** `{value}`\n" for name, value in right.items())
write("solution/variants/markdown.md", f"I read both files.\n\n{words}\nNothing was changed.\n")
write("solution/wrong/mended-counted.md", said(right | {"failed": str(len(failures) + mended)}))
write("solution/wrong/any-error.md", said(right | {"failed": str(len(failures) + max(blamed_elsewhere, 1))}))
write("solution/wrong/requests-for-customers.md", said(right | {"customers": str(len(failures) + 1)}))
write("solution/wrong/last-for-first.md", said(right | {"first": failures[-1][1]}))
write("solution/wrong/another-service.md", said(right | {"service": others[0]}))
write("solution/wrong/another-version.md", said(right | {"version": version[others[0]]}))
