"""Parsers of calls of vLLM that were broken: issues and changes of vllm-project/vllm, looked at in November 2026."""

from onbox.engines.base import Trouble
from onbox.engines.parser_faults import UNKNOWN, ParserFault

_STREAMED = frozenset({Trouble.STREAM, Trouble.ARGUMENTS})

FAULTS = (
    ParserFault(
        (), _STREAMED, "above 1 the arguments of streamed calls come empty or without their end",
        "0.14.0", UNKNOWN, "#31501, open", "--stream-interval", "--stream-interval 1",
    ),
    ParserFault(
        ("qwen3_coder", "qwen3_xml", "mimo"), _STREAMED,
        "with n-gram speculation arguments come empty or folded into their keys; these names are one parser",
        "0.28.0", UNKNOWN, "#56077, open", "--speculative-config", "no --speculative-config",
    ),
    ParserFault(
        ("qwen3_coder",), _STREAMED, "with speculation parameters are dropped from streamed calls",
        UNKNOWN, UNKNOWN, "#35421, #35615, merged in 2026-03", "--speculative-config", "no --speculative-config",
    ),
    ParserFault(
        ("hermes",), _STREAMED, "the last brace is dropped where one chunk holds several tokens, as under speculation",
        UNKNOWN, UNKNOWN, "#32152", "--speculative-config", "no --speculative-config",
    ),
    ParserFault(
        ("hermes",), _STREAMED, "arguments of streamed calls are null or doubled",
        "0.6.3", UNKNOWN, "#9693, #10395, merged in 2024-11 by #10398", "", "a release made after that merge",
    ),
    ParserFault(
        ("hermes",), frozenset({Trouble.STREAM}), "a call of a tool without parameters comes without arguments",
        UNKNOWN, UNKNOWN, "#28806, open",
    ),
    ParserFault(
        ("glm45", "glm47"), _STREAMED, "arguments come broken or are lost where one chunk holds several tokens",
        UNKNOWN, UNKNOWN, "#34449, merged in 2026-04 by #39253", "--speculative-config", "no --speculative-config",
    ),
    ParserFault(
        ("internlm", "jamba"), _STREAMED, "streamed arguments are cut off before their last quote",
        UNKNOWN, UNKNOWN, "#50461, #48347, open",
    ),
    ParserFault(
        ("step3",), _STREAMED, "arguments are empty unless each token has a chunk of its own",
        UNKNOWN, UNKNOWN, "#55082, open", "--stream-interval", "--stream-interval 1",
    ),
    ParserFault(
        ("xlam", "hunyuan_a13b"), _STREAMED, "all calls after one without arguments lose theirs",
        UNKNOWN, UNKNOWN, "#47901, open",
    ),
    ParserFault(
        ("qwen3_xml", "qwen3_coder"), frozenset({Trouble.ARGUMENTS, Trouble.STREAM}),
        "a streamed value that is no text is cut off when the answer ends", UNKNOWN, UNKNOWN, "#48702, #53739, open",
    ),
)  # fmt: skip
