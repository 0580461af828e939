"""Documents and files of which one place is not as it was: what a broken disk, another version or a stranger leaves."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.hostile import ESCAPE, ODD

BIG = "x" * 200_000
RAW = ("NaN", "-Infinity", "1e999", "1" + "0" * 400, "[" * 50_000, '{"a":' * 5_000, '"\\ud83d"', "01", "", "\0")
"""Written in the place of a value, whatever JSON has to say."""
VALUES: tuple[Any, ...] = (
    *ODD,
    -1,
    0,
    1e308,
    10**18,
    BIG,
    "../../../etc/passwd",
    ESCAPE,
    "\u202e",
    [[]] * 1000,
    [None],
)
PLACE = "a place that is written over"


def mutated_json(text: str, source: Random) -> str:
    """A JSON document with another value, without a name, or with a list grown, in one place."""
    document = [json.loads(text)]
    holder: Any = document
    key: Any = 0
    while isinstance(holder[key], dict | list) and holder[key] and source.random() < 0.85:
        holder, key = (
            holder[key],
            source.choice(list(holder[key]) if isinstance(holder[key], dict) else _places(holder[key])),
        )
    way = source.randrange(6)
    if way == 0 and isinstance(holder, dict):
        del holder[key]
    elif way == 1 and isinstance(holder, dict):
        holder[source.choice([ESCAPE, "", "__class__", "x" * 1000])] = holder.pop(key)
    elif way == 2 and isinstance(holder[key], list):
        holder[key] = holder[key] * source.choice([2, 50])
    elif way == 3:
        holder[key] = PLACE
        return json.dumps(document[0]).replace(json.dumps(PLACE), source.choice(RAW))
    else:
        holder[key] = source.choice(VALUES)
    return json.dumps(document[0])


def _places(values: list[Any]) -> range:
    return range(len(values))


def mutated_bytes(data: bytes, source: Random) -> bytes:
    """Cut off, flipped, doubled, emptied, or with something in between."""
    at = source.randrange(len(data) + 1)
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: data[:at],
        lambda: data[at:],
        lambda: data + data,
        lambda: b"",
        lambda: bytes(byte ^ (source.random() < 0.01) << source.randrange(8) for byte in data[:100_000]),
        lambda: (
            data[:at]
            + source.choice([b"\0" * 100, b"\xff\xfe", ESCAPE.encode(), BIG.encode(), b"\n" * 1000])
            + data[at:]
        ),
        lambda: source.randbytes(1000),
    )
    return source.choice(ways)()


PYTHON_ANSWERS = (
    "None",
    "float('nan')",
    "float('-inf')",
    "10 ** 5000",
    "b'\\xff'",
    "object()",
    "'\\ud83d'",
    "'x' * 10_000_000",
    "{1: {2}}",
    "(lambda a: (a.append(a), a)[1])([])",
    "[None] * 100_000",
    "(n for n in range(3))",
    "__import__('sys').exit(0)",
    "type('Odd', (), {'__eq__': lambda s, o: True, '__hash__': lambda s: 1, '__repr__': lambda s: 1 / 0})()",
    "type('List', (list,), {'__eq__': lambda s, o: True})()",
    "type('Text', (str,), {'__eq__': lambda s, o: True})('x')",
    "__import__('functools').reduce(lambda a, _: [a], range(100_000), [])",
    "NotImplemented",
    "True",
    "-0.0",
    "''",
    "[]",
    "(_ for _ in ()).throw(KeyboardInterrupt)",
    "(_ for _ in ()).throw(MemoryError)",
    "__import__('os')._exit(0)",
)
SCRIPT_ANSWERS = (
    "null",
    "undefined",
    "NaN",
    "-Infinity",
    "10n ** 5000n",
    "Symbol('x')",
    "() => 1",
    "'\\ud83d'",
    "'x'.repeat(10_000_000)",
    "new Proxy({}, {get() { throw 1; }})",
    "(() => { const a = []; a.push(a); return a; })()",
    "process.exit(0)",
    "(() => { throw null; })()",
    "new Promise(() => {})",
    "{toJSON() { throw 'no'; }}",
    "-0",
    "[]",
    "Object.create(null)",
)
ODD_PYTHON = """
for _name, _value in list(globals().items()):
    if type(_value).__name__ == "function":
        globals()[_name] = lambda *_, **__: {answer}
"""
EXPORTED = re.compile(r"^export (?:async )?function (\w+)", re.MULTILINE)


def odd_answers(path: Path, source: Random) -> str:
    """Have each function of a module give another answer than it does; what was done, in words, or nothing."""
    text = path.read_text()
    if path.suffix == ".py":
        answer = source.choice(PYTHON_ANSWERS)
        path.write_text(text + ODD_PYTHON.format(answer=answer))
        return f"{path.name} answers {answer}"
    if names := EXPORTED.findall(text) if path.suffix in (".js", ".mjs", ".ts") else []:
        answer = source.choice(SCRIPT_ANSWERS)
        path.write_text(text + "".join(f"\n{name} = () => ({answer});" for name in names))
        return f"{path.name} answers {answer}"
    return ""


def mutate(path: Path, source: Random) -> str:
    """Change a file, mostly as what it is; what was done, in words."""
    way = source.randrange(12)
    if way == 0:
        path.unlink()
        return f"{path.name} removed"
    if way == 1:
        path.unlink()
        path.mkdir()
        return f"{path.name} a folder"
    if way == 2:
        path.unlink()
        path.symlink_to(source.choice(["/etc/passwd", "/dev/null", path.name, "/nowhere"]))
        return f"{path.name} a link to {path.readlink()}"
    data = path.read_bytes()
    if way < 5 or path.suffix not in (".json", ".jsonl"):
        path.write_bytes(mutated_bytes(data, source))
        return f"{path.name} with other bytes"
    lines = data.decode("utf-8", "surrogateescape").splitlines() if path.suffix == ".jsonl" else [data.decode()]
    if lines:
        at = source.randrange(len(lines))
        lines[at] = mutated_json(lines[at], source)
    path.write_text("\n".join(lines) + "\n", "utf-8", errors="surrogateescape")
    return f"{path.name} with another value"
