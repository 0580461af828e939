#!/usr/bin/env bash
# Three trials in a row on a quiet box, and of each what the issue of a first rate asks: rate, uncertainty, status, warm-up, drift
# and the processor's own pace.
#
#     bash bench/three_trials.sh FOLDER [ARGS of onbox trial, as --quick]
set -euo pipefail
folder=${1:?a folder for the trials}; shift
python=${PYTHON:-.venv/bin/python}
for n in 1 2 3; do
  "$python" -m onbox trial --out "$folder/$n" "$@" || echo "trial $n ended with $?"
done
"$python" - "$folder" <<'P'
import json, sys
from pathlib import Path
print("| trial | contender | rate, tok/s | status | warm-up | drift | fixed sum, last third over first | doubts |\n|---|---|---|---|---|---|---|---|")
for n in (1, 2, 3):
    home = Path(sys.argv[1]) / str(n)
    for each in json.loads((home / "verdict.json").read_text())["contenders"]:
        speed = each["speed"]
        if not speed:
            continue
        checks = {c["id"]: c for c in speed["checks"]}
        lines = [json.loads(line) for line in (home / each["name"] / "speed/1/telemetry.jsonl").read_text().splitlines()]
        took = [line["cpu"]["reference_s"] for line in lines if line.get("purpose") == "measured"]
        third = max(1, len(took) // 3)
        pace = sorted(took[-third:])[third // 2] / sorted(took[:third])[third // 2] - 1
        half = f" ± {speed['uncertainty']['relative']:.1%}" if speed["uncertainty"] else ""
        doubts = " ".join(c["id"] for c in speed["checks"] if c["status"] != "pass") or "none"
        print(f"| {n} | {each['name']} | {speed['decode_tok_s']}{half} | {speed['status']} | {checks['WARM_UP']['observed']}"
              f" | {checks['DRIFT']['observed']} % | {pace:+.1%} | {doubts} |")
P
