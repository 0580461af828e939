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


BY_RULES = re.compile(
    "|".join(
        (
            # Rules 2 gave rates an uncertainty.
            r"\.rules$|\.contenders\[\d+\]\.speed\.|\.reasons\[\d+\]$",
            # Rules 4: exact intervals, those of tasks like these for any spread; the new keys; advice that can settle.
            r"\.contenders\[\d+\]\.(population_)?interval\[\d\]$",
            r"(\.arms\[\d+\])?\.(difference|tasks|scope|population_p)\b",
            # Times with their interval, all challengers, values and looks.
            r"\.(basis|values|pairs|standings|looks|quants|rates)\b",
            r"\.fixed_suite\.method$|\.would_settle\[\d+\]$",
        )
    )
)
BASELINE_ALONE = re.compile(
    r"\.contenders\[\d\]\.(attempted|passed|valid|seconds_to_pass|cells\[\d\]\.(passed|valid))$"
)
REPEATED = re.compile(r"\.(unit|hint|observed|status)$")
ANOTHER = {
    # Six p of 0.22 was of runs that repeat themselves word for word; Holm's adjustment is of both p since rules 4.
    "invalid": {".fixed_suite.p": (0.222222, 0.5), ".population.p": (0.5, 1.0)},
    # 8 against 0 of 8 were 4 of the baseline and 4 of a treatment, and of the four two repeat each other.
    "arms": {
        ".verdict": ("keep", "undecided"),
        ".fixed_suite.p": (0.00154321, 0.25),
        ".headline": (
            "Keep good: leak passes 0 of 8 valid runs where good passes 8 of 8.",
            "Undecided: leak passes 0 of 4 valid runs where good passes 4 of 4.",
        ),
    },
}
"""What rules 4 decide in another way, as (was, is)."""


def written(folder: Path) -> dict[str, Any]:
    """The recorded verdict; rules 5 gave one check of a trial a name of its own."""
    verdict: dict[str, Any] = json.loads((folder / "verdict.json").read_text("utf-8"))
    for check in verdict["checks"]:
        check["id"] = "ALL_OR_NONE" if check["id"] == "CEILING" else check["id"]
    return verdict


def flat(value: Any, name: str = "") -> dict[str, Any]:
    """Every leaf by its path, so that a difference is told by name."""
    if isinstance(value, dict):
        return {path: leaf for key, inner in value.items() for path, leaf in flat(inner, f"{name}.{key}").items()}
    if isinstance(value, list):
        return {path: leaf for n, inner in enumerate(value) for path, leaf in flat(inner, f"{name}[{n}]").items()}
    return {name: value}


def test_is_judged_as_it_was(recorded: Path) -> None:
    verdict = json.loads(judge(TrialFolder.open(recorded)).model_dump_json())
    now, was = flat(verdict), flat(written(recorded))
    assert len(was) > 300
    differ = {name for name in was.keys() | now.keys() if was.get(name) != now.get(name) and not BY_RULES.match(name)}
    assert {name: (was[name], now[name]) for name in differ if not counted_anew(name, verdict)} == ANOTHER.get(
        recorded.name, {}
    )


def counted_anew(name: str, verdict: dict[str, Any]) -> bool:
    """Whether it is a count of the baseline arm alone, in a trial with arms, or of answers that repeat each other."""
    if check := re.match(r"\.checks\[(\d+)\]", name):
        return verdict["checks"][int(check[1])]["id"] == "RUNS_INDEPENDENT" and REPEATED.search(name) is not None
    return bool(verdict["arms"]) and BASELINE_ALONE.match(name) is not None


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
