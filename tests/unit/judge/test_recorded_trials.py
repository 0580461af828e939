"""Five trials that an earlier onbox recorded: the same verdict, field by field, and folders that still verify."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from onbox.app.judging import verify_trial
from onbox.evidence.folder import TrialFolder
from onbox.report import html, markdown
from tests.judging import judge
from tests.recorded import NAMES, unpack


@pytest.fixture(scope="module", params=NAMES)
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack(request.param, tmp_path_factory.mktemp("trials"))


BY_RULES_2 = re.compile(r"\.rules$|\.contenders\[\d+\]\.speed\.|\.reasons\[\d+\]$")


def written(folder: Path) -> dict[str, Any]:
    verdict: dict[str, Any] = json.loads((folder / "verdict.json").read_text("utf-8"))
    return verdict


def flat(value: Any, name: str = "") -> dict[str, Any]:
    """Every leaf by its path, so that a difference is told by name."""
    if isinstance(value, dict):
        return {path: leaf for key, inner in value.items() for path, leaf in flat(inner, f"{name}.{key}").items()}
    if isinstance(value, list):
        return {path: leaf for n, inner in enumerate(value) for path, leaf in flat(inner, f"{name}[{n}]").items()}
    return {name: value}


def test_is_judged_as_it_was(recorded: Path) -> None:
    now = flat(json.loads(judge(TrialFolder.open(recorded)).model_dump_json()))
    was = flat(written(recorded))
    assert len(was) > 300
    differ = {name for name in was.keys() | now.keys() if was.get(name) != now.get(name)}
    # Rules 2 gave rates an uncertainty; nothing else is another than it was.
    assert {name for name in differ if not BY_RULES_2.match(name)} == set()


def test_still_verifies(recorded: Path) -> None:
    found = verify_trial(recorded)
    assert found.mismatches == ()
    assert any("rules 1 of an earlier onbox" in note for note in found.notes)


def test_does_not_verify_once_a_byte_of_a_reply_is_another(recorded: Path, tmp_path: Path) -> None:
    copy = unpack(recorded.name, tmp_path)
    wire = next(path for path in sorted(copy.rglob("wire.jsonl")) if path.stat().st_size)
    wire.write_bytes(wire.read_bytes().replace(b'"status":', b'"status": ', 1))
    assert [name for name, _ in verify_trial(copy).mismatches] == [wire.relative_to(copy).as_posix()]


def test_is_reported_with_every_run(recorded: Path) -> None:
    folder = TrialFolder.open(recorded)
    verdict = judge(folder)
    page, text = html.render(folder, verdict), markdown.render(folder, verdict)
    assert page.count('id="run-') >= len(verdict.runs) == len(written(recorded)["runs"]) > 0
    assert all(contender.name in page and contender.name in text for contender in verdict.contenders)
