"""Each agent that onbox knows, for real: it does a task behind the proxy, without network, and leaves only its work."""

import time

import psutil
import pytest

from onbox.bench.agents import agent_of
from onbox.errors import BoxError
from onbox.evidence.records import AgentCommand, AgentPlan
from tests.agents.runs import Run, Scene, plan
from tests.parts import FIRST_AGENTS, MORE_AGENTS, each_agent

APIS = {"codex": "/v1/responses", "claude-code": "/v1/messages?beta=true"}
CURL = """
import json, os, sys, urllib.request
url, model, task = sys.argv[1:]
tool = {"type": "function", "function": {"name": "bash", "parameters": {"properties": {"command": {}}}}}
body = {"model": model, "messages": [{"role": "user", "content": task}], "tools": [tool], "api_key": "sk-secret"}
headers = {"Content-Type": "application/json", "Authorization": "Bearer sk-another-secret"}
request = urllib.request.Request(url + "/chat/completions", json.dumps(body).encode(), headers)
reply = json.load(urllib.request.urlopen(request))
call = reply["choices"][0]["message"]["tool_calls"][0]
os.system(json.loads(call["function"]["arguments"])["command"])
open(os.path.expanduser("~/notes"), "w").write("mine")
"""


@pytest.mark.bwrap
@pytest.mark.slow
@pytest.mark.parametrize("name", each_agent())
def test_does_a_task(stage: Scene, name: str) -> None:
    run = stage.run(plan(name), "good")
    assert run.result.code == "PASS", (run.result, (run.folder / "agent.log").read_text())
    assert (run.record.agent.stop, run.record.agent.reply) == ("answered", "It is done.")
    # Nothing but the work is left in the workspace: homes, sessions and caches are elsewhere.
    assert run.record.changes.files == 1
    turns = run.of("agent")
    assert {exchange.path for exchange in turns} == {APIS.get(name, "/v1/chat/completions")}
    assert run.record.agent.turns == len(turns) >= 2
    assert run.result.tool_calls >= 1
    assert all(exchange.request["tools"] for exchange in turns)
    assert min(run.result.prompt_tokens, run.result.completion_tokens) > 0
    version = agent_of(plan(name)).version()
    assert version[0].isdigit(), version


@pytest.mark.agents
@pytest.mark.bwrap
def test_the_title_of_opencode_is_distinguished(stage: Scene) -> None:
    run = stage.run(plan("opencode"), "lazy")
    (title,) = run.of("side")
    assert "tools" not in title.request
    assert "title" in title.request["messages"][0]["content"]
    assert run.result.turns == len(run.of("agent")) == 1


@pytest.mark.bwrap
class TestTemplate:
    """A command line of the user's own needs nothing but what it names."""

    def run(self, stage: Scene, *argv: str, **limits: float) -> Run:
        agent = plan("mine", **limits).model_copy(update={"command": AgentCommand(argv=argv)})
        return stage.run(agent, "good")

    def test_does_a_task_and_keeps_its_secrets(self, stage: Scene) -> None:
        run = self.run(stage, "sh", "-c", 'exec python3 -c "$0" "$@"', CURL, "{url}", "{model}", "{prompt}")
        assert run.result.code == "PASS", (run.folder / "agent.log").read_text()
        wire = (run.folder / "wire.jsonl").read_text()
        assert "secret" not in wire
        assert run.exchanges[0].request["api_key"] == "[redacted]"

    def test_an_agent_that_asks_nothing_is_no_failure_of_the_model(self, stage: Scene) -> None:
        run = self.run(stage, "true", "{prompt}")
        assert (run.result.code, run.exchanges) == ("I-AGENT", [])

    def test_an_agent_that_breaks(self, stage: Scene) -> None:
        run = self.run(stage, "sh", "-c", "echo no such flag; exit 3", "{prompt}")
        assert (run.record.agent.stop, run.record.agent.detail) == ("crash", "exit code 3: no such flag")

    def test_its_time_is_over_and_nothing_of_it_lives(self, stage: Scene) -> None:
        mark = f"87.{time.monotonic_ns()}"
        run = self.run(stage, "sh", "-c", f"setsid sleep {mark} & sleep 60", "{prompt}", wall_s=1.0)
        assert run.record.agent.stop == "time_limit"
        assert not [process for process in psutil.process_iter(["cmdline"]) if mark in (process.info["cmdline"] or [])]

    @pytest.mark.parametrize(("limits", "stop"), [({"turns": 3}, "turn_limit"), ({"output_tokens": 30}, "token_limit")])
    def test_the_proxy_ends_a_run_that_has_asked_enough(
        self, stage: Scene, limits: dict[str, float], stop: str
    ) -> None:
        body = '{"model": "scripted-words", "messages": [], "tools": [{"name": "x", "input_schema": {"a": 1}}]}'
        ask = f"curl -s $0/chat/completions -d '{body}' -o /dev/null -w '%{{http_code}} '"
        run = self.run(stage, "sh", "-c", f"while :; do {ask}; done", "{url}", "{prompt}", **limits)
        assert run.record.agent.stop == stop
        assert run.record.agent.turns == len(run.exchanges)
        assert run.result.outcome == "failed"

    def test_nothing_but_the_proxy_is_within_reach(self, stage: Scene) -> None:
        port = stage.proxy.upstream.port
        script = f"curl -s -m 2 http://127.0.0.1:{port}/health; echo code $?; curl -s -m 5 $0/models; cat /proc/net/dev"
        run = self.run(stage, "sh", "-c", script, "{url}", "{prompt}")
        output = (run.folder / "agent.log").read_text()
        assert "code 7" in output
        assert "scripted-good" in output
        assert [line.split(":")[0].strip() for line in output.splitlines() if ":" in line and "{" not in line] == ["lo"]


def test_an_agent_that_is_not_installed_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    for name in (*FIRST_AGENTS, *MORE_AGENTS):
        with pytest.raises(BoxError) as caught:
            agent_of(AgentPlan(name=name, version="")).version()
        assert "install" in caught.value.next_step
