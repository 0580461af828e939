"""Write the table of probes by tier in `docs/sandbox.md` again, by trying all of them in each tier that is here.

    PYTHONPATH=src:. python tools/sandbox_probes.py [--write]

As root it tries bubblewrap and sandlock as an ordinary user too, and docker and podman with a daemon and a store of its
own. A tier that is not here keeps the column that it has, with its date.
"""

import argparse
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "sandbox.md"
BEGIN, END = "<!-- probes by tier: begin -->", "<!-- probes by tier: end -->"
COLUMNS = (
    "bubblewrap, root",
    "bubblewrap, user",
    "sandlock, root",
    "sandlock, user",
    "docker, root",
    "podman, root",
)
HELD = "held"
VERSION, TRIED, SUM = "version", "tried", "held, of all"
NOBODY = 65534
Column = dict[str, str]


def names() -> list[str]:
    """The probes, in their order."""
    from onbox.bench.sandbox.probes import PROBES

    return list(PROBES)


def column(tier: str) -> Column:
    """What each probe found in a tier, as this user."""
    from onbox.bench.sandbox.choose import by_name
    from onbox.bench.sandbox.probes import probe

    report = probe(by_name(tier))
    found = {made.name: HELD if made.held else made.detail for made in report.probes}
    held = sum(made.held for made in report.probes)
    return {VERSION: report.version, TRIED: f"{date.today()}", **found, SUM: f"{held} of {len(report.probes)}"}


def as_user(tier: str) -> Column:
    """`column` in a process of an ordinary user, who gets a copy of what it may not read where it lies."""
    with tempfile.TemporaryDirectory(prefix="onbox-probes-", dir="/tmp") as folder:
        home = Path(folder)
        home.chmod(0o755)
        own = home / "own"
        own.mkdir()
        os.chown(own, NOBODY, NOBODY)
        packages = next(path for path in map(Path, sys.path) if path.name == "site-packages")
        source, found = readable(ROOT / "src", home), readable(packages, home)
        prefix = readable(Path(sys.base_prefix), home)
        # An environment of its own: the process that starts sandlock takes no variables.
        place = home / "venv" / packages.relative_to(packages.parents[2])
        python = home / "venv" / "bin" / "python"
        for made in (place.parent, python.parent):
            made.mkdir(parents=True)
        (home / "venv" / "pyvenv.cfg").write_text(f"home = {prefix / 'bin'}\ninclude-system-site-packages = false\n")
        python.symlink_to(prefix / "bin" / Path(sys.executable).resolve().name)
        place.symlink_to(found)
        script = readable(Path(__file__).resolve(), home)
        done = subprocess.run(
            [str(python), str(script), "--child", tier],
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            cwd="/",
            env={
                "PATH": os.defpath,
                "HOME": str(own),
                "TMPDIR": str(own),
                "PYTHONPATH": f"{source}:{found}",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip()[-300:])
    told: Column = json.loads(done.stdout)
    return told


def readable(path: Path, home: Path) -> Path:
    """The path, or a copy of it in a folder that everybody may enter."""
    if all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents):
        return path
    copy = home / path.name
    if path.is_file():
        shutil.copy(path, copy)
    else:
        shutil.copytree(path, copy, ignore=shutil.ignore_patterns("__pycache__", "test", "tests", "site-packages"))
    subprocess.run(["chmod", "-R", "a+rX", str(copy)], check=True)
    return copy


def in_container(program: str) -> Column:
    """`column` with a daemon or a store of its own."""
    from tests.dockerd import DOCKER, running_dockerd
    from tests.podman import podman_store

    with ExitStack() as stack:
        if program == "docker":
            os.environ["DOCKER_HOST"] = stack.enter_context(running_dockerd()).host
            os.environ["PATH"] = f"{Path(DOCKER).parent}:{os.environ['PATH']}"
        else:
            os.environ.update(stack.enter_context(podman_store()).variables)
        return column(program)


def tried(name: str) -> Column | None:
    """The column of that name; None where it cannot be tried here, which is said."""
    tier, _, user = name.partition(", ")
    is_root = os.getuid() == 0
    try:
        if tier in ("docker", "podman"):
            return in_container(tier) if is_root else None
        if user == "user":
            return as_user(tier) if is_root else column(tier)
        return column(tier) if is_root else None
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        print(f"{name}: not tried: {error}", file=sys.stderr)
        return None


def read_table(text: str) -> dict[str, Column]:
    """The columns of the table in a page."""
    lines = text.partition(BEGIN)[2].partition(END)[0].strip().splitlines()
    rows = [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]
    if not rows:
        return {}
    heads, cells = rows[0][1:], rows[2:]
    return {head: {row[0]: row[at] for row in cells} for at, head in enumerate(heads, 1)}


def table(columns: dict[str, Column], probes: list[str]) -> str:
    """Markdown."""
    rows = [["probe", *COLUMNS], ["---"] * (len(COLUMNS) + 1)]
    for row in (VERSION, TRIED, *probes, SUM):
        label = f"`{row}`" if row in probes else row
        rows.append([label, *(columns.get(name, {}).get(row, "unknown: not tried") for name in COLUMNS)])
    return "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in rows)


def main() -> None:
    """Try, print, and write with `--write`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--only", choices=COLUMNS, action="append")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.child:
        print(json.dumps(column(told.child)))
        return
    text = PAGE.read_text("utf-8")
    columns = read_table(text)
    for name in told.only or COLUMNS:
        if (found := tried(name)) is not None:
            columns[name] = found
    made = table(columns, names())
    print(made)
    if told.write:
        before, _, rest = text.partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{made}\n{END}{rest.partition(END)[2]}", "utf-8")


if __name__ == "__main__":
    main()
