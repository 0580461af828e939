"""What a trial of 10,000 runs costs to judge, to report and to verify: seconds and memory.

The runs are those of `tests/data/recorded/embedded.tar.xz`, two small models on three tasks with 55 kB of wire a run,
many times over under other names; a word in the last answer of each is another, so that no two say the same. Run it on
a quiet box with two cores or more and 3 GB of disk:

    PYTHONPATH=src:. .venv/bin/python bench/long_trial.py make /tmp/long [--tasks 50] [--runs 100]
    PYTHONPATH=src:. .venv/bin/python bench/long_trial.py measure /tmp/long

Memory is that of all processes of a command together (PSS: what they share is counted once), looked at 20 times a
second.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml
from tests.recorded import unpack

from onbox.app.sealing import seal
from onbox.atomic_files import utc_now
from onbox.evidence.folder import TrialFolder, append_line
from onbox.evidence.records import Exchange, LedgerKind, Plan
from onbox.evidence.replies import read_reply

WORD = "@@@@@@"
CONTENDERS, TASKS = ("small", "large"), ("fill-json", "fix-failing-test", "write-to-test")
COPIED = ("run.json", "wire.jsonl", "trajectory.json", "gate.txt", "workspace.patch")


def make(folder: Path, tasks: int, runs: int, *, sealed: bool = True) -> TrialFolder:
    """Write the trial: two contenders, `tasks` tasks, `runs` runs of each."""
    with tempfile.TemporaryDirectory() as scratch:
        recorded = unpack("embedded", Path(scratch))
        plan = yaml.safe_load((recorded / "plan.yaml").read_text("utf-8"))
        old = [contender["name"] for contender in plan["contenders"]]
        names = [f"{TASKS[n % len(TASKS)]}-{n // len(TASKS) + 1}" for n in range(tasks)]
        hashes = {task["name"]: task for task in plan["tasks"]}
        plan["tasks"] = [{**hashes[name.rpartition("-")[0]], "name": name} for name in names]
        plan["runs"] = runs
        trial = TrialFolder.create(folder, Plan.model_validate(plan))
        for name in old:
            for task in names:
                template = _template(recorded / name / "runs" / task.rpartition("-")[0] / "baseline" / "1")
                for n in range(1, runs + 1):
                    _write(trial, template, name, task, n)
    if sealed:
        seal(trial)
    return trial


def _template(run: Path) -> dict[str, str]:
    """The files of a run, with a mark where each copy says something of its own."""
    files = {name: (run / name).read_text("utf-8") for name in COPIED if (run / name).is_file()}
    lines = [json.loads(line) for line in files["wire.jsonl"].splitlines()]
    event = json.dumps({"choices": [{"index": 0, "delta": {"content": WORD}, "finish_reason": None}]})
    answer = max(n for n, line in enumerate(lines) if not read_reply(Exchange.model_validate(line)).error)
    chunks = lines[answer]["chunks"]
    lines[answer]["chunks"] = [[chunks[0][0], f"data: {event}\n\n{chunks[0][1]}"], *chunks[1:]]
    files["wire.jsonl"] = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    steps = json.loads(files["trajectory.json"])["steps"]
    last = max(n for n, step in enumerate(steps) if step["role"] == "assistant")
    steps[last]["content"] = f"{WORD}{steps[last]['content']}"
    files["trajectory.json"] = json.dumps({"steps": steps}, indent=1)
    return files


def _write(trial: TrialFolder, template: dict[str, str], contender: str, task: str, n: int) -> None:
    folder = trial.run_folder(contender, task, "baseline", n)
    folder.mkdir(parents=True)
    for name, text in template.items():
        if name == "run.json":
            text = json.dumps({**json.loads(text), "task": task, "n": n})
        else:
            text = text.replace(WORD, f"{task} {n}: ")
        (folder / name).write_text(text, "utf-8")
    subject = folder.relative_to(trial.path).as_posix()
    line = {"at": utc_now(), "kind": LedgerKind.ACCEPTED.value, "subject": subject, "reason": ""}
    append_line(trial.path / "ledger.jsonl", line)


def measure(folder: Path) -> dict[str, Any]:
    """Each command once: wall seconds, seconds of processors, and the most memory of all its processes."""
    onbox = [sys.executable, "-m", "onbox"]
    found = {name: _cost([*onbox, name, str(folder)]) for name in ("judge", "report", "verify")}
    wire = sum(path.stat().st_size for path in folder.glob("*/runs/*/*/*/wire.jsonl"))
    pages = {name: (folder / name).stat().st_size for name in ("report.html", "report.md", "verdict.json")}
    return {"wire_bytes": wire, "pages_bytes": pages, **found}


def _cost(argv: list[str]) -> dict[str, float]:
    before, began, most = os.times(), time.monotonic(), 0
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            most = max(most, _pss_bytes(process.pid))
            time.sleep(0.05)
    after = os.times()
    cpu_s = after.children_user - before.children_user + after.children_system - before.children_system
    wall_s = time.monotonic() - began
    return {
        "exit_code": process.returncode,
        "wall_s": round(wall_s, 1),
        "cpu_s": round(cpu_s, 1),
        "memory_mb": round(most / 1e6),
    }


def _pss_bytes(pid: int) -> int:
    """Memory of a process and of all below it."""
    total = 0
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total = int(line.split()[1]) * 1024
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += sum(_pss_bytes(int(child)) for child in (task / "children").read_text().split())
    except OSError:
        return total  # It ended meanwhile.
    return total


def main() -> None:
    """Make or measure, as the first word says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("what", choices=("make", "measure"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tasks", type=int, default=50)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--unsealed", action="store_true", help="leave verdict, reports and manifest to a report")
    given = parser.parse_args()
    if given.what == "make":
        make(given.folder, given.tasks, given.runs, sealed=not given.unsealed)
    else:
        print(json.dumps(measure(given.folder), indent=2))


if __name__ == "__main__":
    main()
