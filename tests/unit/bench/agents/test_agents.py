"""What surrounds the agents of others: requests amended, watched and redacted, programs found, templates read."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from onbox.bench.agents import agent_names, agent_of
from onbox.bench.agents.headless import Command, HeadlessAgent, RunSetup
from onbox.bench.agents.program import find
from onbox.bench.agents.request_overrides import amended, api_of
from onbox.bench.agents.run_watch import FAILURES_IN_A_ROW, AfterTools, RunWatch, without_tools
from onbox.bench.agents.template import read_template
from onbox.errors import BoxError, UsageError
from onbox.evidence.records import AgentPlan, Exchange, Limits
from onbox.wire.redaction import redacted, redacted_path, secrets_of
from onbox.wire.request_policy import RequestRefused
from tests.exchanges import call_reply, plain_reply, text_reply

CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages?beta=true"
SETUP = RunSetup(
    "Do it", "http://127.0.0.1:9/run/x/v1", "http://127.0.0.1:9/run/x", "m", "/home/agent", "/app", Limits()
)


class TestAmended:
    def test_seed_sampling_usage_and_a_limit_are_put_in(self) -> None:
        body = amended("/chat/completions", {"stream": True}, 100, {"temperature": 0.5}, 7)
        assert body == {
            "stream": True,
            "temperature": 0.5,
            "seed": 7,
            "stream_options": {"include_usage": True},
            "max_tokens": 100,
        }

    def test_what_the_agent_says_stays_and_its_limit_is_only_lowered(self) -> None:
        body = {"temperature": 0.1, "seed": 1, "max_completion_tokens": 32_000}
        assert amended("/chat/completions", body, 100, {"temperature": 0.5}, 7) == {
            "temperature": 0.1,
            "seed": 1,
            "max_completion_tokens": 100,
        }
        assert amended("/messages", {"max_tokens": 10}, 100, {}, 7) == {"max_tokens": 10}

    def test_strict_apis_get_only_what_they_know(self) -> None:
        sampling = {"temperature": 0.5, "top_k": 4, "min_p": 0.1}
        assert amended("/responses", {}, 9, sampling, 7) == {"temperature": 0.5, "max_output_tokens": 9}
        assert amended("/messages", {}, 9, sampling, 7) == {"temperature": 0.5, "top_k": 4, "max_tokens": 9}

    def test_which_paths_generate(self) -> None:
        paths = (CHAT, RESPONSES, MESSAGES, "/v1/completions", "/v1/models", "/v1/messages/count_tokens", "/")
        assert [api_of(path) for path in paths] == [
            "/chat/completions",
            "/responses",
            "/messages",
            "/completions",
            None,
            None,
            None,
        ]


def watch(**limits: Any) -> RunWatch:
    return RunWatch(Limits(**limits), {}, 100, without_tools)


TOOLS: dict[str, Any] = {"tools": [{"name": "x"}]}


class TestWatch:
    def test_turns_of_the_task_are_counted_and_seeded_and_others_are_beside_it(self) -> None:
        watched = watch()
        observations = [watched.admit("POST", CHAT, body) for body in (TOOLS, {}, TOOLS)]
        assert [(purpose, body["seed"]) for purpose, body in observations] == [
            ("agent", 100),
            ("side", 100),
            ("agent", 101),
        ]
        assert watched.admit("GET", "/v1/models", None) == ("side", None)
        assert watched.admit("POST", CHAT, "no JSON") == ("side", "no JSON")
        assert watched.turns == 2

    @pytest.mark.parametrize(("limits", "over"), [({"turns": 1}, "turn_limit"), ({"output_tokens": 15}, "token_limit")])
    def test_what_comes_after_a_limit_is_refused(self, limits: dict[str, int], over: str) -> None:
        watched, lines = watch(**limits), list[str]()
        watched.on_over = lambda: lines.append(watched.over)
        watched.admit("POST", CHAT, TOOLS)
        watched.ended(call_reply())
        for _ in range(2):
            with pytest.raises(RequestRefused):
                watched.admit("POST", CHAT, TOOLS)
        assert lines == [over]

    def test_the_last_reply_is_bounded_by_what_is_left(self) -> None:
        watched = watch(output_tokens=40, turn_tokens=30)
        first = watched.admit("POST", CHAT, TOOLS)[1]
        watched.ended(call_reply())
        assert (first["max_tokens"], watched.admit("POST", CHAT, TOOLS)[1]["max_tokens"]) == (30, 25)

    def test_a_server_that_goes_on_failing_ends_the_run(self) -> None:
        watched = watch()
        broken = plain_reply(503, {"error": {"message": "slot broke"}})
        for exchange in (*[broken] * (FAILURES_IN_A_ROW - 1), text_reply("ok"), *[broken] * FAILURES_IN_A_ROW):
            assert not watched.over
            watched.ended(exchange)
        assert watched.over == "endpoint"
        assert "slot broke" in watched.detail

    def test_the_steps_and_the_last_words_are_of_the_wire(self) -> None:
        watched = watch()
        for exchange in (
            call_reply("ls"),
            text_reply("Done."),
            text_reply("A title").model_copy(update={"purpose": "side"}),
        ):
            watched.ended(exchange)
        assert watched.reply == "Done."
        assert [len(step["tool_calls"]) for step in watched.steps] == [1, 0]

    def test_of_an_unknown_agent_only_a_later_request_without_tools_is_beside_the_task(self) -> None:
        side = AfterTools()
        assert [side(body) for body in ({}, TOOLS, {}, TOOLS)] == [False, False, True, False]


class TestRedaction:
    def test_keys_are_replaced_wherever_they_stand(self) -> None:
        secrets = secrets_of([("Authorization", "Bearer sk-1234567"), ("X-Api-Key", "none"), ("Accept", "sk-accepted")])
        assert secrets == ("Bearer sk-1234567", "sk-1234567")
        body = {"api_key": "abc", "extra": [{"my_auth_token": "abc"}, "uses sk-1234567"], "max_tokens": 5, "key": "b"}
        assert redacted(body, secrets) == {
            "api_key": "[redacted]",
            "extra": [{"my_auth_token": "[redacted]"}, "uses [redacted]"],
            "max_tokens": 5,
            "key": "b",
        }
        assert redacted_path("/v1/models?key=abc&beta=true", ()) == "/v1/models?key=[redacted]&beta=true"


class TestTemplate:
    def test_a_command_line(self) -> None:
        result = read_template("cmd:./my agent --url {url} '{prompt} now'")
        assert result is not None
        assert (result[0], result[1].argv) == ("my", ("./my", "agent", "--url", "{url}", "{prompt} now"))
        assert read_template("opencode") is None

    def test_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.yaml"
        path.write_text('name: mine\ncommand: agent {prompt}\nfiles: {a.json: \'{"u": "{url}", "n": {turns}}\'}\n')
        result = read_template(str(path))
        assert result is not None
        agent = agent_of(AgentPlan(name=result[0], version="", command=result[1]))
        assert isinstance(agent, HeadlessAgent)
        made = agent.command(SETUP)
        assert made == Command(("Do it",), files={"a.json": '{"u": "http://127.0.0.1:9/run/x/v1", "n": 30}'})

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("cmd:", "no command"),
            ("cmd:agent 'x", "No closing quotation"),
            ("cmd:agent {url}", "the agent would get no task"),
            ("name: a b\ncommand: x {prompt}\n", "not a name"),
            ("name: a\n", "command"),
            ("name: a\ncommand: x {prompt}\nfiles: {../b: c}\n", "leads out"),
        ],
    )
    def test_mistakes(self, tmp_path: Path, text: str, message: str) -> None:
        if not text.startswith("cmd:"):
            (tmp_path / "a.yaml").write_text(text)
            text = str(tmp_path / "a.yaml")
        with pytest.raises(UsageError, match=message):
            read_template(text)


def hashed(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


class TestPrograms:
    def make(self, folder: Path, name: str, first: str) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        path.write_text(f"{first}\necho 9.8.7\n")
        path.chmod(0o755)
        return path

    def test_a_script_of_npm(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        package = tmp_path / "node_modules" / "@a" / "tool"
        script = self.make(package / "dist", "cli.js", "#!/usr/bin/env sh")
        (package / "package.json").write_text(json.dumps({"version": "1.2.3"}))
        (tmp_path / "node_modules" / ".bin").mkdir()
        (tmp_path / "node_modules" / ".bin" / "tool").symlink_to(script)
        monkeypatch.setenv("PATH", f"{tmp_path}/node_modules/.bin:{os.environ['PATH']}")
        found = find("tool", "npm install")
        assert (found.argv[-1], found.version) == (str(script), "1.2.3")
        assert tmp_path / "node_modules" in found.folders

    @pytest.mark.parametrize("manifest", ["[]", "{", "[" * 100_000, '{"version": [1]}', "\x00"])
    def test_a_manifest_that_says_nothing_is_no_traceback(self, tmp_path: Path, manifest: str) -> None:
        script = self.make(tmp_path / "node_modules" / "tool" / "bin", "tool", "#!/bin/sh")
        (tmp_path / "node_modules" / "tool" / "package.json").write_text(manifest)
        assert find(str(script), "").version in ("unknown", "[1]")

    def test_the_prefix_of_a_bin_and_a_lone_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        tool = find(str(self.make(tmp_path / "opt" / "bin", "tool", "#!/bin/sh")), "")
        assert (tool.folders, tool.version) == ((tmp_path / "opt",), "sha256:" + hashed(tmp_path / "opt/bin/tool"))
        lone = self.make(tmp_path / "bin", "tool", "#!/bin/sh")
        assert find(str(lone), "").folders == (lone,), "a home is never shown"

    def test_the_script_of_a_python_package(self, tmp_path: Path) -> None:
        info = tmp_path / "env/lib/python3.12/site-packages/a_tool-4.5.dist-info"
        info.mkdir(parents=True)
        (info / "entry_points.txt").write_text("[console_scripts]\nother = x:y\ntool = a_tool:main\n")
        for name, version in (("tool", "4.5"), ("tools", None)):
            path = self.make(tmp_path / "env" / "bin", name, "#!/bin/sh")
            assert find(str(path), "").version == (version or "sha256:" + hashed(path))

    def test_nothing_of_it_is_run_to_learn_its_version(self, tmp_path: Path) -> None:
        path = self.make(tmp_path, "tool", f"#!/bin/sh\ntouch {tmp_path}/was-run")
        first = find(str(path), "").version
        path.write_text(path.read_text() + "# another one\n")
        assert find(str(path), "").version != first
        assert not (tmp_path / "was-run").exists()

    @pytest.mark.parametrize(
        "version", ["\x1b]0;title\x07", "1.0\n2.0", "9" * 100_000, "\u202e1.0", "", "sk-" + "0" * 100, " 1.0"]
    )
    def test_a_version_that_is_none_goes_nowhere(self, tmp_path: Path, version: str) -> None:
        script = self.make(tmp_path / "node_modules" / "tool" / "bin", "tool", "#!/bin/sh")
        (tmp_path / "node_modules" / "tool" / "package.json").write_text(json.dumps({"version": version}))
        assert find(str(script), "").version == "unknown"

    def test_what_a_package_says_of_itself_is_not_read_to_its_end(self, tmp_path: Path) -> None:
        script = self.make(tmp_path / "node_modules" / "tool" / "bin", "tool", "#!/bin/sh")
        with (tmp_path / "node_modules" / "tool" / "package.json").open("wb") as file:
            file.truncate(1 << 40)
        assert find(str(script), "").version == "unknown"
        info = tmp_path / "env/lib/python3.12/site-packages/a_tool-4.5.dist-info"
        info.mkdir(parents=True)
        (info / "entry_points.txt").symlink_to("/dev/zero")
        path = self.make(tmp_path / "env" / "bin", "tool", "#!/bin/sh")
        assert find(str(path), "").version == "sha256:" + hashed(path)

    @pytest.mark.parametrize("kind", ["pipe", "holes", "device", "folder"])
    def test_what_is_no_program_is_not_read(self, tmp_path: Path, kind: str) -> None:
        path = tmp_path / "tool"
        if kind == "pipe":
            os.mkfifo(path, 0o755)
        elif kind == "holes":
            self.make(tmp_path, "tool", "#!/bin/sh")
            os.truncate(path, 1 << 40)
        elif kind == "folder":
            path.mkdir()
        else:
            path.symlink_to("/dev/null")
        with pytest.raises(BoxError, match=r"not a program|not on PATH"):
            find(str(path), "")

    @pytest.mark.parametrize("first", ["#!", "#! ", "#!/usr/bin/env", "#!/usr/bin/env -S", "#!\x00", "#!/bin/s\x00h"])
    def test_a_first_line_that_names_nothing(self, tmp_path: Path, first: str) -> None:
        with pytest.raises(BoxError):
            find(str(self.make(tmp_path, "tool", first)), "")

    def test_of_the_user_s_own_prefix_only_programs_are_shown(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        own = tmp_path / ".local"
        (own / "share" / "keyrings").mkdir(parents=True)
        (own / "lib" / "python3").mkdir(parents=True)
        found = find(str(self.make(own / "bin", "tool", "#!/bin/sh")), "")
        assert found.folders == (own / "bin", own / "lib")

    def test_what_is_missing(self, tmp_path: Path) -> None:
        with pytest.raises(BoxError, match="not on PATH"):
            find("no-such-agent", "npm install it")
        with pytest.raises(BoxError, match="needs no-such-shell"):
            find(str(self.make(tmp_path, "tool", "#!/usr/bin/env no-such-shell")), "")


class TestKnown:
    def test_names(self) -> None:
        assert agent_names()[:3] == ["builtin", "builtin-responses", "opencode"]
        with pytest.raises(UsageError, match="no such agent"):
            agent_of(AgentPlan(name="nobody", version=""))

    @pytest.mark.parametrize("name", agent_names()[2:])
    def test_each_gets_the_task_the_model_and_the_proxy(self, name: str) -> None:
        agent = agent_of(AgentPlan(name=name, version=""))
        assert isinstance(agent, HeadlessAgent)
        made = agent.command(SETUP)
        message = json.dumps([made.argv, made.env, made.files, made.stdin])
        assert "Do it" in (*made.argv, made.stdin)
        assert '"m"' in message.replace("\\", "") or "/m" in message
        assert SETUP.root in message


def test_an_exchange_of_another_purpose_is_not_counted() -> None:
    watched = watch()
    watched.ended(Exchange(id=1, purpose="side", started_at="", t0_ns=0, method="GET", path="/", status=404))
    assert (watched.steps, watched.tokens, watched.problem) == ([], 0, "")
