"""How many tasks `onbox task from` makes of packages' histories, and how long it takes: the table of docs/tasks.md.

    PYTHONPATH=src .venv/bin/python bench/history_yield.py SDISTS REPOSITORIES --env ENV --out FOLDER [--minutes 20]

SDISTS holds a folder of source distributions a package (`pip download --no-deps --no-binary :all: NAME==VERSION`). Each
package becomes a repository of one commit a release, on the day of the newest file in it, with no message but the
version. REPOSITORIES is where they lie, and may hold others, such as a clone. ENV is a virtual environment with pytest
and what their tests import. Beside the tasks
FOLDER gets a log of each search, with the seconds.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tarfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from onbox.app.tasks import MinedTasks, tasks_from
from onbox.errors import OnboxError

LEFT_OUT = re.compile(r"(^|/)([^/]+\.egg-info|__pycache__)(/|$)|\.pyc$|^PKG-INFO$")
"""Made by packaging, and no part of a history."""
DAY_S = 86_400
FIRST_S = 946_684_800
"""2000-01-01: archives without times of their own say an earlier one."""
NOBODY = {"GIT_AUTHOR_NAME": "nobody", "GIT_AUTHOR_EMAIL": "nobody@example.org"}


def main() -> None:
    """Make the repositories that are missing, search each, and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sdists", type=Path)
    parser.add_argument("repositories", type=Path)
    parser.add_argument("--env", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="a new folder for the tasks")
    parser.add_argument("--minutes", type=float, help="for each repository")
    parser.add_argument("--keep", type=int, default=12)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="*", help="names of repositories")
    options = parser.parse_args()
    for folder in sorted(path for path in options.sdists.iterdir() if path.is_dir()):
        if not (options.repositories / folder.name).exists():
            repository_of(folder, options.repositories / folder.name)
    options.out.mkdir(parents=True, exist_ok=True)
    print("| repository | commits | ended | tried | kept | dropped | minutes | load | dropped because |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for repository in sorted(path for path in options.repositories.iterdir() if (path / ".git").exists()):
        if not options.only or repository.name in options.only:
            print(row(repository, options), flush=True)


def row(repository: Path, options: argparse.Namespace) -> str:
    """The line of the table of one repository; its tasks and all that was said lie in the folder `--out`."""
    begun, log = time.monotonic(), options.out / f"{repository.name}.log"
    tried = 0
    with log.open("w") as file:

        def tell(text: str) -> None:
            nonlocal tried
            tried += re.match(r"[0-9a-f]{10} (?!kept as |dropped: )", text) is not None
            file.write(f"{time.monotonic() - begun:7.1f} {text}\n")
            file.flush()

        try:
            found = tasks_from(
                repository,
                options.out / repository.name,
                keep=options.keep,
                environment=options.env,
                jobs=options.jobs,
                minutes=options.minutes,
                tell=tell,
            )
        except OnboxError as error:
            return f"| {repository.name} | | | | | | | | {error.message} |"
    minutes, load = (time.monotonic() - begun) / 60, os.getloadavg()[2]
    (options.out / f"{repository.name}.json").write_text(json.dumps(as_json(found, minutes), indent=1) + "\n")
    reasons = Counter(end.why.partition(":")[0] for end in found.dropped)
    because = "; ".join(f"{why} ({count})" for why, count in reasons.most_common())
    commits = git(repository, "rev-list", "--count", "HEAD")
    numbers = f"{commits} | {found.looked_at} | {tried} | {len(found.kept)} | {len(found.dropped)} | {minutes:.1f}"
    return f"| {repository.name} | {numbers} | {load:.1f} | {because} |"


def as_json(found: MinedTasks, minutes: float) -> dict[str, object]:
    """What became of each commit."""
    return {
        "minutes": minutes,
        "kept": [[end.commit, end.name, end.fail_to_pass, end.says_little] for end in found.kept],
        "dropped": [[end.commit, end.why] for end in found.dropped],
    }


def repository_of(sdists: Path, target: Path) -> None:
    """A repository of one commit a release."""
    from packaging.version import Version

    target.mkdir(parents=True)
    git(target, "init", "-q", "-b", "main")
    archives = [path for path in sdists.iterdir() if path.name.endswith((".tar.gz", ".zip"))]
    versions = {path: Version(re.sub(r"\.(tar\.gz|zip)$", "", path.name).rpartition("-")[2]) for path in archives}
    last_s = FIRST_S
    for path in sorted(archives, key=lambda path: versions[path]):
        for old in target.rglob("*"):
            if old.is_file() and ".git" not in old.relative_to(target).parts:
                old.unlink()
        newest_s = 0
        for name, data, time_s in contents(path):
            newest_s = max(newest_s, time_s)
            place = target / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        last_s = max(newest_s, last_s + DAY_S)
        git(target, "add", "-A", "-f", ".")
        git(target, "commit", "-q", "--allow-empty", "-m", f"{sdists.name} {versions[path]}", date=f"{last_s} +0000")
        print(f"{target.name} {versions[path]} {datetime.fromtimestamp(last_s, UTC):%Y-%m-%d}", file=sys.stderr)


def contents(archive: Path) -> Iterator[tuple[str, bytes, int]]:
    """Name below the archive's one folder, content and time of each regular file that is part of a history."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as packed:
            for info in packed.infolist():
                when = int(datetime(*info.date_time, tzinfo=UTC).timestamp())
                name = info.filename.partition("/")[2]
                if not info.is_dir() and name and not LEFT_OUT.search(name) and ".." not in name.split("/"):
                    yield name, packed.read(info), when
        return
    with tarfile.open(archive) as tar:
        for member in tar:
            name = member.name.removeprefix("./").partition("/")[2]
            if member.isfile() and name and not LEFT_OUT.search(name) and ".." not in name.split("/"):
                file = tar.extractfile(member)
                assert file is not None
                yield name, file.read(), int(member.mtime)


def git(folder: Path, *words: str, date: str = "") -> str:
    """What git prints, with no configuration of the user's."""
    env = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    env |= {**NOBODY, **{name.replace("AUTHOR", "COMMITTER"): value for name, value in NOBODY.items()}}
    env |= {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date} if date else {}
    done = subprocess.run(["git", *words], cwd=folder, env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip()


if __name__ == "__main__":
    main()
