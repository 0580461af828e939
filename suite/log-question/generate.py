"""Another log for each seed, and the answers to it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import RANDOM, answer, give, write

PATHS = ["/cart", "/orders", "/search", "/login", "/invoice", "/export"]

second = RANDOM.randint(0, 3000)
lines, failed, slowest = [], [], (0, "")
for _ in range(RANDOM.randint(90, 140)):
    second += RANDOM.randint(1, 40)
    request = f"{RANDOM.randrange(16**6):06x}"
    status = RANDOM.choice([200] * 14 + [404, 302, 500, 503])
    took = RANDOM.randint(3, 900)
    stamp = f"{8 + second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
    level = "ERROR" if status >= 500 else "WARN" if status == 404 else "INFO"
    lines.append(f"{stamp} {level} request={request} path={RANDOM.choice(PATHS)} status={status} took={took}ms")
    if status >= 500:
        failed.append(request)
    slowest = max(slowest, (took, request))
    if RANDOM.random() < 0.2:
        # A warning that speaks of a 500 is no request that failed with one.
        lines.append(f"{stamp} WARN retry of the queue, last status=500 seen upstream")
while len(failed) < 2:
    second += 5
    request = f"{RANDOM.randrange(16**6):06x}"
    stamp = f"{8 + second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
    lines.append(f"{stamp} ERROR request={request} path=/login status=500 took=12ms")
    failed.append(request)

give("server.log", "\n".join(lines) + "\n")
right = {"first": failed[0], "failed": str(len(failed)), "slowest": slowest[1]}
answer(right)


def said(values):
    return "".join(f"{name}: {value}\n" for name, value in values.items())


begin = '#!/bin/bash\nmkdir -p "${LOGS_DIR:-/logs}/agent"\ncat > "${LOGS_DIR:-/logs}/agent/reply.md" <<\'END\'\n'
write("solution/solve.sh", begin + said(right) + "END\n")
words = "".join(f"- **{name}:** `{value}`\n" for name, value in right.items())
write("solution/variants/markdown.md", f"I looked through `server.log`:\n\n{words}\nNothing was changed.\n")
write("solution/wrong/last-for-first.md", said(right | {"first": failed[-1]}))
write(
    "solution/wrong/lines-counted.md", said(right | {"failed": str(sum("status=500" in line for line in lines) + 90)})
)
write("solution/wrong/one-less.md", said(right | {"failed": str(len(failed) - 1)}))
write(
    "solution/wrong/another-slowest.md", said(right | {"slowest": failed[0] if failed[0] != slowest[1] else failed[1]})
)
write("solution/wrong/two-answers.md", said(right) + said(right | {"failed": "0"}))
write("solution/wrong/no-form.md", f"There were {len(failed)} failures, the first was {failed[0]}.\n")
