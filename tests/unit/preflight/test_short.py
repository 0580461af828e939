"""The two questions before a measurement: does it make sense, does it call a tool."""

import json

import pytest

from onbox import preflight
from onbox.bench.tools import DEFINITIONS
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from tests.doubles.server import ReceivedRequest, Wire, serving
from tests.exchanges import call_delta, delta
from tests.unit.preflight.servers import reply


def ask(*replies: bytes, status: int = 200, requests: int = 2) -> dict[str, tuple[str, str]]:
    """(status, detail) by case, of a server that gives these replies in turn."""
    turns = iter(replies)

    def script(request: ReceivedRequest, wire: Wire) -> None:
        if status == 200:
            wire.stream([next(turns, b"")])
        else:
            wire.whole(status, next(turns, b""))

    with serving(script) as server, StampedClient(Endpoint.parse(server.url)) as client:
        found, exchanges = preflight.short(client, "m", list(DEFINITIONS), "own.jinja")
    assert [exchange.purpose for exchange in exchanges] == ["preflight"] * requests
    assert found.tools == (found.cases[1].status == "pass")
    assert "tools" not in server.requests[0].json()
    if requests == 1:
        return {case.name: (case.status, case.detail) for case in found.cases}
    assert [tool["function"]["name"] for tool in server.requests[1].json()["tools"]] == [
        tool["function"]["name"] for tool in DEFINITIONS
    ]
    return {case.name: (case.status, case.detail) for case in found.cases}


class TestShort:
    PARIS = reply(delta(content="Par"), delta(content="is."))

    def test_a_server_that_can(self) -> None:
        cases = ask(self.PARIS, reply(call_delta("bash", {"command": "ls"})))
        assert cases == {
            "coherence": ("pass", "asked for the capital of France, it answered: Paris."),
            "tool_call": ("pass", 'bash {"command": "ls"}'),
        }

    def test_nonsense_is_quoted(self) -> None:
        cases = ask(reply(delta(content="aaaa " * 100)), requests=1)
        status, detail = cases["coherence"]
        assert status == "fail"
        assert detail.startswith("its replies are nonsense: ")
        assert detail.endswith("...")
        assert len(detail) < 250
        assert cases["tool_call"][0] == "unknown"

    def test_an_empty_answer_is_no_nonsense(self) -> None:
        cases = ask(reply(), reply(call_delta("bash", {"command": "ls"})))
        assert cases["coherence"] == ("fail", "asked for the capital of France, it gave an empty answer")
        assert cases["tool_call"][0] == "pass"

    def test_the_answer_may_be_in_the_reasoning(self) -> None:
        assert ask(reply(delta(reasoning="It is Paris")), reply())["coherence"][0] == "pass"

    def test_a_call_that_leaked_into_the_text_names_the_template(self) -> None:
        status, detail = ask(self.PARIS, reply(delta(content='<tool_call>{"name": "bash"}</tool_call>')))["tool_call"]
        assert status == "fail"
        assert "no tool call came back, but text: <tool_call>" in detail
        assert "own.jinja" in detail

    def test_a_tool_that_was_not_offered_is_a_warning(self) -> None:
        status, detail = ask(self.PARIS, reply(call_delta("shell", "{}")))["tool_call"]
        assert (status, detail) == ("warn", "it called 'shell', which was not offered")

    @pytest.mark.parametrize("arguments", ['{"command": ', '"ls"', "{}", "", '{"path": "a"}', '{"command": 7}', "[]"])
    def test_broken_arguments_are_a_failure(self, arguments: str) -> None:
        status, detail = ask(self.PARIS, reply(call_delta("bash", arguments)), requests=3)["tool_call"]
        assert status == "fail"
        assert detail.startswith("calls arrive, but their arguments are broken: bash: ")

    def test_an_error_status_is_quoted(self) -> None:
        body = json.dumps({"error": "no tools here"}).encode()
        cases = ask(body, body, status=400)
        assert {status for status, _ in cases.values()} == {"fail"}
        assert "status 400" in cases["tool_call"][1]
        assert "no tools here" in cases["tool_call"][1]
