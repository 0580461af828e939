"""A trial that is sealed, with trajectories that say what is on its wire; and the ways to edit one."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from onbox.app.sealing import seal
from onbox.atomic_files import write_json
from onbox.evidence.folder import TrialFolder
from onbox.evidence.manifest import write_manifest
from onbox.evidence.replies import read_reply
from tests.builders import build_trial


def sealed_trial(path: Path) -> Path:
    """A finished trial of two contenders whose agent is onbox's own."""
    folder = build_trial(path)
    for wire in sorted(folder.path.glob("*/runs/*/*/*/wire.jsonl")):
        write_json(wire.with_name("trajectory.json"), {"steps": steps_of(folder, wire)})
    seal(folder)
    return path


def steps_of(folder: TrialFolder, wire: Path) -> list[dict[str, Any]]:
    """The steps of onbox's own agent, as they passed."""
    exchanges = folder.exchanges(wire)
    steps = [{"role": message["role"], "content": message["content"]} for message in exchanges[0].request["messages"]]
    for exchange in exchanges:
        reply = read_reply(exchange)
        calls = [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in reply.tool_calls]
        parts = {"content": reply.content, "reasoning": reply.reasoning, "tool_calls": calls}
        steps.append({"role": "assistant", **parts, "seconds": 1.0, "tokens": reply.completion_tokens})
    return steps


class Edit(NamedTuple):
    """One way to edit a sealed trial, and how it is found though the manifest was made anew."""

    name: str
    make: Callable[[Path], object]
    file: str
    problem: str
    """Part of what verify says, where the forger made the manifest anew; empty: as without that."""
    unsealed: str = "changed"
    """Part of what it says where he did not."""


RUN = "large/runs/rename/baseline"
SMALL_RUN = "small/runs/rename/baseline"


def _json(path: str, change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def edit(folder: Path) -> None:
        value = json.loads((folder / path).read_text("utf-8"))
        change(value)
        (folder / path).write_text(json.dumps(value), "utf-8")

    return edit


def _plan(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def edit(folder: Path) -> None:
        value = yaml.safe_load((folder / "plan.yaml").read_text("utf-8"))
        change(value)
        (folder / "plan.yaml").write_text(yaml.safe_dump(value, sort_keys=False), "utf-8")

    return edit


def _text(path: str, old: str, new: str) -> Callable[[Path], object]:
    def edit(folder: Path) -> None:
        text = (folder / path).read_text("utf-8")
        assert old in text
        (folder / path).write_text(text.replace(old, new), "utf-8")

    return edit


def _swap_roles(plan: dict[str, Any]) -> None:
    first, second = plan["contenders"]
    first["role"], second["role"] = second["role"], first["role"]


def _delete_run(folder: Path) -> None:
    shutil.rmtree(folder / SMALL_RUN / "1")


def _plant_run(folder: Path) -> None:
    shutil.copytree(folder / RUN / "3", folder / RUN / "4")
    _json(f"{RUN}/4/run.json", lambda run: run.update(n=4))(folder)


def _move_run(folder: Path) -> None:
    """A pass of one contender in the place of a failure of the other."""
    shutil.rmtree(folder / SMALL_RUN / "2")
    shutil.copytree(folder / RUN / "2", folder / SMALL_RUN / "2")


def _link(folder: Path) -> None:
    (folder / "large/weights.json").symlink_to("/etc/passwd")


def _link_for_file(folder: Path) -> None:
    wire = folder / RUN / "1/wire.jsonl"
    wire.unlink()
    wire.symlink_to(folder / RUN / "2/wire.jsonl")


def _cut_ledger(folder: Path) -> None:
    lines = (folder / "ledger.jsonl").read_text("utf-8").splitlines(keepends=True)
    (folder / "ledger.jsonl").write_text("".join(lines[1:]), "utf-8")


def of_another_make(old: str, new: str, name: str = "report.html") -> Callable[[Path], object]:
    """A report that says that another onbox made it, so that its bytes are not held against today's."""

    def edit(folder: Path) -> None:
        report = (folder / name).read_text("utf-8")
        report = re.sub(r"(reports of the make )[0-9a-f]{16}", r"\g<1>0123456789abcdef", report)
        assert old in report
        (folder / name).write_text(report.replace(old, new), "utf-8")

    return edit


PASSED = {"exit_code": 0, "reason": "ok", "seconds": 0.2, "sha256": "b" * 64}
EDITS = (
    Edit(
        "outcome of a run changed",
        _json(f"{SMALL_RUN}/2/run.json", lambda run: run.update(gate=PASSED)),
        "verdict.json",
        "runs does not follow",
    ),
    Edit("runs cut from the plan", _plan(lambda plan: plan.update(runs=2)), "plan.yaml", "edited afterwards"),
    Edit("tasks dropped from the plan", _plan(lambda plan: plan["tasks"].pop()), "plan.yaml", "edited afterwards"),
    Edit("roles swapped in the plan", _plan(_swap_roles), "plan.yaml", "edited afterwards"),
    Edit("first line of the ledger cut", _cut_ledger, "ledger.jsonl", "begins with accepted"),
    Edit("a run deleted", _delete_run, f"{SMALL_RUN}/1", "accepted it, and it is not there", "missing"),
    Edit("a run added beyond the plan", _plant_run, f"{RUN}/4", "a run outside the plan", "not in the manifest"),
    Edit("a run in another's place", _move_run, f"{SMALL_RUN}/2/run.json", "says that it is large/runs"),
    Edit(
        "`wire.jsonl` edited",
        _text(f"{RUN}/1/wire.jsonl", "I did rename, attempt 101.", "I did nothing."),
        f"{RUN}/1/trajectory.json",
        "answer 2 of the model is not the one on the wire",
    ),
    Edit(
        "trajectory edited",
        _text(f"{RUN}/2/trajectory.json", "I did rename", "I did not rename"),
        f"{RUN}/2/trajectory.json",
        "is not the one on the wire",
    ),
    Edit(
        "the instruction edited in a trajectory",
        _text(f"{RUN}/2/trajectory.json", "Rename the function", "Delete the function"),
        f"{RUN}/2/trajectory.json",
        "is not what was sent to the model",
    ),
    Edit("page edited", _text("report.html", "large", "LARGE"), "report.html", "does not follow from the evidence"),
    Edit(
        "page edited, and attributed to another version of onbox",
        of_another_make("<h1>Undecided</h1>", "<h1>Switch to large</h1>"),
        "report.html",
        "does not say the verdict that the evidence gives",
    ),
    Edit(
        "a number on such a page edited",
        of_another_make(">9 of 11, 48 to 98 %<", ">11 of 11, 48 to 98 %<"),
        "report.html",
        "says “pass rate | 82 % | 11 of 11, 48 to 98 %”",
    ),
    Edit(
        "a number in such a post edited",
        of_another_make("| 9 of 11 |", "| 11 of 11 |", "post.md"),
        "post.md",
        "and by the evidence it is “| **large** (wants its place) | 9 of 11",
    ),
    Edit(
        "a doubt left out of such a page",
        of_another_make("SERVING", "SERVED"),
        "report.html",
        "leaves out “SERVING”",
    ),
    Edit("post edited", _text("post.md", "large", "LARGE"), "post.md", "does not follow"),
    Edit("Markdown report edited", _text("report.md", "large", "LARGE"), "report.md", "does not follow"),
    Edit(
        "verdict edited",
        _json("verdict.json", lambda verdict: verdict.update(verdict="keep", headline="Keep it.")),
        "verdict.json",
        "verdict does not follow from the evidence",
    ),
    Edit("a report deleted", lambda folder: (folder / "report.md").unlink(), "report.md", "missing", "missing"),
    Edit("a link planted", _link, "large/weights.json", "is a link", "is a link"),
    Edit("a link in a file's place", _link_for_file, f"{RUN}/1/wire.jsonl", "is a link", "is a link"),
    Edit(
        "a contender's name with ../",
        _text("plan.yaml", "name: large", "name: ../../etc"),
        "plan.yaml",
        "no name of a folder",
    ),
    Edit(
        "a task's name with ../",
        _json(f"{RUN}/1/run.json", lambda run: run.update(task="../../../etc")),
        f"{RUN}/1/run.json",
        "no name of a folder",
    ),
    Edit(
        "a path with ../ in the manifest",
        lambda folder: (folder / "manifest-sha256.txt").open("a").write(f"{'0' * 64}  ../outside\n"),
        "manifest-sha256.txt",
        "",
        "names a path that leaves the folder",
    ),
)


def made_anew(folder: Path) -> None:
    """The manifest as a forger makes it anew."""
    write_manifest(folder)
