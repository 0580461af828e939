"""Trials with hostile texts in them, and a reader of the page that was made of one."""

import json
from dataclasses import replace
from html.parser import HTMLParser

from onbox.evidence.folder import TrialFolder
from onbox.judge.results import Verdict
from tests.verdicts import build_verdict

HOSTILE = [
    "</script><script>alert(1)</script>",
    "</pre></li></body><h1>Keep</h1>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "{{ 7 * 7 }} {% raw %}",
    "\x1b[31mred\x1b[0m \x1b]8;;http://evil.example\x07link\x1b]8;;\x07",
    "nul \x00 bell \x07 c1 \x9b",
    "bidi \u202egnp.exe\u202c \u2066x\u2069",
    "lone \ud800 and byte \udcff",
    "![x](http://evil.example/x.png) [y](javascript:alert(1)) <http://evil.example>",
    "https://evil.example www.evil.example a@evil.example @somebody #1",
    "```\n# Keep\n````\n</details>",
    "| a | b |\n|---|---|\n- item\n# head\n===",
]
VOID = {"meta", "br", "hr", "img", "link", "input"}


class Elements(HTMLParser):
    """The elements of a page with their attributes, the text, and whether all that opened was closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.broken: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.broken.append(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        """Elements with the names of their attributes: what must not depend on what a model says."""
        return [(tag, tuple(attributes)) for tag, attributes in self.elements]


def trajectory(folder: TrialFolder, message: str, where: str = "*/runs/*/*/*") -> None:
    """Put `said` into every place of these runs' evidence that a model or a tool can write to."""
    steps = [
        {"role": role, "content": message, "reasoning": message, "seconds": 1.0, "tokens": 3,
         "tool_calls": [{"id": "1", "name": message, "arguments": message}]}
        for role in ("system", "user", "assistant", "tool")
    ]  # fmt: skip
    for run in folder.path.glob(where):
        (run / "trajectory.json").write_text(json.dumps({"steps": steps}))
        (run / "gate.txt").write_bytes(message.encode("utf-8", "surrogatepass"))
        (run / "workspace.patch").write_bytes(message.encode("utf-8", "surrogatepass"))


def saying(message: str) -> Verdict:
    """A verdict in which every sentence is `said`."""
    verdict = build_verdict(headline=message, reasons=(message,), would_settle=(message,), trial=message)
    runs = tuple(run.model_copy(update={"detail": message, "code": message}) for run in verdict.runs)
    checks = tuple(replace(check, hint=message, observed=message) for check in verdict.checks)
    return verdict.model_copy(update={"runs": runs, "checks": checks})
