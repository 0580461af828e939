"""Imports of many kinds: told apart by what a file says of itself, each number with its cell's label."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from onbox.app.imports import judge_again
from onbox.cli.commands.import_ import command
from onbox.errors import BadSubjectError, OnboxError, UsageError
from onbox.evidence.imported import ImportedCell, ImportedRun
from onbox.importers import importer_by_name, kind_of
from onbox.judge.imports.trust import TrustedNumber, trust
from onbox.schema.bench_tools import Trust

DATA = Path(__file__).parents[2] / "data" / "others"
VLLM: dict[str, Any] = json.loads((DATA / "vllm-bench.json").read_text())
SGLANG: dict[str, Any] = {
    "backend": "sglang-oai-chat", "dataset_name": "random", "request_rate": float("inf"), "max_concurrency": 8,
    "sharegpt_output_len": None, "random_input_len": 1024, "random_output_len": 256, "random_range_ratio": 1.0,
    "duration": 20.0, "completed": 16, "total_input_tokens": 16384, "total_output_tokens": 4096,
    "total_output_tokens_retokenized": 4090, "request_throughput": 0.8, "input_throughput": 819.2,
    "output_throughput": 204.8, "mean_e2e_latency_ms": 9000.0, "median_e2e_latency_ms": 8990.0,
    "std_e2e_latency_ms": 50.0, "p99_e2e_latency_ms": 9100.0, "mean_ttft_ms": 400.0, "median_ttft_ms": 395.0,
    "std_ttft_ms": 20.0, "p99_ttft_ms": 450.0, "mean_tpot_ms": 33.7, "median_tpot_ms": 33.6, "std_tpot_ms": 0.4,
    "p99_tpot_ms": 34.9, "mean_itl_ms": 84.0, "median_itl_ms": 83.0, "std_itl_ms": 4.0, "p95_itl_ms": 90.0,
    "p99_itl_ms": 95.0, "concurrency": 7.4, "accept_length": 2.5,
}  # fmt: skip
BENCH_CSV = (
    "build_commit,build_number,cpu_info,gpu_info,backends,model_filename,model_type,n_prompt,n_gen,n_depth,avg_ns,"
    "stddev_ns,avg_ts,stddev_ts\n"
    '"b11549","11549","x","y","CUDA","m.gguf","gpt-oss 120B","0","128","4096","1","1","58.100000","0.100000"\n'
    '"b11549","11549","x","y","CUDA","m.gguf","gpt-oss 120B","512","0","0","1","1","1900.0","10.0"\n'
)
BENCH_MD = """| model | size | params | backend | ngl | test | t/s |
| --- | ---: | ---: | --- | --: | --: | --: |
| gpt-oss 120B MXFP4 | 59.02 GiB | 116.83 B | CUDA | 99 | pp512 | 1900.12 ± 10.00 |
| gpt-oss 120B MXFP4 | 59.02 GiB | 116.83 B | CUDA | 99 | tg128 @ d4096 | 58.13 ± 0.20 |

build: 91e84fed (11549)
"""
BENCHY_CSV = (
    "model,test_name,t_s_mean,t_s_std,t_s_req_mean,t_s_req_std,peak_ts_mean,peak_ts_std,peak_ts_req_mean,"
    "peak_ts_req_std,ttfr_mean,ttfr_std,est_ppt_mean,est_ppt_std,e2e_ttft_mean,e2e_ttft_std\n"
    "m,pp2048,1500,3,,,,,,,900,1,,,,\nm,tg128 @ d4096 (c5),180.5,1.2,40.1,0.3,200,2,,,,,,,,\n"
)


def lines(path: Path, *records: dict[str, Any]) -> Path:
    path.write_text("\n".join(json.dumps(record) for record in records))
    return path


def write(path: Path, value: Any) -> Path:
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def cells(kind: str, path: Path) -> list[ImportedCell]:
    return [each for each in importer_by_name(kind).read(path) if isinstance(each, ImportedCell)]


def worth(kind: str, path: Path) -> dict[tuple[str, str], TrustedNumber]:
    return {(each.cell, each.name): each for each in trust(kind, importer_by_name(kind).read(path)).numbers}


class TestVllm:
    def test_lines_that_were_appended_are_cells_of_their_own(self, tmp_path: Path) -> None:
        path = lines(tmp_path / "r.json", {**VLLM, "max_concurrency": 1}, {**VLLM, "max_concurrency": 4})
        assert [cell.label for cell in cells("vllm-bench", path)] == ["c1", "c4"]
        assert kind_of(path) == "vllm-bench"

    def test_a_detailed_file(self, tmp_path: Path) -> None:
        detailed = {**VLLM, "input_lens": [1, 2], "itls": [[0.1]], "errors": ["", "boom", "boom"], "num_prompts": 5}
        (cell,) = cells("vllm-bench", write(tmp_path / "r.json", {**detailed, "failed": None}))
        assert cell.failed == 2
        del detailed["errors"]
        detailed.pop("failed", None)
        assert cells("vllm-bench", write(tmp_path / "r.json", detailed))[0].failed == 2

    def test_a_mean_that_outliers_drag(self, tmp_path: Path) -> None:
        """The case of the field: mean 52.4, median 28.3, deviation 378."""
        report = {**VLLM, "mean_tpot_ms": 52.4, "median_tpot_ms": 28.3, "std_tpot_ms": 378.0}
        found = worth("vllm-bench", write(tmp_path / "r.json", report))[("c1", "mean_tpot_ms")]
        assert found.trust is Trust.NO
        assert found.why.startswith("A few outliers drag this mean: median 28.3, standard deviation 378.")
        assert (found.median, found.std) == (28.3, 378.0)
        assert found.decode_tok_s == pytest.approx(1000 / 28.3, rel=1e-3)


class TestSglang:
    def test_a_line_is_its_own(self, tmp_path: Path) -> None:
        path = lines(tmp_path / "r.jsonl", SGLANG, {**SGLANG, "max_concurrency": None, "concurrency": 40.0})
        assert kind_of(path) == "sglang-bench"
        one, other = cells("sglang-bench", path)
        assert (one.label, one.concurrency, one.ran_concurrency, one.output_tokens) == ("random, c8", 8, 7.4, 256)
        assert (other.concurrency, other.ran_concurrency) == (None, 40.0)
        assert one.number("accept_length") == 2.5

    def test_its_caveats_are_its_own(self, tmp_path: Path) -> None:
        found = worth("sglang-bench", lines(tmp_path / "r.jsonl", SGLANG))
        assert found["random, c8", "mean_itl_ms"].trust is Trust.NO
        assert "drafts" in found["random, c8", "mean_itl_ms"].why
        assert found["random, c8", "mean_tpot_ms"].trust is Trust.CARE
        assert "as many as were asked for" in found["random, c8", "mean_tpot_ms"].why
        cut = {**SGLANG, "total_output_tokens_retokenized": 1000}
        found = worth("sglang-bench", lines(tmp_path / "r.jsonl", cut))
        assert found["random, c8", "mean_tpot_ms"].trust is Trust.NO

    def test_it_is_not_vllms(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="not a file of vllm-bench, but of sglang-bench"):
            importer_by_name("vllm-bench").read(lines(tmp_path / "r.jsonl", SGLANG))


class TestGenAIPerf:
    """The forerunner of AIPerf: the same numbers, other places for what was asked."""

    @staticmethod
    def report(**more: Any) -> dict[str, Any]:
        times = {"unit": "ms", "avg": 38.0, "p50": 38.0, "std": 1.0}
        return {
            "input_config": {"model": ["m"], "concurrency": 4},
            "request_latency": {"unit": "ms", "avg": 5000.0},
            "inter_token_latency": times,
            "request_count": {"unit": "count", "avg": 20.0},
            **more,
        }

    @pytest.mark.parametrize(
        ("unit", "factor"), [("ms", 1.0), ("us", 1e3), ("µs", 1e3), ("seconds", 1e-3), ("sec", 1e-3), ("ns", 1e6)]
    )
    def test_a_time_is_read_in_its_unit(self, unit: str, factor: float, tmp_path: Path) -> None:
        latency = {"unit": unit, "avg": 38.0 * factor, "p50": 38.0 * factor, "std": factor}
        found = worth("aiperf", write(tmp_path / "g.json", self.report(inter_token_latency=latency)))
        one = found["c4", "inter_token_latency"]
        assert (one.value, one.median, one.std, one.unit) == pytest.approx((38.0, 38.0, 1.0, "ms"))
        assert one.decode_tok_s == pytest.approx(1000 / 38, rel=1e-4)

    @pytest.mark.parametrize(
        ("config", "model", "label"),
        [
            ({"model": ["m"], "concurrency": 4}, "m", "c4"),
            ({"model_names": ["m"], "perf_analyzer": {"stimulus": {"concurrency": 4}}}, "m", "c4"),
            ({"model": "m"}, "m", "requests at a time not told"),
            ({}, None, "requests at a time not told"),
        ],
    )
    def test_what_was_asked(self, config: dict[str, Any], model: str | None, label: str, tmp_path: Path) -> None:
        (cell,) = cells("aiperf", write(tmp_path / "g.json", self.report(input_config=config)))
        assert (cell.model, cell.label) == (model, label)

    @pytest.mark.parametrize(("value", "is_given"), [(1e-300, True), (0.0, True), (-38.0, False)])
    def test_a_time_that_is_none_gives_no_rate(self, value: float, is_given: bool, tmp_path: Path) -> None:
        latency = {"unit": "ms", "avg": value, "p50": value, "std": 0.0}
        per_user = {"unit": "tokens/sec/user", "avg": 0.0}
        report = self.report(inter_token_latency=latency, output_token_throughput_per_user=per_user)
        found = worth("aiperf", write(tmp_path / "g.json", report))
        assert (("c4", "inter_token_latency") in found) is is_given
        assert all(each.decode_tok_s is None for each in found.values())
        assert found["c4", "output_token_throughput_per_user"].trust is Trust.NO


class TestGuidellm:
    def test_cells_are_labelled_and_a_cap_is_no_concurrency(self, tmp_path: Path) -> None:
        report = json.loads((DATA / "guidellm.json").read_text())
        one = report["benchmarks"][0]
        throughput, concurrent, constant = (json.loads(json.dumps(one)) for _ in range(3))
        throughput["config"]["strategy"] = {"type_": "throughput", "max_concurrency": 10240}
        throughput["metrics"]["request_concurrency"]["successful"]["mean"] = 37.5
        concurrent["config"]["strategy"] = {"type_": "concurrent", "streams": 5}
        constant["config"]["strategy"] = {"type_": "constant", "rate": 2.0, "max_concurrency": 10240}
        report["benchmarks"] = [one, throughput, concurrent, constant]
        found = cells("guidellm", write(tmp_path / "g.json", report))
        assert [cell.label for cell in found] == [
            "synchronous", "throughput, at most 10240 at a time", "concurrent@5", "constant@2.00",
        ]  # fmt: skip
        assert [cell.concurrency for cell in found] == [1, None, 5, None]
        assert found[1].ran_concurrency == 37.5


class TestLlamaBenchy:
    def report(self, **change: Any) -> dict[str, Any]:
        report: dict[str, Any] = json.loads((DATA / "llama-benchy.json").read_text())
        report["benchmarks"] = [{**report["benchmarks"][0], **change}]
        return report

    def test_above_one_at_a_time_the_total_is_the_batchs(self, tmp_path: Path) -> None:
        rate = {"mean": 180.0, "std": 1.0, "values": [179.0, 181.0]}
        each = {"mean": 40.0, "std": 0.5, "values": [39.5, 40.5]}
        path = write(tmp_path / "b.json", self.report(concurrency=5, tg_throughput=rate, tg_req_throughput=each))
        found = worth("llama-benchy", path)
        total, single = found["tg128 (c5)", "tg_throughput"], found["tg128 (c5)", "tg_req_throughput"]
        assert (total.trust, total.decode_tok_s, single.decode_tok_s) == (Trust.NO, None, 40.0)
        assert "together" in total.why

    def test_its_csv(self, tmp_path: Path) -> None:
        path = write(tmp_path / "b.csv", BENCHY_CSV)
        assert kind_of(path) == "llama-benchy"
        (cell,) = cells("llama-benchy", path)
        assert (cell.label, cell.concurrency, cell.depth_tokens) == ("tg128 @ d4096 (c5)", 5, 4096)
        assert (cell.number("tg_throughput"), cell.number("tg_req_throughput")) == (180.5, 40.1)


class TestLlamaBench:
    @pytest.mark.parametrize(("name", "content"), [("b.csv", BENCH_CSV), ("b.md", BENCH_MD)])
    def test_csv_and_markdown(self, name: str, content: str, tmp_path: Path) -> None:
        path = write(tmp_path / name, content)
        assert kind_of(path) == "llama-bench"
        found = {cell.label: cell for cell in cells("llama-bench", path)}
        assert set(found) == {"pp512", "tg128 @ d4096"}
        decode = found["tg128 @ d4096"]
        assert decode.number("tg_avg_ts") == pytest.approx(58.1, abs=0.05)
        assert (decode.backend, decode.depth_tokens, decode.output_tokens) == ("CUDA", 4096, 128)
        assert decode.numbers[0].std == pytest.approx(0.15, abs=0.06)


class TestNothingMeasured:
    @pytest.mark.parametrize(
        ("kind", "report"),
        [
            ("vllm-bench", {**VLLM, "completed": 0, "failed": 3}),
            ("sglang-bench", {**SGLANG, "completed": 0}),
            ("llama-benchy", {"latency_mode": "api", "latency_ms": 1.0, "model": "m", "benchmarks": []}),
        ],
    )
    def test_is_reported_and_is_exit_code_1(self, kind: str, report: dict[str, Any], tmp_path: Path) -> None:
        self.refused(kind, write(tmp_path / "r.json", report), tmp_path)

    def test_a_llama_benchy_file_of_nulls(self, tmp_path: Path) -> None:
        report = json.loads((DATA / "llama-benchy.json").read_text())
        nulls = {key: None if key.startswith(("pp", "tg", "peak", "tt", "est", "e2e")) else value
                 for key, value in report["benchmarks"][0].items()}  # fmt: skip
        self.refused("llama-benchy", write(tmp_path / "r.json", {**report, "benchmarks": [nulls]}), tmp_path)

    def refused(self, kind: str, path: Path, folder: Path) -> None:
        done = CliRunner().invoke(command, [kind, str(path), "--out", str(folder / "out"), "--json"])
        assert isinstance(done.exception, BadSubjectError)
        assert done.exception.exit_code == 1
        assert "nothing was measured" in done.exception.message
        assert not (folder / "out").exists()

    def test_one_empty_cell_among_others_is_named(self, tmp_path: Path) -> None:
        path = lines(tmp_path / "r.json", VLLM, {**VLLM, "max_concurrency": 9, "completed": 0})
        assert "Nothing was measured in c9." in trust("vllm-bench", cells("vllm-bench", path)).says


class TestUnknown:
    @pytest.mark.parametrize(
        ("value", "outcome"),
        [
            ({"latency_mode": "api", "model": "m"}, "nearest is llama-benchy, without latency_ms, benchmarks"),
            ({"task": "x", "model": "m", "arm": "baseline"}, "nearest is agent-bench, without success"),
            ({"colour": 1}, "no format that is known"),
        ],
    )
    def test_the_nearest_is_named_with_what_is_missing(self, value: Any, outcome: str, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=outcome):
            kind_of(write(tmp_path / "odd.json", value))

    def test_auto_takes_what_the_file_says(self, tmp_path: Path) -> None:
        path = lines(tmp_path / "r.jsonl", SGLANG)
        done = CliRunner().invoke(command, ["auto", str(path), "--out", str(tmp_path / "out"), "--json"])
        assert json.loads(done.stdout)["kind"] == "sglang-bench"


TRIAL = {
    "id": "5c8c2f4e-5d2c-4b7e-9d41-0f5c3a5d9b11", "task_name": "local/rename", "trial_name": "rename__a1",
    "trial_uri": "file:///x", "task_id": {"path": "x"}, "source": "set", "task_checksum": "c", "config": {},
    "agent_info": {"name": "opencode", "version": "1", "model_info": {"name": "qwen", "provider": "x"}},
    "agent_result": {"n_input_tokens": 100, "n_output_tokens": 20},
    "verifier_result": {"rewards": {"reward": 1.0}}, "exception_info": None,
    "agent_execution": {"started_at": "2026-11-01T10:00:00Z", "finished_at": "2026-11-01T10:00:30Z"},
}  # fmt: skip
LOG = {
    "version": 2, "status": "success",
    "eval": {"task": "mine", "model": "openai/qwen", "created": "2026-11-01T10:00:00"},
    "samples": [
        {"id": "a", "epoch": 1, "scores": {"gate": {"value": "C"}}, "total_time": 3.0,
         "messages": [{"role": "assistant", "tool_calls": [{"function": "bash"}]}]},
        {"id": "b", "epoch": 1, "scores": {"gate": {"value": 0}}, "model_usage": {"m": {"input_tokens": 5}}},
        {"id": "c", "epoch": 1, "error": {"message": "HTTP 503"}},
    ],
}  # fmt: skip


class TestAgents:
    def runs(self, kind: str, path: Path) -> list[ImportedRun]:
        return [each for each in importer_by_name(kind).read(path) if isinstance(each, ImportedRun)]

    def test_a_job_of_harbor(self, tmp_path: Path) -> None:
        job = tmp_path / "job"
        failed = {**TRIAL, "verifier_result": {"rewards": {"reward": 0.5}}, "trial_name": "rename__a2"}
        broken = {**TRIAL, "verifier_result": None, "exception_info": {"exception_type": "E", "exception_message": "m"}}
        for name, trial in (("a1", TRIAL), ("a2", failed), ("a3", broken)):
            (job / name).mkdir(parents=True)
            write(job / name / "result.json", trial)
        write(job / "result.json", {"id": "x", "n_total_trials": 3, "stats": {}})
        found = self.runs("harbor", job)
        assert [run.success for run in found] == [True, False, None]
        assert [(run.rewards, run.reward_min) for run in found[1:]] == [({"reward": 0.5}, {"reward": 1.0}), ({}, {})]
        assert (found[0].model, found[0].arm, found[0].wallMs, found[2].errors) == (
            "qwen",
            "opencode",
            30000,
            ("E: m",),
        )
        assert self.runs("harbor", job / "a1" / "result.json")[0].success is True
        done = CliRunner().invoke(command, ["auto", str(job), "--out", str(tmp_path / "out"), "--json"])
        assert json.loads(done.stdout)["imported"] == 3
        assert (tmp_path / "out" / "original" / "job" / "a1" / "result.json").is_file()

    def test_a_partial_reward_is_kept_shown_and_judged_by_what_was_stated(self, tmp_path: Path) -> None:
        info = {"name": "opencode", "model_info": {"name": "org/qwen"}}
        half = {**TRIAL, "agent_info": info, "verifier_result": {"rewards": {"reward": 0.5, "speed": 0.1}}}
        path = write(tmp_path / "result.json", half)
        for words, passed, detail in (
            ([], 0, "the gate said no: reward 0.5, below 1"),
            (["--reward-min", "0.5"], 1, "the gate passed"),
        ):
            out = tmp_path / f"out{passed}"
            done = CliRunner().invoke(command, ["harbor", str(path), "--out", str(out), "--json", *words])
            assert done.exit_code == 0, done.output
            verdict, _ = judge_again(out)
            assert (verdict.contenders[0].passed, verdict.contenders[0].valid) == (passed, 1)
            (run,) = verdict.runs
            assert (run.detail, run.rewards) == (detail, {"reward": 0.5, "speed": 0.1})
            assert run.reward_min == {"reward": 0.5 if passed else 1.0}

    def test_a_threshold_for_a_tool_without_rewards_is_a_line(self, tmp_path: Path) -> None:
        path = write(tmp_path / "log.json", LOG)
        done = CliRunner().invoke(
            command, ["inspect", str(path), "--out", str(tmp_path / "out"), "--reward-min", "0.5"]
        )
        assert isinstance(done.exception, UsageError)
        assert "--reward-min: inspect has no rewards" in done.exception.message

    def test_a_log_of_inspect(self, tmp_path: Path) -> None:
        path = write(tmp_path / "log.json", LOG)
        assert kind_of(path) == "inspect"
        found = self.runs("inspect", path)
        assert [(run.task, run.success) for run in found] == [("a", True), ("b", False), ("c", None)]
        assert (found[0].toolNames, found[1].tokensIn) == (("bash",), 5)

    def test_a_header_without_samples_is_named(self, tmp_path: Path) -> None:
        problem: OnboxError | None = None
        try:
            self.runs("inspect", write(tmp_path / "log.json", {**LOG, "samples": None}))
        except UsageError as error:
            problem = error
        assert problem is not None
        assert "no samples" in problem.message
