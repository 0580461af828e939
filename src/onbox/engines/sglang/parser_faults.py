"""Parsers of calls of SGLang that were broken (issues of sgl-project/sglang, looked at in November 2026).

What was tried ran in the detectors of SGLang 0.5.23 themselves, without its server, with text in pieces of 1, 4, 9 and
1000 characters; SGLang is no part that the tests bring, so no test repeats it.
"""

from onbox.engines.base import Trouble
from onbox.engines.parser_faults import UNKNOWN, ParserFault

_STREAMED = frozenset({Trouble.STREAM, Trouble.ARGUMENTS})

FAULTS = (
    ParserFault(
        ("hermes", "qwen", "qwen25", "trinity", "llama3", "gigachat3", "glm", "glm45", "step3"), _STREAMED,
        "arguments are dropped where one piece of a stream holds more than one call, as under speculation",
        "0.5.23", UNKNOWN, "#37634, closed; #31915, open; all but gigachat3 tried in 0.5.23", "--stream-interval",
        "--stream-interval 1, and no speculation",
    ),
    ParserFault(
        ("minimax-m2", "mistral"), _STREAMED, "streamed calls are lost: minimax-m2 all, mistral those after the first",
        "0.5.23", UNKNOWN, "#35564, #36691, open; tried in 0.5.23",
    ),
    ParserFault(
        ("glm", "glm45"), _STREAMED, "a number that the schema does not name is streamed as a text",
        "0.5.23", UNKNOWN, "#35564, open; tried in 0.5.23",
    ),
    ParserFault(
        ("glm47",), _STREAMED, "a number that the schema does not name is streamed as a text",
        UNKNOWN, "0.5.23", "#35564, open; tried in 0.5.23",
    ),
    ParserFault(
        ("step3",), frozenset({Trouble.ARGUMENTS, Trouble.STREAM}),
        "a call of a tool without parameters is lost in a whole answer, and comes without arguments in a stream",
        "0.5.23", UNKNOWN, "#35564, #34925, open; tried in 0.5.23",
    ),
)  # fmt: skip
