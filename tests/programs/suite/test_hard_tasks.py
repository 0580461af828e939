"""The answers of the hard tasks of data, found again from nothing but what the agent gets."""

import csv
import datetime
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from onbox.bench.instances import render
from onbox.bench.sandbox.choose import choose
from onbox.bench.tasks import HARD, load_tasks


def test_the_set_is_ten_generated_tasks() -> None:
    tasks = load_tasks("builtin", HARD)
    assert len(tasks) == 10
    assert all(task.generated and task.judges_apart and not task.needs for task in tasks)


def log_hunt(app: Path) -> dict[str, str]:
    packed = [(app / f"logs/day.{number}.log.gz").read_bytes() for number in (1, 2)]
    text = "".join(gzip.decompress(data).decode() for data in packed)
    assert len(text) > 4_800_000
    origin: dict[str, str] = {}
    releases: dict[str, tuple[str, str]] = {}
    ends: list[tuple[str, str, str]] = []
    for line in text.splitlines():
        stamp, level, service, rest = line.split(maxsplit=3)
        if found := re.match(r"release version=(\S+)", rest):
            releases[service] = (stamp, found[1])
        trace = re.search(r"trace=(\w+)", rest)
        if trace and level == "ERROR":
            origin.setdefault(trace[1], service)
        if trace and service == "gateway" and (ended := re.search(r"customer=(\w+) .*status=(\d+)", rest)):
            ends += [(stamp, trace[1], ended[1])] if int(ended[2]) >= 500 else []
    found_all = []
    for service, (released, version) in releases.items():
        own = [end for end in ends if origin[end[1]] == service]
        if own and min(own)[0] > released:
            counts = {"failed": str(len(own)), "customers": str(len({end[2] for end in own})), "first": min(own)[1]}
            found_all.append({"service": service, "version": version, **counts})
    assert len(found_all) == 1
    return found_all[0]


def day(text: str) -> str:
    if text.isdigit():
        return datetime.datetime.fromtimestamp(int(text), datetime.UTC).date().isoformat()
    return "-".join(reversed(text.split("."))) if "." in text else text.replace("/", "-")


def migrate_records(app: Path) -> dict[str, Any]:
    made: dict[int, dict[str, Any]] = {}
    same: dict[int, int] = {}
    with (app / "old/customers.csv").open(newline="") as file:
        for row in csv.DictReader(file, delimiter=";"):
            country = row["country"].upper() or None
            made[int(row["id"])] = {
                "name": " ".join(row["name"].split()),
                "country": "GB" if country == "UK" else country,
                "since": day(row["since"]),
                "orders": 0,
                "spent_cents": 0,
                "notes": [],
                "merged": [],
            }
            if row["same_as"]:
                same[int(row["id"])] = int(row["same_as"])

    def last(number: int) -> int:
        while number in same:
            number = same[number]
        return number

    orders = {}
    for line in (app / "old/orders.jsonl").read_text().splitlines():
        orders[json.loads(line)["order"]] = json.loads(line)
    for order in orders.values():
        owner, cents = last(int(order["customer"])), order["cents"]
        if owner in made and order["state"] in ("paid", "shipped"):
            made[owner]["orders"] += 1
            made[owner]["spent_cents"] += cents if isinstance(cents, int) else round(float(cents) * 100)
    for note in re.split(r"^(?=#\d+$)", (app / "old/notes.txt").read_text(), flags=re.MULTILINE)[1:]:
        number, _, text = note.partition("\n")
        text = re.sub(r"^##$", "#", text.strip(), flags=re.MULTILINE)
        if text and last(int(number[1:])) in made:
            made[last(int(number[1:]))]["notes"].append(text)
    for number in same:
        kept, gone = made[last(number)], made.pop(number)
        kept["merged"] = sorted([*kept["merged"], number])
        kept["since"] = min(kept["since"], gone["since"])
    return {str(number): value for number, value in made.items()}


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("name", "solve"), [("log-hunt", log_hunt), ("migrate-records", migrate_records)])
def test_another_reader_finds_the_same_answers(tmp_path: Path, name: str, solve: Any, seed: int) -> None:
    task = render(load_tasks("builtin", [name])[0], seed, tmp_path / name, choose())
    assert solve(task.environment / "app") == json.loads((task.tests / "answer.json").read_text())
