"""Imports: files that the other tools really wrote, and what onbox makes of them.

The files in tests/data/others were written by vLLM 0.32.0, guidellm 0.8.1, AIPerf 0.13.0 and llama-benchy 0.4.0
against `onbox selftest --serve` (clean, 100 tok/s), shortened where a list or a block repeats. llama-bench was not run:
its rows are of the form that its documentation gives.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from onbox.cli.commands.import_ import command
from onbox.errors import OnboxError, UsageError
from onbox.evidence.folder import read_lines
from onbox.evidence.imported import ImportedCell, ImportedRun
from onbox.evidence.manifest import mismatches
from onbox.importers import importer_by_name
from onbox.judge.imports.trust import trust
from onbox.schema.bench_tools import Trust

DATA = Path(__file__).parents[2] / "data" / "others"
WRITTEN = {
    "llama-benchy": ("llama-benchy.json", "tg_throughput", "0.4.0"),
    "aiperf": ("aiperf.json", "inter_token_latency", "0.13.0"),
    "guidellm": ("guidellm.json", "inter_token_latency_ms", "0.8.1"),
    "vllm-bench": ("vllm-bench.json", "mean_tpot_ms", None),
}
LLAMA_ROW = {
    "build_commit": "91e84fed", "cpu_info": "x", "gpu_info": "y", "backends": "CUDA", "model_type": "gpt-oss 120B",
    "model_size": 1, "model_n_params": 1, "n_prompt": 0, "n_gen": 128, "n_depth": 4096, "test_time": "t", "avg_ns": 1,
    "stddev_ns": 1, "avg_ts": 58.1, "stddev_ts": 0.1, "samples_ns": [1, 1], "samples_ts": [58.0, 58.2],
}  # fmt: skip
AGENT_ROW = {
    "ts": "2026-05-01T10:00:00Z", "experiment": "e1", "task": "ts-rename", "model": "gpt-oss-120b", "arm": "baseline",
    "trial": 1, "exitCode": 0, "toolCalls": 4, "toolNames": ["read", "edit"], "tokensIn": 900, "tokensOut": 80,
    "tokensTotal": 980, "wallMs": 12000, "errors": 0, "success": True, "gate": "ok", "filesChanged": 2,
    "linesChanged": 4, "regressionOk": True, "lintClean": True, "outputChars": 120, "new_key": 1,
}  # fmt: skip


def read(kind: str, path: Path) -> list[Any]:
    return list(importer_by_name(kind).read(path))


def altered(tmp_path: Path, name: str, change: Any) -> Path:
    """A real file with something else in it."""
    report = json.loads((DATA / name).read_text())
    change(report)
    path = tmp_path / name
    path.write_text(json.dumps(report))
    return path


def trust_by_name(kind: str, path: Path) -> dict[str, tuple[Trust, str, float | None]]:
    return {n.name: (n.trust, n.why, n.decode_tok_s) for n in trust(kind, read(kind, path)).numbers}


@pytest.mark.parametrize("kind", WRITTEN)
def test_what_the_tool_wrote_is_read(kind: str) -> None:
    name, wanted, version = WRITTEN[kind]
    (cell,) = read(kind, DATA / name)
    assert isinstance(cell, ImportedCell)
    assert (cell.model, cell.version, cell.concurrency) == ("clean", version, 1)
    assert (cell.prompt_tokens, cell.output_tokens, cell.requests) == (32, 128, 3)
    assert cell.number(wanted)


@pytest.mark.parametrize("kind", ["llama-benchy", "guidellm", "vllm-bench"])
def test_the_rate_is_that_of_the_server(kind: str) -> None:
    name, wanted, _ = WRITTEN[kind]
    level, _, rate = trust_by_name(kind, DATA / name)[wanted]
    assert rate == pytest.approx(100, rel=0.01)
    assert level is Trust.CARE


def test_aiperf_with_another_tokenizer_is_not_trusted(tmp_path: Path) -> None:
    """It counted 146 tokens where the server made 128, and gave 114 for 100 tok/s."""
    level, why, rate = trust_by_name("aiperf", DATA / "aiperf.json")["inter_token_latency"]
    assert (level, round(rate or 0)) == (Trust.NO, 114)
    assert "tokenised the text again" in why

    def agree(report: dict[str, Any]) -> None:
        report["output_sequence_length"]["avg"] = report["usage_completion_tokens"]["avg"]

    assert trust_by_name("aiperf", altered(tmp_path, "aiperf.json", agree))["inter_token_latency"][0] is Trust.CARE


@pytest.mark.parametrize(("version", "level"), [("0.3.5", Trust.NO), ("0.3.6", Trust.CARE), ("", Trust.CARE)])
def test_old_llama_benchy_counted_events(version: str, level: Trust, tmp_path: Path) -> None:
    path = altered(tmp_path, "llama-benchy.json", lambda report: report.update(version=version))
    found, why, _ = trust_by_name("llama-benchy", path)["tg_throughput"]
    assert found is level
    assert ("0.3.6" in why) == (version != "0.3.6")


def test_vllm_numbers_that_contradict_each_other(tmp_path: Path) -> None:
    def speculate(report: dict[str, Any]) -> None:
        report.update(mean_itl_ms=40.0, max_output_tokens_per_s=23.0)

    found = trust_by_name("vllm-bench", altered(tmp_path, "vllm-bench.json", speculate))
    assert found["mean_itl_ms"][0] is Trust.NO
    assert found["max_output_tokens_per_s"][0] is Trust.NO
    assert found["output_throughput"][0] is Trust.NO
    assert found["output_throughput"][2] is None, "no rate of decoding"
    assert trust_by_name("vllm-bench", DATA / "vllm-bench.json")["mean_itl_ms"][0] is Trust.CARE


@pytest.mark.parametrize("lines", [True, False])
def test_llama_bench(lines: bool, tmp_path: Path) -> None:
    path = tmp_path / "rows"
    both = [LLAMA_ROW, {**LLAMA_ROW, "n_prompt": 512, "n_gen": 0}]
    path.write_text("\n".join(map(json.dumps, both)) if lines else json.dumps(both))
    generated, prompted = read("llama-bench", path)
    assert (generated.backend, generated.depth_tokens, generated.requests) == ("CUDA", 4096, 2)
    found = trust_by_name("llama-bench", path)
    assert found["tg_avg_ts"][::2] == (Trust.YES, 58.1)
    assert found["pp_avg_ts"][2] is None
    assert prompted.number("tg_avg_ts") is None


class TestAgentBench:
    def rows(self, tmp_path: Path, *changes: dict[str, Any]) -> Path:
        path = tmp_path / "runs.jsonl"
        path.write_text("".join(json.dumps({**AGENT_ROW, **change}) + "\n" for change in changes))
        return path

    def test_a_row_keeps_its_names_and_lacks_what_an_audit_needs(self, tmp_path: Path) -> None:
        (run,) = read("agent-bench", self.rows(tmp_path, {}))
        assert isinstance(run, ImportedRun)
        assert (run.toolNames, run.linesChanged, run.success) == (("read", "edit"), 4, True)
        assert (run.transcript_sha256, run.failure_class, run.seed, run.engine_launch_id) == (None,) * 4

    @pytest.mark.parametrize(
        ("change", "level", "why"),
        [
            ({}, Trust.YES, "gate"),
            ({"success": False, "toolCalls": 0, "toolNames": []}, Trust.NO, "without one tool call"),
            ({"success": False, "task": "chat-tcp", "toolCalls": 0}, Trust.CARE, "not kept"),
            ({"toolNames": ["invalid", "edit"]}, Trust.CARE, "parser"),
            ({"exitCode": 1}, Trust.NO, "ended in an error"),
        ],
    )
    def test_what_it_is_worth(self, change: dict[str, Any], level: Trust, why: str, tmp_path: Path) -> None:
        (group,) = trust("agent-bench", read("agent-bench", self.rows(tmp_path, change, change))).runs
        assert group.trust is level
        assert why in group.why
        assert (group.passed, group.runs) == (2 * change.get("success", True), 2)


class TestBadFiles:
    @pytest.mark.parametrize("kind", [*WRITTEN, "llama-bench", "agent-bench"])
    @pytest.mark.parametrize("content", ["", "[]", "{}", "[1]", "null", '{"benchmarks": [3]}', "{", '{"task": 3}\n'])
    def test_are_named(self, kind: str, content: str, tmp_path: Path) -> None:
        path = tmp_path / "odd"
        path.write_text(content)
        with pytest.raises(UsageError, match="odd"):
            read(kind, path)

    @pytest.mark.parametrize("kind", [*WRITTEN, "llama-bench", "agent-bench"])
    def test_missing(self, kind: str, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="none: no such file"):
            read(kind, tmp_path / "none")

    @pytest.mark.parametrize("kind", WRITTEN)
    def test_of_another_tool(self, kind: str) -> None:
        for other, (name, _, _) in WRITTEN.items():
            if other != kind:
                with pytest.raises(UsageError, match=f"not a file of {kind}"):
                    read(kind, DATA / name)


class TestCommand:
    def run(self, *words: str) -> tuple[Any, OnboxError | None]:
        done = CliRunner().invoke(command, [*words, "--json"])
        problem = done.exception if isinstance(done.exception, OnboxError) else None
        assert done.exception is None or problem
        return (json.loads(done.stdout) if done.stdout else {}), problem

    def test_keeps_the_files_and_seals_the_folder(self, tmp_path: Path) -> None:
        folder = tmp_path / "kept"
        message, _ = self.run("llama-benchy", str(DATA / "llama-benchy.json"), "--out", str(folder))
        assert (message["imported"], message["kind"], message["path"]) == (1, "llama-benchy", str(folder))
        assert any("counters" in line for line in message["says"])
        original = folder / "original" / "llama-benchy.json"
        assert original.read_bytes() == (DATA / "llama-benchy.json").read_bytes()
        assert len(list(read_lines(folder / "cells.jsonl"))) == 1
        assert json.loads((folder / "trust.json").read_text())["numbers"] == message["numbers"]
        assert mismatches(folder) == []

    def test_is_read_for_people_too(self, tmp_path: Path) -> None:
        words = ["vllm-bench", str(DATA / "vllm-bench.json"), "--out", str(tmp_path / "kept")]
        done = CliRunner().invoke(command, words)
        assert "99.9 tok/s" in done.stdout
        assert "with care" in done.stdout
        # A path is not broken, and how long this one is hangs on where the tests run.
        assert max(len(line) for line in done.stdout.splitlines() if str(tmp_path) not in line) <= 80

    def test_mistakes_leave_nothing_behind(self, tmp_path: Path) -> None:
        good, out = str(DATA / "aiperf.json"), tmp_path / "kept"
        (tmp_path / "bad.json").write_text("{")
        for words, message in (
            (["word", good], "no such kind"),
            (["aiperf", good, str(tmp_path / "bad.json")], "not JSON"),
            (["aiperf", good, good], "two files"),
        ):
            _, problem = self.run(*words, "--out", str(out))
            assert isinstance(problem, UsageError)
            assert message in problem.message
            assert not out.exists()
        _, problem = self.run("aiperf", good, "--out", str(tmp_path))
        assert isinstance(problem, UsageError)


def test_an_installed_package_may_bring_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "fake_tool-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-tool\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[onbox.importers]\nfake = onbox.importers.guidellm:GuideLLM\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert importer_by_name("fake").name == "guidellm"
