"""overlaps tells spans apart, length still works, the test is as it was."""

import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import APP, Fail, frame, judge


PAIRS = [[1, 4, 3, 5], [1, 3, 3, 5], [3, 5, 1, 3], [1, 2, 4, 5], [4, 5, 1, 2], [1, 9, 3, 4], [3, 4, 1, 9], [1, 3, 1, 3]]

SNIPPET = """
const [app, data] = process.argv.slice(1);
const { overlaps, length } = await import(`file://${app}/src/spans.mjs`);
const pairs = JSON.parse(data).map(([a, b, c, d]) => [{ start: a, end: b }, { start: c, end: d }]);
console.log("RESULT " + JSON.stringify([pairs.map(([one, two]) => overlaps(one, two)), pairs.map(([one]) => length(one))]));
"""


def run_node(snippet, value):
    """What the snippet says behind RESULT; node may read the workspace, and neither write nor start anything."""
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    modern = int(version.strip("v").split(".")[0]) >= 24
    fence = ["--permission" if modern else "--experimental-permission", f"--allow-fs-read={APP}/*"]
    command = ["node", *fence, "--input-type=module", "-e", snippet, str(APP), json.dumps(value)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=20, cwd="/", env={"PATH": os.environ["PATH"]}
        )
    except subprocess.TimeoutExpired:
        raise Fail("FAIL_RUN_TIMEOUT", "no result within 20 s") from None
    said = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if done.returncode or not said:
        raise Fail("FAIL_RUN", (done.stderr.strip().splitlines() or ["no result"])[-1])
    try:
        return json.loads(said[-1].removeprefix("RESULT "))
    except ValueError:
        raise Fail("FAIL_RUN", "the result is no JSON") from None


def gate():
    found = run_node(SNIPPET, PAIRS)
    if found != [[True, False, False, False, False, True, True, True], [3, 2, 2, 1, 1, 8, 1, 2]]:
        raise Fail("FAIL_BEHAVIOUR", "overlaps or length is wrong")
    frame(may_change={"src/spans.mjs"})


judge(gate)
