"""Exports: the judge's numbers in other tools' formats, and nothing that a check refused."""

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from onbox.atomic_files import write_json
from onbox.cli.commands.export import command
from onbox.errors import BadSubjectError, OnboxError, UsageError
from onbox.evidence.folder import TrialFolder
from onbox.evidence.manifest import mismatches, write_manifest
from onbox.evidence.records import Role, WeightsFile
from onbox.exporters import Export, exporter_by_name, names
from onbox.importers import importer_by_name
from onbox.judge.imports.trust import trust
from onbox.judge.results import Measurement
from tests.builders import Contender, SpeedParts, build_trial, speed_parts
from tests.judging import judge
from tests.unit.judge.speed.test_concurrency import cell

BENCHY_HEADER = (
    "model,test_name,t_s_mean,t_s_std,t_s_req_mean,t_s_req_std,peak_ts_mean,peak_ts_std,peak_ts_req_mean,"
    "peak_ts_req_std,ttfr_mean,ttfr_std,est_ppt_mean,est_ppt_std,e2e_ttft_mean,e2e_ttft_std"
)
"""The first line of a CSV that llama-benchy 0.4.0 wrote."""
WRITTEN = Path(__file__).parents[2] / "data" / "others"
"""Files that the other tools themselves wrote."""


def trial(path: Path, *speeds: SpeedParts) -> TrialFolder:
    """A trial without runs, a contender for each measurement."""
    roles = (Role.INCUMBENT, Role.CHALLENGER)
    contenders = [Contender(f"c{n}", role, {}, speed=s) for n, (s, role) in enumerate(zip(speeds, roles, strict=False))]
    return build_trial(path, contenders, runs=1)


def export(folder: TrialFolder, kind: str) -> Export:
    return exporter_by_name(kind).export(folder, judge(folder))


def stray() -> SpeedParts:
    """Someone else was served meanwhile."""
    parts = speed_parts(25.0)
    assert parts.metrics_after
    parts.metrics_after = parts.metrics_after.replace("tokens_predicted_total 1384", "tokens_predicted_total 1484")
    return parts


def speed_of(folder: TrialFolder, position: int = 0) -> Measurement:
    speed = judge(folder).contenders[position].speed
    assert speed is not None
    return speed


def test_every_builtin_format_is_found_and_an_unknown_one_is_answered_with_the_list() -> None:
    assert [exporter_by_name(name).name for name in names()] == names()
    with pytest.raises(UsageError, match="--to word: no such format") as caught:
        exporter_by_name("word")
    assert "llama-benchy-csv" in caught.value.next_step


def test_an_installed_package_may_bring_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "fake_format-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-format\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[onbox.exporters]\nfake = onbox.exporters.plain_csv:PlainCsv\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert exporter_by_name("fake").name == "csv"
    assert "fake" in names()


class TestLlamaBenchy:
    def test_json(self, tmp_path: Path) -> None:
        folder = trial(tmp_path / "t", speed_parts(25.0))
        report = json.loads(export(folder, "llama-benchy").files["c0.json"])
        (run,) = report["benchmarks"]
        theirs = json.loads((WRITTEN / "llama-benchy.json").read_text())
        assert list(run) == [*theirs["benchmarks"][0], "onbox"]
        assert list(report) == list(theirs)
        assert set(run["tg_throughput"]) == set(theirs["benchmarks"][0]["tg_throughput"])
        assert (run["concurrency"], run["context_size"], run["response_size"]) == (1, 0, 96)
        assert run["prompt_size"] == 32
        assert run["tg_throughput"] == {"mean": 25.0, "std": 0.0, "values": [25.0] * 4}
        assert run["e2e_ttft"]["mean"] == pytest.approx(200.0)
        assert run["pp_throughput"] is None
        assert run["ttfr"] is None
        assert run["onbox"]["status"] == "valid"
        assert report["version"].startswith("onbox ")
        assert report["model"] == "default"

    def test_csv_has_the_exact_header(self, tmp_path: Path) -> None:
        folder = trial(tmp_path / "t", speed_parts(25.0), speed_parts(12.5))
        text = export(folder, "llama-benchy-csv").files["llama-benchy.csv"].decode()
        assert text.split("\r\n")[0] == BENCHY_HEADER
        rows = list(csv.DictReader(io.StringIO(text)))
        assert [(row["test_name"], row["t_s_mean"], row["ttfr_mean"]) for row in rows] == [
            ("tg96", "25.0", ""),
            ("tg96", "12.5", ""),
        ]

    def test_no_usage_leaves_the_prompt_to_a_note(self, tmp_path: Path) -> None:
        parts = speed_parts(25.0)
        parts.exchanges = [
            e.model_copy(update={"chunks": tuple((t, s.replace('"prompt_tokens"', '"none"')) for t, s in e.chunks)})
            for e in parts.exchanges
        ]
        made = export(trial(tmp_path / "t", parts), "llama-benchy")
        assert json.loads(made.files["c0.json"])["benchmarks"][0]["prompt_size"] == 0
        assert any("prompt_size" in note for note in made.notes)


def test_llama_bench_row(tmp_path: Path) -> None:
    folder = trial(tmp_path / "t", speed_parts(25.0))
    weights = WeightsFile(file="a.gguf", bytes=3 << 30, sha256="0" * 64, source="path")
    write_json(folder.path / "c0" / "weights.json", weights)
    made = export(folder, "llama-bench")
    lines = made.files["llama-bench.md"].decode().splitlines()
    assert lines[0] == "| model | size | params | backend | test | t/s |"
    assert lines[2] == "| default | 3.00 GiB |  | llama.cpp | tg96 | 25.00 ± 0.00 |"
    assert any("sampling" in note for note in made.notes)


def test_aiperf_summary(tmp_path: Path) -> None:
    folder = trial(tmp_path / "t", speed_parts(25.0))
    summary = json.loads(export(folder, "aiperf").files["c0.json"])
    assert summary["schema_version"] == "1.4"
    assert summary["inter_token_latency"]["avg"] == pytest.approx(40.0)
    assert summary["time_to_first_token"]["avg"] == pytest.approx(200.0)
    assert summary["output_token_throughput_per_user"]["p50"] == 25.0
    assert summary["output_sequence_length"]["avg"] == 96
    assert summary["request_latency"]["avg"] == pytest.approx(1000 * (0.2 + 95 / 25))
    assert "p99" not in summary["request_latency"]
    theirs = json.loads((WRITTEN / "aiperf.json").read_text())
    for name, metric in summary.items():
        if isinstance(metric, dict) and name != "onbox":
            assert set(metric) <= set(theirs[name]), name
            assert metric["unit"] == theirs[name]["unit"]


@pytest.mark.parametrize(("kind", "rate"), [("llama-benchy", "tg_throughput"), ("aiperf", "inter_token_latency")])
def test_what_is_exported_can_be_imported(kind: str, rate: str, tmp_path: Path) -> None:
    (tmp_path / "out.json").write_bytes(export(trial(tmp_path / "t", speed_parts(25.0)), kind).files["c0.json"])
    (number,) = (n for n in trust(kind, importer_by_name(kind).read(tmp_path / "out.json")).numbers if n.name == rate)
    assert number.decode_tok_s == pytest.approx(25.0)
    assert (number.trust, number.tool.split()[1]) == ("yes", "onbox")


class TestStatus:
    def test_an_invalid_rate_is_in_no_format_but_csv_and_there_it_is_empty(self, tmp_path: Path) -> None:
        folder = trial(tmp_path / "t", stray())
        assert speed_of(folder).status == "invalid"
        for kind in ("llama-benchy", "llama-benchy-csv", "llama-bench", "aiperf"):
            with pytest.raises(BadSubjectError, match=r"no decode rate to export: c0: .*TOKEN_RESIDUAL"):
                export(folder, kind)
        (row,) = csv.DictReader(io.StringIO(export(folder, "csv").files["speed.csv"].decode()))
        assert (row["status"], row["decode_tok_s"], row["low_tok_s"]) == ("invalid", "", "")
        assert "TOKEN_RESIDUAL fail" in row["not_passed"]

    def test_beside_a_good_one_it_is_left_out_with_a_note(self, tmp_path: Path) -> None:
        made = export(trial(tmp_path / "t", speed_parts(25.0), stray()), "aiperf")
        assert list(made.files) == ["c0.json"]
        assert made.notes == ("c1: left out, its speed is invalid (TOKEN_RESIDUAL)",)

    def test_a_suspect_one_is_named(self, tmp_path: Path) -> None:
        parts = speed_parts(25.0)
        parts.metrics_before = parts.metrics_after = None
        made = export(trial(tmp_path / "t", parts), "llama-benchy-csv")
        assert "suspect" in made.notes[0]
        assert "TOKEN_RESIDUAL unknown" in made.notes[0]

    def test_csv_is_the_judges_word(self, tmp_path: Path) -> None:
        folder = trial(tmp_path / "t", speed_parts(25.0))
        speed = speed_of(folder)
        (row,) = csv.DictReader(io.StringIO(export(folder, "csv").files["speed.csv"].decode()))
        assert float(row["decode_tok_s"]) == speed.decode_tok_s
        assert speed.interval == (float(row["low_tok_s"]), float(row["high_tok_s"]))
        assert float(row["engine_counters_tok_s"]) == speed.witnesses[1].tok_s
        assert row["not_passed"] == ""


class TestCommand:
    def run(self, *words: str) -> tuple[dict[str, object], OnboxError | None]:
        done = CliRunner().invoke(command, [*words, "--json"])
        problem = done.exception if isinstance(done.exception, OnboxError) else None
        assert done.exception is None or problem
        return (json.loads(done.stdout) if done.stdout else {}), problem

    def test_the_file_lies_beside_the_folder_which_stays_sealed(self, tmp_path: Path) -> None:
        folder = trial(tmp_path / "t", speed_parts(25.0))
        write_manifest(folder.path)
        for _ in range(2):
            message, _ = self.run(str(folder.path), "--to", "llama-benchy")
            assert message == {"path": str(tmp_path / "t.llama-benchy.json"), "notes": []}
        assert json.loads((tmp_path / "t.llama-benchy.json").read_text())["benchmarks"]
        assert mismatches(folder.path) == []

    def test_several_files_make_a_folder(self, tmp_path: Path) -> None:
        folder = trial(tmp_path / "t", speed_parts(25.0), speed_parts(12.0))
        message, _ = self.run(str(folder.path), "--to", "aiperf", "--out", str(tmp_path / "mine"))
        assert message["path"] == str(tmp_path / "mine")
        assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == ["c0.json", "c1.json"]

    def test_nothing_is_overwritten_and_nothing_put_into_evidence(self, tmp_path: Path) -> None:
        folder = trial(tmp_path / "t", speed_parts(25.0))
        (tmp_path / "there").write_text("mine")
        for place, message in (("there", "is there already"), ("t/x.csv", "is inside the evidence folder")):
            _, problem = self.run(str(folder.path), "--to", "csv", "--out", str(tmp_path / place))
            assert isinstance(problem, UsageError)
            assert message in problem.message
        assert (tmp_path / "there").read_text() == "mine"


class TestSweep:
    """Several numbers of requests at a time: each format carries its cells, or says that it has no place for them."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> TrialFolder:
        both = cell(2, [1.0, 1.0, 10.0, 10.0])[0]
        again = cell(1, [1.0, 7.0, 13.0, 19.0], tok_s=25.0)[0]
        parts = speed_parts(25.0)
        parts.run = parts.run.model_copy(update={"plan": parts.run.plan.model_copy(update={"concurrency": (2,)})})
        folder = trial(tmp_path / "t", parts)
        for each in (both, again):
            each.write(folder.contender("c0") / "speed" / "1" / f"at-{each.run.concurrency}")
        return folder

    def test_llama_benchy(self, folder: TrialFolder, tmp_path: Path) -> None:
        made = export(folder, "llama-benchy").files["c0.json"]
        report = json.loads(made)
        assert report["max_concurrency"] == 2
        one, two = report["benchmarks"]
        assert (one["concurrency"], one["tg_throughput"]["mean"]) == (1, 25.0)
        assert (two["concurrency"], two["tg_throughput"]["mean"], two["tg_req_throughput"]["mean"]) == (2, 40.0, 20.0)
        (tmp_path / "r.json").write_bytes(made)
        back = trust("llama-benchy", importer_by_name("llama-benchy").read(tmp_path / "r.json")).numbers
        rates = {(each.cell, each.name): (each.decode_tok_s, each.trust) for each in back}
        assert rates["tg96 (c2)", "tg_throughput"] == (None, "no")
        assert rates["tg96 (c2)", "tg_req_throughput"] == (20.0, "yes")
        rows = list(csv.DictReader(io.StringIO(export(folder, "llama-benchy-csv").files["llama-benchy.csv"].decode())))
        assert [(row["test_name"], row["t_s_mean"], row["t_s_req_mean"]) for row in rows] == [
            ("tg96", "25.0", "25.0"),
            ("tg96 (c2)", "40.0", "20.0"),
        ]

    def test_aiperf_and_csv(self, folder: TrialFolder) -> None:
        files = export(folder, "aiperf").files
        assert sorted(files) == ["c0.c2.json", "c0.json"]
        assert json.loads(files["c0.c2.json"])["output_token_throughput"] == {"unit": "tokens/sec", "avg": 40.0}
        rows = list(csv.DictReader(io.StringIO(export(folder, "csv").files["speed.csv"].decode())))
        assert [(row["concurrency"], row["decode_tok_s"], row["system_tok_s"]) for row in rows] == [
            ("1", "25.0", ""), ("2", "20.0", "40.0"), ("1", "25.0", ""),
        ]  # fmt: skip

    def test_llama_bench_says_that_it_has_no_such_row(self, folder: TrialFolder) -> None:
        made = export(folder, "llama-bench")
        assert "(c2)" not in made.files["llama-bench.md"].decode()
        assert any("no such row: 1 rate of several requests at a time" in note for note in made.notes)
