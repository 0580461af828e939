"""Parsers of calls of vLLM that were broken: issues and changes of vllm-project/vllm, looked at in November 2026.

What was tried ran in the parsers of vLLM 0.32.0 themselves, with text in pieces of several sizes
(`tests/vllm/test_parser_faults.py`).
"""

from onbox.engines.base import Trouble
from onbox.engines.parser_faults import UNKNOWN, ParserFault

_STREAMED = frozenset({Trouble.STREAM, Trouble.ARGUMENTS})

FAULTS = (
    ParserFault(
        (), _STREAMED, "above 1 the arguments of streamed calls come empty or without their end",
        "0.14.0", UNKNOWN, "#31501, open; #31778, closed without a merge", "--stream-interval", "--stream-interval 1",
    ),
    ParserFault(
        ("qwen3_coder", "qwen3_xml", "mimo"), _STREAMED,
        "with n-gram speculation arguments come empty or folded into their keys; these names are one parser",
        "0.28.0", UNKNOWN, "#56077, open", "--speculative-config", "no --speculative-config",
    ),
    ParserFault(
        ("qwen3_coder",), _STREAMED, "with speculation parameters are dropped from streamed calls",
        UNKNOWN, "0.32.0", "#35421; #35615, merged in 2026-03; tried in 0.32.0",
        "--speculative-config", "no --speculative-config",
    ),
    ParserFault(
        ("hermes",), _STREAMED, "the last brace is dropped where one chunk holds several tokens, as under speculation",
        UNKNOWN, "0.32.0", "#32152, open; tried in 0.32.0",
        "--speculative-config", "no --speculative-config",
    ),
    ParserFault(
        ("hermes",), _STREAMED, "arguments of streamed calls are null or doubled",
        "0.6.3", "0.32.0", "#9693, #10395, merged in 2024-11 by #10398; tried in 0.32.0", "",
        "a release made after that merge",
    ),
    ParserFault(
        ("hermes",), frozenset({Trouble.STREAM}), "a call of a tool without parameters comes without arguments",
        UNKNOWN, "0.32.0", "#28806, open; tried in 0.32.0",
    ),
    ParserFault(
        ("glm45", "glm47"), _STREAMED, "arguments come broken or are lost where one chunk holds several tokens",
        "0.18.2", "0.22.1", "#34449, merged in 2026-04 by #39253; both by the source in the docs of these versions",
        "--speculative-config", "no --speculative-config",
    ),
    ParserFault(
        ("internlm",), _STREAMED, "streamed arguments are cut off before their last quote",
        UNKNOWN, UNKNOWN, "#50461, #48347, open; #48852, merged in 2026-07, mends another loss of it",
    ),
    ParserFault(
        ("jamba",), _STREAMED, "streamed arguments are cut off before their last quote",
        "0.32.0", UNKNOWN, "#50461, #48347, open; tried in 0.32.0",
    ),
    ParserFault(
        ("step3",), _STREAMED, "arguments are empty unless each token has a chunk of its own",
        "0.32.0", UNKNOWN, "#55082, open; tried in 0.32.0", "--stream-interval", "--stream-interval 1",
    ),
    ParserFault(
        ("xlam", "hunyuan_a13b"), _STREAMED, "all calls after one without arguments lose theirs",
        "0.32.0", UNKNOWN, "#47901, open; tried in 0.32.0",
    ),
    ParserFault(
        ("qwen3_xml", "qwen3_coder"), frozenset({Trouble.ARGUMENTS, Trouble.STREAM}),
        "a streamed value that is no text is left out, and the arguments stay open, when the answer ends within it",
        "0.32.0", UNKNOWN, "#48702, #53739, open; tried in 0.32.0",
    ),
    ParserFault(
        ("qwen3_xml", "qwen3_coder"), frozenset({Trouble.ARGUMENTS, Trouble.STREAM}),
        "streamed arguments are not closed where the model leaves out the end of the last parameter",
        "0.29.0", UNKNOWN, "#57699, open; tried in 0.32.0",
    ),
)  # fmt: skip
