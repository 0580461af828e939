"""A rule is one function with its id, hardness and subject declared at it; ids are unique."""

import ast
from pathlib import Path

import pytest

from onbox.judge.rule import RULES, Subject, finding, ids, rule
from onbox.judge.speed import checks as speed
from onbox.judge.verdict import checks as trial
from onbox.schema.checks import Check, Status

JUDGE = Path(__file__).parents[3] / "src" / "onbox" / "judge"


def declared() -> list[str]:
    """The ids that stand in decorators of the source, one each time."""
    found = []
    for path in JUDGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                calls = [each for each in node.decorator_list if isinstance(each, ast.Call)]
                rules = [each for each in calls if isinstance(each.func, ast.Name) and each.func.id == "rule"]
                found += [ast.literal_eval(each.args[0]) for each in rules]
    return found


def test_each_id_is_declared_at_one_function() -> None:
    names = declared()
    assert len(names) > 40
    assert sorted(names) == sorted(RULES)


def test_no_check_of_the_judge_is_made_without_a_rule() -> None:
    makers = [
        f"{path.relative_to(JUDGE)}:{node.lineno}"
        for path in JUDGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Check"
    ]
    assert [each.partition(":")[0] for each in makers] == ["rule.py"]


def test_hardness_and_subject_are_those_declared() -> None:
    assert ids(hard=True) == speed.HARD
    assert ids(subject=Subject.BOX) == speed.OF_THE_BOX
    assert not ids(subject=Subject.TRIAL, hard=True)
    assert {"CEILING", "LEDGER"} <= speed.HARD
    assert trial.all_or_none.__name__ == "all_or_none"
    assert all(each.says for each in RULES.values())


def test_two_rules_of_one_id_are_refused() -> None:
    with pytest.raises(ValueError, match="STEADY: two rules"):

        @rule("STEADY", Subject.STREAM)
        def again() -> Check:
            return finding(status=Status.PASS, observed=None, threshold=None)

    assert RULES["STEADY"].subject is Subject.STREAM
