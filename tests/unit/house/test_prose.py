"""Blame and conclusions rest on enums and codes: no rule searches sentences that onbox itself wrote."""

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[3] / "src" / "onbox"
PROSE = {"detail", "fault", "reason", "why", "why_not", "headline", "hint", "ended", "note", "message", "next_step"}
"""Fields that hold a sentence for people."""
SEARCHES = {"search", "match", "fullmatch", "findall", "startswith", "endswith", "find", "index", "count"}
ALLOWED = {
    "judge/runs/attribution.py": {"reason.startswith(FRAME)"},
    "bench/audit/probes.py": {"MARK in end.reason"},
    "bench/audit/subject.py": {"first.reason.startswith(reason)"},
    "box/checks.py": {"reason.startswith(('hw_', 'sw_thermal'))"},
    "cli/commands/task.py": {"reasons.count(why)"},
    "evidence/migrations/version_1.py": {
        "fault.startswith(prefix)",
        "_DISK_FULL.match(fault)",
        "_OUT_OF_MEMORY.match(fault)",
    },
    "evidence/migrations/version_3.py": {"reason.startswith(f'GATE_FAULT {_MEMORY}')"},
    "protocol/envelopes.py": {
        "message.endswith(self.tail)",
        "message.count(written)",
        "message.startswith(self.head)",
    },
}
"""A gate's reason is the gate's: its code begins it and says whether what was to stay as it is was changed, an attack
of the audit leaves its mark in it, and two runs of one gate are compared by it. Reasons of a GPU's throttling are the
driver's names. Equal reasons are counted for showing. Migrations read what was prose alone when it was written. An
envelope's message is bytes of an API."""


def searches(tree: ast.AST) -> Iterator[str]:
    """Searches of such a field: `text in x.detail`, `x.detail.startswith(...)`, `PATTERN.search(x.detail)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            within = [
                right
                for operator, right in zip(node.ops, node.comparators, strict=True)
                if isinstance(operator, ast.In | ast.NotIn)
            ]
            if any(is_prose(each) for each in within) and is_text(node.left):
                yield ast.unparse(node)
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in SEARCHES
            and any(is_prose(each) for each in (node.func.value, *node.args))
        ):
            yield ast.unparse(node)


def is_prose(node: ast.AST) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr in PROSE) or (isinstance(node, ast.Name) and node.id in PROSE)


def is_text(node: ast.AST) -> bool:
    return not (isinstance(node, ast.Constant) and not isinstance(node.value, str))


def test_no_rule_searches_our_own_sentences() -> None:
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        file = path.relative_to(SOURCE).as_posix()
        if hits := set(searches(ast.parse(path.read_text()))):
            found[file] = hits
    assert found == ALLOWED


def test_the_search_finds_each_form() -> None:
    code = """
a = "no room" in run.fault
b = case.detail.startswith("it talks")
c = re.search("disk", run.fault)
d = PATTERN.match(reason)
e = run.fault_kind is FaultKind.DISK
f = "x" in exchange.error
"""
    assert len(list(searches(ast.parse(code)))) == 4
