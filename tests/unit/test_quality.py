"""Beyond passed or failed: the size of a change beside the reference, and what it broke."""

from pathlib import Path

from onbox.bench.quality import References, broken_files
from onbox.bench.sandbox.choose import choose
from onbox.bench.tasks import load_tasks
from onbox.evidence.records import Changes, Quality
from onbox.judge.attribution import attribute
from tests.builders import call_reply, run_record


def test_what_could_be_read_before_and_cannot_be_now(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    old = {
        "ok.py": "x = 1\n",
        "was_bad.py": "def (",
        "same.py": "y = 1\n",
        "c.json": "{}",
        "t.toml": "a = 1",
        "n.txt": "",
    }
    new = {
        **old,
        "ok.py": "def (",
        "was_bad.py": "def ((",
        "c.json": "{,}",
        "t.toml": "a = 2",
        "n.txt": "{",
        "new.py": "(",
    }
    for root, files in ((before, old), (after, new)):
        root.mkdir()
        for name, text in files.items():
            (root / name).write_text(text)
    (after / "deep.json").write_text("[" * 100_000)
    (after / "bytes.py").write_bytes(b"\xff\xfe")
    assert set(broken_files(before, after)) == {"ok.py", "c.json", "new.py", "deep.json", "bytes.py"}
    assert broken_files(before, before) == ()


def test_the_reference_is_what_the_solution_changes() -> None:
    (task,) = load_tasks("builtin", ["fill-json"])
    references = References(choose())
    assert references.of(task) == Changes(files=1, lines_added=3, lines_removed=3)
    assert references.of(task) is references.of(task)


def test_the_judge_tells_the_size() -> None:
    quality = Quality(reference=Changes(files=1, lines_added=3, lines_removed=3), broken=("a.py",))
    changed = Changes(files=2, lines_added=8, lines_removed=4)
    result = attribute(run_record(changes=changed, quality=quality), [call_reply()])
    assert (result.files_changed, result.lines_changed, result.size, result.broken) == (2, 12, 2.0, ("a.py",))
    assert attribute(run_record(), [call_reply()]).size is None
