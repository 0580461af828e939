"""The parsers of the installed vLLM on streams that were reported as broken: what is said of them is what they do."""

import json
import subprocess
from itertools import product

import pytest

from onbox.engines.parser_faults import UNKNOWN
from onbox.engines.vllm.parser_faults import FAULTS
from tests.parts import VLLM_PYTHON

pytestmark = [pytest.mark.vllm, pytest.mark.slow, pytest.mark.timeout(420)]

WITH_VALUE = '{"name": "f", "arguments": {"id": 42}}'
TWO = '[{"name": "now", "arguments": {}}, {"name": "f", "arguments": {"path": "a b"}}]'
STEP3 = (
    "<｜tool_calls_begin｜><｜tool_call_begin｜>function<｜tool_sep｜>"
    '<steptml:invoke name="f"><steptml:parameter name="path">a b</steptml:parameter></steptml:invoke>'
    "<｜tool_call_end｜><｜tool_calls_end｜>"
)
XML = (
    "<tool_call>\n<function=f>\n<parameter=path>\na.txt\n</parameter>\n<parameter=id>\n42\n</parameter>\n"
    "</function>\n</tool_call>"
)
OPEN = "<tool_call>\n<function=f>\n<parameter=path>\na.txt\n</function>\n</tool_call>"
CUT = "<tool_call>\n<function=f>\n<parameter=path>\na.txt\n</parameter>\n<parameter=id>\n42"
TEXTS = {
    "hermes": (f"<tool_call>\n{WITH_VALUE}\n</tool_call>", [{"id": 42}]),
    "hermes, no parameters": ('<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>', [{}]),
    "qwen3_coder": (XML, [{"path": "a.txt", "id": 42}]),
    "qwen3_coder, a parameter that is not closed": (OPEN, [{"path": "a.txt"}]),
    "qwen3_xml, a parameter that is not closed": (OPEN, [{"path": "a.txt"}]),
    "qwen3_coder, cut off": (CUT, [{"path": "a.txt", "id": 42}]),
    "qwen3_xml, cut off": (CUT, [{"path": "a.txt", "id": 42}]),
    "xlam": (TWO, [{}, {"path": "a b"}]),
    "hunyuan_a13b": (f"<tool_calls>{TWO}</tool_calls>", [{}, {"path": "a b"}]),
    "jamba": (
        '<tool_calls>[\n {"name": "f", "arguments": {"path": "a b", "content": "c d"}}\n]</tool_calls>',
        [{"path": "a b", "content": "c d"}],
    ),
    "step3": (STEP3, [{"path": "a b"}]),
}
"""What a model wrote, by parser, and the arguments of its calls."""
SIZES = (1, 4, 9, 1000)
"""Characters of a piece of the stream."""
BROKEN = {"xlam", "hunyuan_a13b", "jamba", "step3"} | {
    name for name in TEXTS if name.startswith("qwen3") and "," in name
}
"""For some size of the pieces, in 0.32.0."""

PROGRAM = r"""
import json, sys
from vllm import __version__
from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.tool_parsers import ToolParserManager

WORDS = ["<tool_call>", "</tool_call>", "<tool_calls>", "</tool_calls>", "<think>", "</think>"]

class Tokenizer:
    all_special_ids, all_special_tokens, added_tokens_encoder = [], [], {}
    def get_vocab(self):
        return {word: 1000 + number for number, word in enumerate(WORDS)}
    def encode(self, text, **more):
        return [self.get_vocab().get(text, 9)]
    def decode(self, ids, **more):
        return ""
    def convert_tokens_to_ids(self, word):
        return self.get_vocab().get(word)

kinds = {"id": "integer", "path": "string", "content": "string"}
schemas = {"f": {name: {"type": kind} for name, kind in kinds.items()}, "now": {}}
tools = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": schema}}}
    for name, schema in schemas.items()
]
request = ChatCompletionRequest(model="m", messages=[{"role": "user", "content": "x"}], tools=tools)
found = []
for name, text, size in json.load(sys.stdin):
    parser = ToolParserManager.get_tool_parser(name)(Tokenizer(), request.tools)
    said, before, ids = {}, "", []
    for begin in range(0, len(text), size):
        piece = text[begin : begin + size]
        given = Tokenizer().encode(piece)
        delta = parser.extract_tool_calls_streaming(
            before, before + piece, piece, ids, ids + given, given, request
        )
        before, ids = before + piece, ids + given
        for call in (delta.tool_calls if delta else None) or []:
            said[call.index] = said.get(call.index, "") + ((call.function and call.function.arguments) or "")
    found.append([said[index] for index in sorted(said)])
print("FOUND", json.dumps([__version__, found]))
"""


def arguments(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def test_what_is_reported_of_a_parser_is_what_it_does() -> None:
    requests = [(name, size) for name, size in product(TEXTS, SIZES)]
    request = json.dumps([(name.partition(",")[0], TEXTS[name][0], size) for name, size in requests])
    done = subprocess.run(
        [VLLM_PYTHON, "-c", PROGRAM], input=request, capture_output=True, text=True, timeout=400, check=False
    )
    line = next((line for line in done.stdout.splitlines() if line.startswith("FOUND ")), done.stderr[-2000:])
    version, found = json.loads(line.removeprefix("FOUND "))
    if version.partition("+")[0] != "0.32.0":
        pytest.skip(f"what is said was tried in 0.32.0, and {version} is installed")
    broken = {
        name for (name, _), calls in zip(requests, found, strict=True) if [*map(arguments, calls)] != TEXTS[name][1]
    }
    assert broken == BROKEN
    tried = [fault for fault in FAULTS if "tried in 0.32.0" in fault.source]
    still = {parser for fault in tried if fault.mended_in == UNKNOWN for parser in fault.parsers}
    assert still == {name.partition(",")[0] for name in BROKEN}
    sound = {name.partition(",")[0] for name in TEXTS.keys() - BROKEN}
    assert all(set(fault.parsers) <= sound for fault in tried if fault.mended_in == "0.32.0")
    assert all(fault.mended_in in ("0.32.0", UNKNOWN) for fault in tried)
