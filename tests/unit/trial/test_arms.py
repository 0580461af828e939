"""Arms: read, carried out by turns, compared in pairs, and proven apart by what went over the wire."""

import json
from pathlib import Path
from typing import Any

import pytest

from onbox.bench.agents import agent_of
from onbox.errors import BoxError, UsageError
from onbox.evidence.records import AgentPlan, ArmPlan, McpServer
from onbox.judge.runs.isolation import bears, has_mark
from onbox.judge.statistics import stratified_permutation
from onbox.trial.arms import check_arms, check_servers, frozen, read_arms
from tests.e2e.cli import onbox, onbox_here, scripted, verdict_of
from tests.exchanges import chat_request, text_reply
from tests.oracles import CONTINGENCY

RULES = ArmPlan(name="rules", rules="Be brief.")
TOOLS = ArmPlan(name="tools", mcp={"files": McpServer(command=("server",))})
COOL = ArmPlan(name="cool", sampling={"temperature": 0.1})


class TestFile:
    def read(self, folder: Path, text: str) -> tuple[ArmPlan, ...]:
        path = folder / "arms.yaml"
        path.write_text(text)
        return read_arms(path)

    def test_treatments(self, tmp_path: Path) -> None:
        (tmp_path / "AGENTS.md").write_text("Be brief.")
        text = "arms: [{name: a, rules_file: AGENTS.md}, {name: b, nudges: 0}, {name: c, sampling: {top_k: 1}}]"
        assert self.read(tmp_path, text) == (
            ArmPlan(name="a", rules="Be brief."),
            ArmPlan(name="b", nudges=0),
            ArmPlan(name="c", sampling={"top_k": 1}),
        )

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("arms: []", "arms"),
            ("arms: [{name: a}]", "changes nothing"),
            ("arms: [{name: a, rules: x, nudges: 1}]", "changes rules, nudges"),
            ("arms: [{name: baseline, nudges: 1}]", "taken"),
            ("arms: [{name: a, nudges: 1}, {name: A, nudges: 2}]", "taken"),
            ("arms: [{name: a/b, nudges: 1}]", "not a name"),
            ("arms: [{name: a, nudges: -1}]", "nudges"),
            ("arms: [{name: a, rules_file: missing.md}]", "missing.md"),
            ("arms: [{name: a, mcp: {x: {command: []}}}]", "command"),
            ("arms: [{name: a, temperature: 1}]", "temperature"),
        ],
    )
    def test_mistakes(self, tmp_path: Path, text: str, message: str) -> None:
        with pytest.raises(UsageError, match=message):
            self.read(tmp_path, text)

    def test_what_an_agent_does_not_take(self) -> None:
        builtin = agent_of(AgentPlan(name="builtin", version=""))
        check_arms([RULES, COOL], builtin)
        with pytest.raises(UsageError, match="takes no mcp") as caught:
            check_arms([TOOLS], builtin)
        assert caught.value.next_step.endswith("mcp: --agent opencode or codex or claude-code or qwen-code")
        with pytest.raises(UsageError, match="takes no nudges"):
            check_arms([ArmPlan(name="n", nudges=1)], agent_of(AgentPlan(name="opencode", version="")))


class TestServers:
    def test_one_that_is_not_here_is_named_before_anything_runs(self) -> None:
        with pytest.raises(BoxError, match="arm tools: mcp: files: no-such-server: not installed"):
            frozen([ArmPlan(name="tools", mcp={"files": McpServer(command=("no-such-server",))})])

    def test_one_that_has_changed_since_is_refused(self, tmp_path: Path) -> None:
        program = tmp_path / "server"
        arm = ArmPlan(name="tools", mcp={"files": McpServer(command=(str(program), "{workspace}"))})
        program.write_text("#!/bin/sh\necho 1.0\n")
        program.chmod(0o755)
        (kept,) = frozen([arm])
        assert kept.mcp["files"].version.startswith("sha256:")
        assert kept.mcp["files"].command == arm.mcp["files"].command
        check_servers([kept])
        program.write_text("#!/bin/sh\necho 2.0\n")
        with pytest.raises(UsageError, match=r"mcp: files: is now sha256:\w+; the plan was frozen with sha256:\w+"):
            check_servers([kept])


class TestMarks:
    def test_rules_by_their_word(self) -> None:
        observations = [text_reply(request=chat_request(system="... word1 ..."))]
        assert bears(RULES, ["word0", "word1"], observations)
        assert not bears(RULES, ["word2"], observations)
        assert not bears(RULES, ["word1"], [each.model_copy(update={"purpose": "side"}) for each in observations])

    def test_servers_by_their_tools(self) -> None:
        def shows_mark(*tools: dict[str, Any]) -> bool:
            return bears(TOOLS, [], [text_reply(request=chat_request(tools))])

        assert shows_mark({"type": "function", "function": {"name": "files_read"}})
        assert shows_mark({"name": "mcp__files__read"})
        assert shows_mark({"type": "namespace", "name": "mcp__files", "tools": []})
        assert not shows_mark({"name": "bash", "description": "works on files"})
        result = text_reply(request=chat_request(system="Deferred: mcp__files__read"))
        assert bears(TOOLS, [], [result])

    def test_sampling_by_its_values_in_every_request(self) -> None:
        cool, plain = text_reply(request=chat_request(temperature=0.1)), text_reply(request=chat_request())
        assert bears(COOL, [], [cool])
        assert not bears(COOL, [], [cool, plain])
        assert not bears(COOL, [], [])

    def test_nudges_leave_none(self) -> None:
        assert [has_mark(arm) for arm in (RULES, TOOLS, COOL, ArmPlan(name="n", nudges=1))] == [True, True, True, False]


@pytest.mark.parametrize(("better", "worse"), [(1, 0), (3, 3), (0, 6), (9, 2), (4, 5)])
def test_the_paired_test_is_exact(better: int, worse: int) -> None:
    oracle = CONTINGENCY.mcnemar([[7, better], [worse, 5]], exact=True).pvalue
    pairs = [(1, 1, 0, 1)] * better + [(0, 1, 1, 1)] * worse + [(1, 1, 1, 1)] * 7 + [(0, 1, 0, 1)] * 5
    assert stratified_permutation(pairs) == pytest.approx(oracle)


@pytest.mark.slow
def test_a_bench_with_arms(tmp_path: Path) -> None:
    """The scripted engine follows the rules of one arm, and takes no notice of the other."""
    arms, out = tmp_path / "arms.yaml", tmp_path / "bench"
    arms.write_text("arms: [{name: told, rules: USE YOUR TOOLS}, {name: cool, sampling: {temperature: 0.25}}]")
    with scripted("told") as url:
        done = onbox("bench", url, "--arms", arms, "--quick", "--runs", "2", "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    verdict = verdict_of(out)
    results = {result["arm"]: result for result in verdict["arms"]}
    # A script does not sample: of the six pairs that differ the test counts one answer a task.
    assert (results["told"]["passed"], results["told"]["baseline_passed"], results["told"]["pairs"]) == (6, 0, 6)
    assert (results["told"]["better"], results["told"]["worse"], results["told"]["p"]) == (6, 0, 0.25)
    assert (results["told"]["scope"], results["told"]["tasks"]) == (None, {"better": 3, "equal": 0, "worse": 0})
    assert (results["cool"]["passed"], results["cool"]["p"]) == (0, None)
    checks = [check["status"] for check in verdict["checks"] if check["id"] == "ARM_ISOLATED"]
    assert checks == ["pass", "pass"]
    assert any("in arm told, 0 in the baseline" in reason for reason in verdict["reasons"])
    records = [json.loads(path.read_text()) for path in out.glob("*/runs/*/*/*/run.json")]
    assert len({record["canary"] for record in records if record["arm"] == "told"}) == 6
    assert {record["canary"] for record in records if record["arm"] != "told"} == {""}
    assert all(len({r["seed"] for r in records if (r["task"], r["n"]) == (t["task"], t["n"])}) == 1 for t in records)
    order = [(r["n"], r["arm"]) for r in sorted(records, key=lambda record: record["started_at"])]
    assert [arm for _, arm in order[:6]] == ["baseline", "told", "cool", "cool", "told", "baseline"]
    assert "Arms" in (out / "report.md").read_text()
    assert 'id="arms"' in (out / "report.html").read_text()
    assert onbox_here("verify", out).returncode == 0
