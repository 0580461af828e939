"""The same evidence gives the same bytes: verdict, page, Markdown, on another machine and a year later.

What differs between machines is made to differ: where the folder lies, the order in which sets are walked, time zone,
language, the mask of new files, the width of the terminal, the user's folders.
"""

import os
import subprocess
import sys
from pathlib import Path

from tests.recorded import NAMES, unpack

JUDGE = """
import sys
from pathlib import Path
from onbox import judge_trial, rewrite_reports
for folder in map(Path, sys.argv[1:]):
    (folder / "judged.json").write_text(judge_trial(folder).model_dump_json(indent=1), "utf-8")
    (folder / "judged.json").rename(folder.parent / f"{folder.name}.json")
    rewrite_reports(folder)
"""
HERE = {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8", "LANG": "C.UTF-8", "COLUMNS": "80"}
THERE = {"PYTHONHASHSEED": "4711", "TZ": "Pacific/Chatham", "LC_ALL": "C", "LANG": "de_DE.UTF-8", "COLUMNS": "231"}
WRITTEN = ("verdict.json", "report.html", "report.md")


def made(home: Path, environment: dict[str, str], umask: int, order: int) -> dict[str, bytes]:
    """What is judged and written of all recorded trials, in an environment; `order` is that of unpacking."""
    home.mkdir()
    folders = [unpack(name, home) for name in NAMES[::order]]
    done = subprocess.run(
        [sys.executable, "-c", JUDGE, *map(str, folders)],
        env={**os.environ, **environment, "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")},
        cwd=home,
        umask=umask,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = {f"{name}.json": (home / f"{name}.json").read_bytes() for name in NAMES}
    return found | {f"{name}/{file}": (home / name / file).read_bytes() for name in NAMES for file in WRITTEN}


def test_two_machines_judge_and_write_the_same(tmp_path: Path) -> None:
    here = made(tmp_path / "here", HERE, 0o022, 1)
    there = made(tmp_path / "another place, elsewhere", THERE, 0o077, -1)
    assert [name for name in here if here[name] != there[name]] == []
    assert len(here) == 4 * len(NAMES)
