"""The project's words against its code: commands parse, examples validate, records and files are told as they are."""

import re
from pathlib import Path

from onbox.bench.audit import audit
from onbox.bench.sandbox.choose import choose
from onbox.bench.tasks import load_task

ROOT = Path(__file__).parents[2]


def text(page: Path) -> str:
    return page.read_text("utf-8")


def test_the_task_to_copy_stands_its_audit(tmp_path: Path) -> None:
    shown = re.findall(
        r"^`my-tasks/(\S+)`\n\n```\w+\n(.*?)^```$", text(ROOT / "docs" / "tasks.md"), re.MULTILINE | re.DOTALL
    )
    for name, body in shown:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(body)
    found = audit(load_task(tmp_path / "bump-version"), choose())
    assert [end for end in found.probes if end.got != end.expected] == []
    assert len(found.probes) >= 10
