"""Other services with other settings for each seed, and what comes of them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import RANDOM, answer, give, json, write

NAMES = ["orders", "mailer", "search", "billing", "uploads", "reports"]
HOSTS = ["10.0.0.5", "10.0.1.9", "db.internal", "cache.internal", "queue.internal"]

services = RANDOM.sample(NAMES, 3)
old, new = [], {}
for name in services:
    host, port = RANDOM.choice(HOSTS), RANDOM.randint(1024, 9999)
    timeout_ms, retries, debug = RANDOM.randint(1, 90) * 500, RANDOM.randint(0, 6), RANDOM.choice(["yes", "no"])
    tags = RANDOM.sample(["eu", "us", "beta", "slow", "nightly"], RANDOM.randint(1, 3))
    values = [
        f"address = {host}:{port}",
        f"timeout_ms = {timeout_ms}",
        f"retries = {retries}",
        f"debug = {debug}",
        f"tags = {', '.join(tags)}",
    ]
    RANDOM.shuffle(values)
    old.append("\n".join([f"[{name}]", *values]))
    new[name] = {
        "host": host,
        "port": port,
        "timeout_s": timeout_ms / 1000,
        "retries": retries,
        "debug": debug == "yes",
        "tags": tags,
    }


def toml(value):
    return json.dumps(value)


give("settings.ini", "\n\n".join(old) + "\n")
answer({"service": new})
tables = [
    "\n".join([f"[service.{name}]", *(f"{key} = {toml(value)}" for key, value in table.items())])
    for name, table in new.items()
]
script = '#!/bin/bash\ncd "${APP_DIR:-/app}" || exit 1\n'
solved = script + "cat > settings.toml <<'END'\n" + "\n\n".join(tables) + "\nEND\nrm settings.ini\n"
write("solution/solve.sh", solved)
inline = "\n".join(
    f"{name} = {{ " + ", ".join(f"{key} = {toml(value)}" for key, value in reversed(table.items())) + " }"
    for name, table in reversed(new.items())
)
write(
    "solution/variants/inline-tables.sh",
    script + f"cat > settings.toml <<'END'\n# migrated\n[service]\n{inline}\nEND\nrm settings.ini\n",
)
for name, one, other in (
    (
        "milliseconds-kept.sh",
        f"timeout_s = {toml(new[services[0]]['timeout_s'])}",
        f"timeout_s = {toml(new[services[0]]['timeout_s'] * 1000)}",
    ),
    ("port-as-text.sh", f"port = {new[services[0]]['port']}", f'port = "{new[services[0]]["port"]}"'),
    ("no-service-table.sh", "[service.", "["),
    ("old-file-kept.sh", "\nrm settings.ini", ""),
    (
        "tags-as-text.sh",
        f"tags = {toml(new[services[1]]['tags'])}",
        f"tags = {toml(', '.join(new[services[1]]['tags']))}",
    ),
):
    assert one in solved, one
    write(f"solution/wrong/{name}", solved.replace(one, other))
