"""What an answer without a tool call is: a call that leaked into the text, a claim, a plan, a question.

The patterns are right on shapes recorded from real servers; docs/judging.md names the servers, and
issues that show each shape.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from onbox.protocol.call_arguments import CallFault, fault_of_call
from onbox.protocol.leaked_calls import leaked, searched_text
from onbox.protocol.reply import Reply, ToolCall

STRIPPED = re.compile(r"(?:^|\n)[^\S\n]*+(?:analysis|commentary|final)[A-Z{]|assistant(?:final|commentary|analysis)")
INTENT = re.compile(
    r"\b(?:let me|i(?:'|’)ll|i will|i need to|we need to|first,? i|going to)\b.{0,80}"
    r"\b(?:run|call|use|open|read|search|grep|edit|rename|look|check|list|inspect|execute)\b",
    re.IGNORECASE | re.DOTALL,
)
CLAIM = re.compile(
    r"\b(?:i(?:'ve| have)|have been|has been|successfully|all (?:references|occurrences)|done[.!])\b.{0,80}"
    r"\b(?:renamed|updated|replaced|changed|edited|modified|completed|done)\b"
    r"|\b(?:renamed|updated|replaced)\b.{0,40}\b(?:in|across)\b",
    re.IGNORECASE | re.DOTALL,
)
REFUSAL = re.compile(
    r"\b(?:i(?:'|’)m sorry|i am sorry|sorry),? (?:but )?i (?:can(?:'|’)?t|cannot|am unable|won(?:'|’)?t)\b"
    r"|\bi (?:can(?:'|’)t|cannot|am not able to|am unable to|won(?:'|’)t) (?:help|assist|do that|comply|fulfill)\b",
    re.IGNORECASE,
)
REASON_TAIL = 400
"""Only the end of the reasoning says what the model was about to do."""


def classify(reply: Reply, offered: Sequence[str]) -> str | None:
    """The code of an answer without tool calls, by its text alone; None when nothing is wrong with the answer.

    Args:
        reply: the last answer of the run; one that holds tool calls is None.
        offered: the names of the tools that its request offered.
    """
    if reply.tool_calls:
        return None
    if reply.finish_reason == "tool_calls":
        return "S-FINISH"
    if reply.finish_reason == "length":
        return "L-LEN"
    for text in (reply.content, reply.reasoning):
        if leaked(text, offered):
            return "S-LEAK"
    if STRIPPED.search(searched_text(reply.content)):
        return "S-STRIPPED"
    if reply.content.strip():
        return None
    if not reply.reasoning.strip():
        return "S-EMPTY" if (reply.completion_tokens or 0) > 1 else None
    return "S?-REASON-ONLY" if INTENT.search(reply.reasoning[-REASON_TAIL:]) else None


def answer_without_call(text: str, unchanged: bool) -> str:
    """The code of a run that ended in plain words and never called a tool.

    Args:
        text: the answer.
        unchanged: whether the workspace is as it was, so that a claim of work done is false.
    """
    text = searched_text(text)
    if REFUSAL.search(text):
        return "M-REFUSE"
    if unchanged and CLAIM.search(text):
        return "M-CLAIM"
    if INTENT.search(text):
        return "M-PLAN"
    if "```" in text:
        return "M-CODE"
    return "M-ASK" if text.rstrip().endswith("?") else "M-NOCALL"


def call_fault(call: ToolCall, offered: Mapping[str, Mapping[str, Any]]) -> str | None:
    """`M-MALFORMED` or `M-BADARGS` for a call that no harness could carry out; None for a usable one."""
    fault = fault_of_call(call.name, call.arguments, offered)
    if fault is None or not fault.unusable:
        return None
    return "M-MALFORMED" if fault is CallFault.NOT_JSON else "M-BADARGS"
