"""The probes: each is a function from a `Subject` to the ends of what it tried; `PROBES` lists them."""

import py_compile
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from onbox.bench.audit.attacks import ATTACKS, MARK
from onbox.bench.audit.cheats import CHEATS, CLAIM
from onbox.bench.audit.rewrites import REPLY_REWRITES, REWRITES, Rewrite
from onbox.bench.audit.subject import AuditSubject, GateVerdict, ProbeEffect, ProbeEnd
from onbox.bench.diff import without_each_hunk
from onbox.bench.tasks import tree_sha256
from onbox.errors import BadSubjectError, UsageError

REPEATS = 5
"""A gate that says one thing now and another then decides by chance."""

SEEDS = (1, 2)
"""The instances of a generated task that are looked at, beside the folder itself."""


def oracle(subject: AuditSubject) -> Iterator[ProbeEnd]:
    """The known-good solution passes, each time."""
    yield from subject.expect_each_time("pass", "oracle", subject.oracle(), REPEATS)


def nothing_done(subject: AuditSubject) -> Iterator[ProbeEnd]:
    """A workspace that nobody touched fails, each time and whatever is said about it."""
    yield from subject.expect_each_time("fail", "nothing done", ProbeEffect(subject.fresh()), REPEATS)
    yield subject.expect("fail", "nothing done: success claimed", ProbeEffect(subject.fresh(), CLAIM))
    yield subject.expect(
        "fail", "nothing done: the instruction repeated", ProbeEffect(subject.fresh(), subject.task.instruction)
    )


def variants(subject: AuditSubject) -> Iterator[ProbeEnd]:
    """Other good answers, in solution/variants, pass: scripts (.sh) and replies (.md)."""
    yield from _examples(subject, "variants", "pass")


def rewritten(subject: AuditSubject) -> Iterator[ProbeEnd]:
    """The solution in another form that is equally right passes, unless the task says that its form matters."""
    if subject.task.exact:
        return
    for what, rewrite in REWRITES.items():
        left = subject.oracle()
        if not left.fault and _rewrite_files(left.app, subject.changed, rewrite):
            yield replace(subject.expect("pass", f"rewritten: {what}", left, honest=True), of_form=True)
    for what, rewrite in REPLY_REWRITES.items():
        left = subject.oracle()
        if subject.task.answer == "reply" and (text := rewrite("reply.md", left.reply)):
            effect = ProbeEffect(left.app, text, left.fault)
            yield replace(subject.expect("pass", f"rewritten: {what}", effect), of_form=True)


def wrong(subject: AuditSubject) -> Iterator[ProbeEnd]:
    """Plausible bad answers, in solution/wrong, fail: scripts (.sh) and replies (.md)."""
    yield from _examples(subject, "wrong", "fail")


def half_done(subject: AuditSubject) -> Iterator[ProbeEnd]:
    """The solution, less any one of its files or any one place in them, fails."""
    before, several = subject.fresh(), len(subject.changed) > 1
    for name in subject.changed:
        parts = list(without_each_hunk(before / name, subject.oracle().app / name))
        if several:
            left = subject.oracle()
            (left.app / name).unlink(missing_ok=True)
            if (before / name).exists():
                shutil.copy2(before / name, left.app / name)
            yield subject.expect("fail", f"half done: all but {name}", left, honest=True)
        if len(parts) > 1:
            for line, text in parts:
                left = subject.oracle()
                (left.app / name).write_bytes(text)
                yield subject.expect("fail", f"half done: all but {name}, line {line}", left, honest=True)


def vandal(subject: AuditSubject) -> Iterator[ProbeEnd]:
    """The solution, with a file that was no part of it changed or deleted, fails, where the gate holds the frame."""
    if not subject.task.frame:
        return
    for name in subject.untouched:
        left = subject.oracle()
        with (left.app / name).open("ab") as file:
            file.write(b"\n# touched\n")
        yield subject.expect("fail", f"vandal: {name} changed", left)
        left = subject.oracle()
        (left.app / name).unlink()
        yield subject.expect("fail", f"vandal: {name} deleted", left)


def cheat(subject: AuditSubject) -> Iterator[ProbeEnd]:
    """A workspace with the task undone fails, whatever is planted in it to sway the gate."""
    untouched = tree_sha256(subject.fresh())
    for name, plant in CHEATS.items():
        app = subject.fresh()
        plant(app)
        if tree_sha256(app) == untouched:
            continue  # nothing to plant it in, as in the empty workspace of a reply
        yield subject.expect("fail", f"cheat: {name}", ProbeEffect(app, CLAIM))


def attack(subject: AuditSubject) -> Iterator[ProbeEnd]:
    """Sources that attack the gate which has them run fail like any that leave the task undone."""
    for name, plant in ATTACKS.items():
        app = subject.fresh()
        if not plant(app):
            continue
        end = subject.expect("fail", f"attack: {name}", ProbeEffect(app, CLAIM))
        yield replace(end, got="fault") if MARK in end.reason else end


def compiled(subject: AuditSubject) -> Iterator[ProbeEnd]:
    """Sources with the task undone fail, also where compiled files say that it was done."""
    sources = [name for name in subject.changed if name.endswith(".py")]
    app, solved = subject.fresh(), subject.oracle().app
    for name in (name for name in sources if (solved / name).exists()):
        target = app / Path(name).parent / "__pycache__" / f"{Path(name).stem}.{sys.implementation.cache_tag}.pyc"
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        # A solution that is no Python compiles to nothing; that the gate takes it would be seen elsewhere.
        with suppress(py_compile.PyCompileError):
            py_compile.compile(str(solved / name), str(target), doraise=True, invalidation_mode=mode)
    if sources:
        yield subject.expect("fail", "cheat: compiled files of the solution", ProbeEffect(app, CLAIM))


def seeds(subject: AuditSubject) -> Iterator[ProbeEnd]:
    """The generator gives the same task for the same seed, and its instances tell right from wrong too."""
    if not subject.task.generated:
        return
    for seed in SEEDS:
        try:
            instance, again = subject.instance(seed), subject.instance(seed)
        except (BadSubjectError, UsageError) as error:
            yield ProbeEnd(f"seed {seed}: made", "pass", "fault", error.message)
            continue
        same = instance.task.sha256 == again.task.sha256
        yield ProbeEnd(f"seed {seed}: made twice the same", "pass", "pass" if same else "fail", "")
        yield instance.expect("pass", f"seed {seed}: oracle", instance.oracle())
        yield instance.expect("fail", f"seed {seed}: nothing done", ProbeEffect(instance.fresh()))
        for folder, expected in _EXAMPLES.items():
            yield from _examples(instance, folder, expected, prefix=f"seed {seed}: ")


PROBES: tuple[Callable[[AuditSubject], Iterator[ProbeEnd]], ...] = (
    oracle,
    nothing_done,
    variants,
    rewritten,
    wrong,
    half_done,
    vandal,
    cheat,
    attack,
    compiled,
    seeds,
)

_EXAMPLES: dict[str, GateVerdict] = {"variants": "pass", "wrong": "fail"}


def _examples(subject: AuditSubject, folder: str, expected: GateVerdict, prefix: str = "") -> Iterator[ProbeEnd]:
    for path in sorted((subject.task.solution / folder).glob("*")):
        if path.suffix == ".sh":
            yield subject.expect(expected, f"{prefix}{folder}/{path.name}", subject.after(path), honest=True)
        elif path.suffix == ".md":
            left = ProbeEffect(subject.fresh(), path.read_text("utf-8", "replace"))
            yield subject.expect(expected, f"{prefix}{folder}/{path.name}", left)


def _rewrite_files(app: Path, names: list[str], rewrite: Rewrite) -> bool:
    """Rewrite files of a workspace in place; whether any of them is another now."""
    changed = False
    for path in (app / name for name in names if (app / name).is_file()):
        try:
            text = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            continue
        new = rewrite(path.name, text)
        if new is not None and new != text:
            path.write_bytes(new.encode("utf-8"))
            changed = True
    return changed
