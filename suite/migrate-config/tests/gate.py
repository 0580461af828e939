"""settings.toml says what settings.ini said, in the new form, and nothing else changed."""

import json
import tomllib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import APP, TESTS, Fail, frame, judge, read


WANTED = json.loads((TESTS / "answer.json").read_text())


def same(found, wanted):
    """Equal, where a number may be whole or not but a truth value is no number."""
    if isinstance(wanted, dict):
        return (
            isinstance(found, dict)
            and found.keys() == wanted.keys()
            and all(same(found[key], wanted[key]) for key in wanted)
        )
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in (found, wanted))
    return found == wanted and (numbers or type(found) is type(wanted))


def gate():
    try:
        found = tomllib.loads(read("settings.toml"))
    except ValueError as error:
        raise Fail("FAIL_NOT_TOML", str(error)) from None
    if not isinstance(found.get("service"), dict) or found.keys() != {"service"}:
        raise Fail("FAIL_KEYS", "not exactly the table service")
    for name, wanted in WANTED["service"].items():
        table = found["service"].get(name)
        if not isinstance(table, dict) or table.keys() != wanted.keys():
            raise Fail("FAIL_KEYS", f"service.{name} has not exactly {', '.join(wanted)}")
        for key in wanted:
            if not same(table[key], wanted[key]):
                raise Fail("FAIL_VALUE", f"service.{name}.{key} is {table[key]!r}")
    if found["service"].keys() != WANTED["service"].keys():
        raise Fail("FAIL_KEYS", "there are services that were not there before")
    if (APP / "settings.ini").exists():
        raise Fail("FAIL_OLD_FILE_LEFT", "settings.ini")
    frame(may_go={"settings.ini"})


judge(gate)
