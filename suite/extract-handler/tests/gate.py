"""One function holds the logic, all four handlers call it and answer as before."""

import ast
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import Fail, calls, frame, functions, judge, parse, run


HANDLERS = ("articles", "people", "orders", "offers")
SETTINGS = {"articles": (20, 100, "title"), "people": (50, 200, "name"), "orders": (10, 50, "number"), "offers": (25, 25, "title")}
QUERIES = [
    {},
    {"size": "7", "page": "3"},
    {"size": "0"},
    {"size": "-4", "page": "-1"},
    {"size": "1000"},
    {"size": "many", "page": "last"},
    {"page": "99"},
    {"q": " B ", "order": "down"},
    {"q": "x-nothing"},
    {"order": "up", "size": 3, "page": 2},
]
ITEMS = [
    {
        "title": f"{'ab'[number % 2]}-{number * 37 % 101:03d}",
        "name": f"{'bc'[number % 3 == 0]}{number * 53 % 97:02d}",
        "number": f"B{number * 11 % 89:02d}",
        "hidden": number % 5 == 0,
        **({"open": number % 4 != 1} if number % 3 else {}),
    }
    for number in range(83)
]

CALLS = """
from web.routes import ROUTES
result = [[handler(value["items"], query) for query in value["queries"]] for handler in ROUTES.values()]
result.append(value["items"])
"""


def number(query, name, default):
    try:
        return int(query.get(name, default))
    except ValueError:
        return default


def right(name, query):
    size, limit, key = SETTINGS[name]
    size, page = max(1, min(number(query, "size", size), limit)), max(1, number(query, "page", 1))
    text = query.get("q", "").strip().lower()
    found = [item for item in ITEMS if text in item[key].lower()]
    if name == "people":
        found = [item for item in found if not item.get("hidden")]
    if name == "offers":
        found = [item for item in found if item.get("open", True)]
    found = sorted(found, key=lambda item: item[key], reverse=query.get("order") == "down")
    pages = max(1, -(-len(found) // size))
    return {"items": found[(page - 1) * size : page * size], "page": page, "pages": pages, "total": len(found)}


def gate():
    if "listing" not in functions(parse("web/listing.py").body):
        raise Fail("FAIL_FUNCTION_MISSING", "web/listing.py defines no function listing")
    for name in HANDLERS:
        tree = parse(f"web/{name}.py")
        if not any(calls(tree, "listing")):
            raise Fail("FAIL_NOT_CALLED", f"web/{name}.py does not call listing")
        own = [node for node in ast.walk(tree) if isinstance(node, (ast.Slice, ast.Try))]
        own += [call for word in ("sorted", "sort", "int", "strip", "max", "min") for call in calls(tree, word)]
        words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        if own or words & {"size", "page", "q", "order"}:
            raise Fail("FAIL_LOGIC_LEFT", f"web/{name}.py still does what listing is for")
    if run(CALLS, {"items": ITEMS, "queries": QUERIES}) != [
        *([right(name, query) for query in QUERIES] for name in HANDLERS),
        ITEMS,
    ]:
        raise Fail("FAIL_BEHAVIOUR", "a handler answers otherwise than before")
    frame(may_change={f"web/{name}.py" for name in HANDLERS})


judge(gate)
