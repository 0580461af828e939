"""Calls as model families write them in plain text, after their chat templates and the parsers that servers have."""

import time

import pytest

from onbox.preflight.calls import TOOLS
from onbox.protocol.call_arguments import CallFault, fault_of_call
from onbox.protocol.leaked_calls import LOOKED_AT_MAX, calls_in, complete_call, leaked
from onbox.protocol.tool_schemas import offered_tools

OFFERED = offered_tools({"tools": TOOLS})
JSON_CALL = '{"name": "read_file", "arguments": {"path": "notes.txt"}}'

FORMS = {
    "Hermes, Qwen3, ERNIE 4.5": f"<tool_call>\n{JSON_CALL}\n</tool_call>",
    "Qwen3-Coder, MiMo, Nemotron 3": "<tool_call>\n<function=read_file>\n<parameter=path>\nnotes.txt\n</parameter>\n"
    "</function>\n</tool_call>",
    "GLM 4.5": "<tool_call>read_file\n<arg_key>path</arg_key>\n<arg_value>notes.txt</arg_value>\n</tool_call>",
    "Hunyuan 3": "<tool_calls>\n<tool_call>read_file<tool_sep>\n<arg_key>path</arg_key>\n"
    "<arg_value>notes.txt</arg_value>\n</tool_call>\n</tool_calls>",
    "Hunyuan 4": "<tool_calls:6124c78e><tool_call:6124c78e>read_file<arg_key:6124c78e>path</arg_key:6124c78e>"
    "<arg_value:6124c78e>notes.txt</arg_value:6124c78e></tool_call:6124c78e></tool_calls:6124c78e>",
    "K2 Horizon": "<ifm|tool_calls><ifm|tool_call>read_file<ifm|arg_key>path</ifm|arg_key><ifm|arg_type>string"
    "</ifm|arg_type><ifm|arg_value>notes.txt</ifm|arg_value></ifm|tool_call></ifm|tool_calls>",
    "LongCat": f"<longcat_tool_call>{JSON_CALL}</longcat_tool_call>",
    "MiniMax M2": '<minimax:tool_call>\n<invoke name="read_file">\n<parameter name="path">notes.txt</parameter>\n'
    "</invoke>\n</minimax:tool_call>",
    "MiniMax M3": ']<]minimax[>[<tool_call>\n]<]minimax[>[<invoke name="read_file">\n]<]minimax[>[<path>notes.txt'
    "]<]minimax[>[</path>\n]<]minimax[>[</invoke>\n]<]minimax[>[</tool_call>",
    "MiniMax M1, Jamba": f"<tool_calls>\n[{JSON_CALL}]\n</tool_calls>",
    "DeepSeek V3": "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>read_file\n```json\n"
    '{"path": "notes.txt"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
    "DeepSeek V3.1": '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>read_file<｜tool▁sep｜>{"path": "notes.txt"}'
    "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    "DeepSeek V3.2": '<｜DSML｜function_calls>\n<｜DSML｜invoke name="read_file">\n'
    '<｜DSML｜parameter name="path" string="true">notes.txt</｜DSML｜parameter>\n</｜DSML｜invoke>\n'
    "</｜DSML｜function_calls>",
    "DeepSeek V4": '<｜DSML｜tool_calls>\n<｜DSML｜invoke name="read_file">\n'
    '<｜DSML｜parameter name="path" string="true">notes.txt</｜DSML｜parameter>\n</｜DSML｜invoke>\n'
    "</｜DSML｜tool_calls>",
    "DeepSeek V4.1": '<｜DSML｜ calls>\n<｜DSML｜ invoke name="read_file">\n'
    '<｜DSML｜ parameter name="path" string="true">notes.txt</｜DSML｜ parameter>\n</｜DSML｜ invoke>\n'
    "</｜DSML｜ calls>",
    "Kimi K2": "<|tool_calls_section_begin|><|tool_call_begin|>functions.read_file:0<|tool_call_argument_begin|>"
    '{"path": "notes.txt"}<|tool_call_end|><|tool_calls_section_end|>',
    "Kimi K3": '<|open|>tools<|sep|><|open|>call tool="read_file" index="1"<|sep|><|open|>argument key="path" '
    'type="string"<|sep|>notes.txt<|close|>argument<|sep|><|close|>call<|sep|><|close|>tools<|sep|>',
    "Step 3": '<｜tool_calls_begin｜><｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="read_file">'
    '<steptml:parameter name="path">notes.txt</steptml:parameter></steptml:invoke><｜tool_call_end｜>',
    "Seed-OSS": "<seed:tool_call>\n<function=read_file>\n<parameter=path>notes.txt</parameter>\n</function>\n"
    "</seed:tool_call>",
    "Muse": '<|start|>assistant to=read_file<|message|><atem:function_calls>\n<atem:invoke name="read_file">\n'
    '<atem:parameter name="path">notes.txt</atem:parameter>\n</atem:invoke>\n</atem:function_calls><|eom|>',
    "dots": '<dots_function_call>\n<invoke name="read_file">\n<parameter name="path">notes.txt</parameter>\n</invoke>\n'
    "</dots_function_call>",
    "MiniCPM 5": '<function name="read_file"><param name="path">notes.txt</param></function>',
    "Llama 3.1": '<function=read_file>{"path": "notes.txt"}</function>',
    "Llama 3.2": '{"name": "read_file", "parameters": {"path": "notes.txt"}}',
    "Llama 4": '<|python_start|>[read_file(path="notes.txt")]<|python_end|>',
    "Llama 4, bare": "[read_file(path='notes.txt')]",
    "LFM2": '<|tool_call_start|>[read_file(path="notes.txt")]<|tool_call_end|>I read it.',
    "OLMo 3": '<function_calls>\nread_file(path="notes.txt")\n</function_calls>',
    "Mistral, before version 11": f"[TOOL_CALLS] [{JSON_CALL}]",
    "Mistral": '[TOOL_CALLS]read_file[ARGS]{"path": "notes.txt"}',
    "Gemma 4": '<|tool_call>call:read_file{path:<|"|>notes.txt<|"|>}<tool_call|>',
    "FunctionGemma": "<start_function_call>call:read_file{path:<escape>notes.txt<escape>}<end_function_call>",
    "Command A": '<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "read_file", "parameters": '
    '{"path": "notes.txt"}}]<|END_ACTION|>',
    "Granite 3": f"<|tool_call|>[{JSON_CALL}]",
    "Granite 20B": f"<function_call> {JSON_CALL}",
    "Phi-4-mini": f"functools[{JSON_CALL}]",
    "Nemotron": f"<TOOLCALL>[{JSON_CALL}]</TOOLCALL>",
    "Apertus": '<|tools_prefix|>[{"read_file": {"path": "notes.txt"}}]<|tools_suffix|>',
    "InternLM": '<|action_start|><|plugin|>{"name": "read_file", "parameters": {"path": "notes.txt"}}<|action_end|>',
    "Inkling": '<|message_model|><|content_invoke_tool_json|>{"name":"read_file","args":{"path":"notes.txt"}}'
    "<|end_message|>",
    "PLaMo 3": "<|plamo:begin_tool_requests:plamo|><|plamo:begin_tool_request:plamo|><|plamo:begin_tool_name:plamo|>"
    "read_file<|plamo:end_tool_name:plamo|><|plamo:begin_tool_arguments:plamo|><|plamo:constrain|>json<|plamo:msg|>"
    '{"path": "notes.txt"}<|plamo:end_tool_arguments:plamo|>',
    "GigaChat 3": f"function call<|role_sep|>\n{JSON_CALL}",
    "gpt-oss": "<|start|>assistant<|channel|>commentary to=functions.read_file <|constrain|>json<|message|>"
    '{"path": "notes.txt"}<|call|>',
}


@pytest.mark.parametrize("family", FORMS)
def test_a_family_s_own_form_is_a_call(family: str) -> None:
    text = f"I will read it.\n\n{FORMS[family]}"
    assert leaked(text, OFFERED)
    assert complete_call(text, OFFERED) == "read_file"
    calls = calls_in(text, OFFERED)
    assert {call.name for call in calls} == {"read_file"}
    assert dict(calls[0].arguments) == {"path": "notes.txt"}
    assert fault_of_call("read_file", calls[0].arguments, OFFERED) is None


@pytest.mark.parametrize("family", FORMS)
def test_a_form_that_is_cut_off_is_no_whole_call(family: str) -> None:
    cut = FORMS[family].partition("notes.")[0]
    whole = [call for call in calls_in(cut, OFFERED) if fault_of_call(call.name, call.arguments, OFFERED) is None]
    assert not whole


@pytest.mark.parametrize(
    ("written", "given"),
    [
        ("[write_file(path='it\\'s.txt', content=\"a \\\"b\\\" (c) d=e\")]",
         {"path": "it's.txt", "content": 'a "b" (c) d=e'}),
        ("[list_files(), write_file(path='a', content='say \"no\"')]", {"path": "a", "content": 'say "no"'}),
        ("[write_file(path=None, content=[1, 2, {'a': True}])]", {"path": None, "content": [1, 2, {"a": True}]}),
    ],
)  # fmt: skip
def test_arguments_in_the_form_of_python(written: str, given: dict[str, object]) -> None:
    (call,) = [call for call in calls_in(written, OFFERED) if call.name == "write_file"]
    assert dict(call.arguments) == given


@pytest.mark.parametrize(
    "text",
    [
        "Call read_file(path) first, then [see the list](notes.txt).",
        "In Python: `x = [read_file(p) for p in paths]`.",
        "[read_file(path) for path in paths]",
        "The list is [a, b, c].\n\n[link](https://example.org/read_file(1))",
        "[other_tool(path='a')]",
        "I read_file()'d it.",
    ],
)
def test_prose_and_code_are_no_calls(text: str) -> None:
    assert not leaked(text, OFFERED)
    assert complete_call(text, OFFERED) is None


def test_a_call_that_misses_an_argument_is_broken_not_absent() -> None:
    (call,) = calls_in('<｜DSML｜invoke name="read_file">\n</｜DSML｜invoke>', OFFERED)
    assert fault_of_call(call.name, call.arguments, OFFERED) is CallFault.MISSING


@pytest.mark.parametrize("family", FORMS)
def test_a_call_after_empty_lines_is_read(family: str) -> None:
    for lines in ("\n" * 1000, " \t\r\n" * 1000, "  \n[\n" * 1000):
        calls = calls_in(lines + FORMS[family], OFFERED)
        assert {(call.name, call.arguments["path"]) for call in calls} == {("read_file", "notes.txt")}


@pytest.mark.parametrize(
    ("written", "given"),
    [
        ("<function=read_file><b><path>a</path></function>", {"path": "a"}),
        ("<function=read_file><path><b>a</b></path></b></function>", {"path": "<b>a</b>"}),
        ("<function=read_file><parameter=path>a<parameter=b></parameter></function>", {"path": "a<parameter=b>"}),
        ("<function=read_file><parameter=path>a</parameter><parameter=b></function>", {"path": "a"}),
        ("<tool_call>read_file<arg_key>path</arg_key><arg_value>a</arg_value><arg_key>b</arg_key></tool_call>",
         {"path": "a"}),
        ('<|tool_call>call:read_file{path:"a\\"b"} "', {"path": 'a"b'}),
        ("[read_file(path='a\\\\')]", {"path": "a\\"}),
        ('to=read_file {"path": "a"} {"b', {"path": "a"}),
    ],
)  # fmt: skip
def test_arguments_beside_what_has_no_end(written: str, given: dict[str, object]) -> None:
    (call,) = calls_in(written, OFFERED)
    assert dict(call.arguments) == given


def test_unfinished_calls_before_one_end_are_not_all_read_to_that_end() -> None:
    pieces = 100_000 // len("<tool_call>read_file<arg_key>path</arg_key>")
    calls = calls_in("<tool_call>read_file<arg_key>path</arg_key>" * pieces + "</tool_call>", OFFERED)
    assert 0 < len(calls) < 10


@pytest.mark.parametrize(
    "opening",
    [
        "<|tool_call>call:read_file{path:",
        "<start_function_call>call:read_file{path:<escape>",
        "\n[read_file(path=1,",
        "\n[read_file(path='",
        "<function_calls>read_file(path=1,",
        '<|open|>call tool="read_file"<|sep|><|open|>argument key="path"<|sep|>',
        "<function=read_file><parameter=path>",
        "<tool_call>read_file<arg_key>path</arg_key>",
        "[TOOL_CALLS]read_file ",
        "\n",
        "  \n",
        "\t\n",
        "\r\n",
        "[\n",
        "[",
        "{",
        '{"',
        '{"\n',
        '{"a":',
        "[{",
        "to=a call:{",
        "'",
        '"',
        "\\",
    ],
)
def test_calls_that_are_begun_without_end_are_read_in_proportion(opening: str) -> None:
    """Each scanned the text to its end: a hundred thousand characters took up to half a minute."""
    _assert_reading_in_proportion("", opening, "", [])


@pytest.mark.parametrize(
    ("beginning", "piece", "end", "given"),
    [
        ("<function=read_file>", "<path>", "</function>", [{}]),
        ("<function=read_file>", "<parameter=path>", "</function>", [{}]),
        ('<|tool_call>call:read_file{"', '\\"', "", []),
        ('\n[read_file(path="', '\\"', "", []),
        ("\n[read_file(path='", "\\'", "", []),
        ("\n[read_file(", "a", ")]", []),
        ("<tool_call>read_file", "<arg_key>", "</tool_call>", [{}]),
        ("<tool_call>read_file", "<arg_key>path</arg_key>", "</tool_call>", [{}]),
        ('{"a":' * 900 + "[", "1,", "", []),
    ],
)
def test_what_has_no_end_inside_of_a_call_is_read_in_proportion(
    beginning: str, piece: str, end: str, given: list[dict[str, object]]
) -> None:
    _assert_reading_in_proportion(beginning, piece, end, given)


def _assert_reading_in_proportion(beginning: str, piece: str, end: str, given: list[dict[str, object]]) -> None:
    """Up to all that is searched: eight times as many pieces take no sixty-four times as long."""
    pieces = (2 * LOOKED_AT_MAX - len(beginning) - len(end)) // len(piece)
    seconds = []
    for count in (pieces // 8, pieces):
        text = beginning + piece * count + end
        began = time.process_time()
        assert [dict(call.arguments) for call in calls_in(text, OFFERED)] == given
        leaked(text, OFFERED)
        complete_call(text, OFFERED)
        seconds.append(time.process_time() - began)
    assert seconds[1] < 20 * seconds[0] + 1.0
