"""What the generators of this suite share. Standard library only, Python 3.10 or newer.

A whole generated task carries a copy beside its `generate.py`: `onbox.bench.assembly` puts it there.

A generator starts in a copy of its task folder, with SEED in its environment, and changes the copy in place. What the
agent gets lies twice there: in environment/app, and as tests/original for the gate; both are kept equal here.
"""

import ast
import json
import os
import random
import re
import shutil
import sys
from pathlib import Path

RANDOM = random.Random(int(os.environ["SEED"]))
"""The only source of chance."""

APP = Path("environment/app")
ORIGINAL = Path("tests/original")

OWN = {"generate.py", "genlib.py", "gatelib.py", "tslib.py", "test.sh", "task.toml", "Dockerfile"}
"""Files that are the same for every seed."""


def files():
    """The files that may differ, sorted."""
    return sorted(path for path in Path().rglob("*") if path.is_file() and path.name not in OWN)


# ---------------------------------------------------------------- names


def words(table):
    """Replace whole words, in the text and in the names of all files; return what was chosen.

    Args:
        table: old word -> choices, or a form such as "{apply_discount}_code" that is made of other words' choices.
            A word that is chosen occurs nowhere else in the task.
    """
    used = set(table) | set(re.findall(r"\w+", "\n".join(path.read_text("utf-8") for path in files())))
    used |= {part for path in files() for name in path.parts for part in name.split(".")}
    used |= set(sys.stdlib_module_names)  # a package of such a name would not be found
    chosen = {}
    for old, choices in table.items():
        if not isinstance(choices, str):
            chosen[old] = RANDOM.choice([choice for choice in choices if choice not in used])
            used.add(chosen[old])
    for old, form in table.items():
        if isinstance(form, str):
            chosen[old] = form.format_map(chosen)
    replace(chosen)
    return chosen


def replace(chosen):
    """Replace whole words, in the text and in the names of all files: {old: new}."""
    # Behind `\b` and `\n`, as scripts for sed and printf have them, a word begins too.
    old = "|".join(re.escape(word) for word in sorted(chosen, key=len, reverse=True))
    pattern = re.compile(rf"(?:(?<![A-Za-z0-9_])|(?<=\\[bn]))(?:{old})(?![A-Za-z0-9_])")

    def new(text):
        return pattern.sub(lambda match: chosen[match[0]], text)

    for path in files():
        text = path.read_text("utf-8")
        if new(text) != text:
            write(path, new(text))
    for path in sorted(Path().rglob("*"), key=lambda path: len(path.parts), reverse=True):
        if path.name not in OWN and new(path.name) != path.name:
            path.rename(path.with_name(new(path.name)))


# ---------------------------------------------------------------- layout


def write(path, text):
    """Write a file, below folders that may not exist yet; its execute bit stays."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def give(name, text):
    """Write a file of the workspace, and the gate's copy of it."""
    write(APP / name, text)
    write(ORIGINAL / name, text)


def take_away(name):
    """Delete a file of the workspace, and the gate's copy of it."""
    (APP / name).unlink()
    (ORIGINAL / name).unlink()


def shuffle(*names):
    """Bring the functions and classes of Python files, and the methods of their classes, into another order.

    Only neighbours are exchanged, so that no statement between them is run at another time.
    """
    for name in names:
        text = (APP / name).read_text("utf-8")
        for cls in [node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]:
            body = next(node for node in ast.parse(text).body if getattr(node, "name", "") == cls).body
            text = _shuffled(text, body, 1)
        give(name, _shuffled(text, ast.parse(text).body, 2))


def _shuffled(text, body, blank_lines):
    lines = text.splitlines()
    runs, run = [], []
    for node in [*body, None]:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            run.append(node)
        else:
            runs, run = [*runs, run], []
    for run in [run for run in runs if len(run) > 1]:
        spans = [
            (min([node.lineno, *(item.lineno for item in node.decorator_list)]) - 1, node.end_lineno) for node in run
        ]
        parts = ["\n".join(lines[start:end]) for start, end in spans]
        RANDOM.shuffle(parts)
        lines[spans[0][0] : spans[-1][1]] = ("\n" * (blank_lines + 1)).join(parts).split("\n")
        lines += [""] * (len(text.splitlines()) - len(lines))
    return "\n".join(lines).rstrip("\n") + "\n"


DECOYS = {
    "colours.py": '"""Colours of the theme."""\n\nACCENT = "#0a6"\nGREY = "#888"\n\n\ndef css(colour):\n'
    '    return f"color: {colour};"\n',
    "pages.py": '"""Long lists, a page at a time."""\n\n\ndef page(items, number, size=20):\n'
    "    start = (number - 1) * size\n    return items[start : start + size]\n",
    "retry.py": '"""Try again, a few times."""\n\n\ndef retried(action, times=3):\n    for left in reversed(range(times)):\n'
    "        try:\n            return action()\n        except OSError:\n            if not left:\n                raise\n",
    "weekdays.py": '"""Days on which the office is open."""\n\nOPEN = ("mon", "tue", "wed", "thu", "fri")\n\n\n'
    "def is_open(day):\n    return day[:3].lower() in OPEN\n",
    "version.py": '"""The version of this package."""\n\nVERSION = "2.4.1"\n\n\ndef at_least(major, minor):\n'
    '    have = VERSION.split(".")\n    return (int(have[0]), int(have[1])) >= (major, minor)\n',
    "slugs.py": '"""Titles as parts of an address."""\n\n\ndef slug(title):\n'
    '    return "-".join(title.lower().split())\n',
    "flags.py": '"""Switches for things that are not ready."""\n\nON = {"search"}\n\n\ndef is_on(flag):\n'
    "    return flag in ON\n",
    "checksums.py": '"""Short sums over lines."""\n\nimport zlib\n\n\ndef line_sum(line):\n'
    "    return zlib.crc32(line.encode()) & 0xFFFF\n",
}
"""Small modules that have nothing to do with any task."""


TS_DECOYS = {
    "colours.ts": 'export const ACCENT = "#0a6";\n\nexport function css(colour: string): string {\n'
    "  return `color: ${colour};`;\n}\n",
    "pages.ts": "export function page<T>(items: T[], number: number, size = 20): T[] {\n"
    "  return items.slice((number - 1) * size, number * size);\n}\n",
    "weekdays.ts": 'const OPEN = ["mon", "tue", "wed", "thu", "fri"];\n\n'
    "export function isOpen(day: string): boolean {\n  return OPEN.includes(day.slice(0, 3).toLowerCase());\n}\n",
    "slugs.ts": "export const slug = (title: string): string =>\n"
    '  title.toLowerCase().split(" ").filter(Boolean).join("-");\n',
    "flags.ts": 'const ON = new Set<string>(["search"]);\n\nexport const isOn = (flag: string): boolean => ON.has(flag);\n',
}


def decoys(folder, count, modules=DECOYS):
    """Put `count` modules that have nothing to do with the task into a folder of the workspace."""
    for name in RANDOM.sample(sorted(modules), count):
        if not (APP / folder / name).exists():
            give(f"{folder}/{name}", modules[name])


# ---------------------------------------------------------------- data


def give_json(name, value):
    """Write a JSON file of the workspace, and the gate's copy of it."""
    give(name, json.dumps(value, indent=2) + "\n")


def answer(value):
    """What the gate compares with, as tests/answer.json."""
    write("tests/answer.json", json.dumps(value, indent=2) + "\n")


def clear(folder):
    """Empty a folder of the task."""
    shutil.rmtree(folder, ignore_errors=True)
    Path(folder).mkdir(parents=True)
