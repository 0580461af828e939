"""Parsers of calls of SGLang that were broken (issues of sgl-project/sglang, looked at in November 2026)."""

from onbox.engines.base import Trouble
from onbox.engines.parser_faults import UNKNOWN, ParserFault

_STREAMED = frozenset({Trouble.STREAM, Trouble.ARGUMENTS})

FAULTS = (
    ParserFault(
        ("hermes", "qwen", "qwen25", "trinity", "llama3", "gigachat3", "glm", "glm45", "step3"), _STREAMED,
        "arguments are dropped where one piece of a stream holds more than one call, as under speculation",
        UNKNOWN, UNKNOWN, "#37634, closed; #31915, open", "--stream-interval",
        "--stream-interval 1, and no speculation",
    ),
    ParserFault(
        ("glm", "glm45", "glm47", "minimax-m2", "mistral", "step3"), _STREAMED,
        "streamed calls with empty or simple arguments are lost, wrongly numbered or of another type",
        UNKNOWN, UNKNOWN, "#35564, open, where cohere_command4 and gemma4 were found to be sound",
    ),
)  # fmt: skip
