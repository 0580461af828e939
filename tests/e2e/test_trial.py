"""`onbox trial` from the command line to the sealed report, against servers whose truth is known."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from onbox.box.memory import memory
from onbox.judge.speed.checks import OF_THE_BOX
from tests.doubles.script import HOSTILE
from tests.e2e.cli import environment, onbox, onbox_here, scripted, verdict_of
from tests.e2e.conftest import TrialFile

ESCAPE = "\x1b"
TOK_S = 800.0


class Ended:
    """A trial that is over, and what it printed."""

    def __init__(self, folder: Path, stdout: str, stderr: str) -> None:
        self.folder = folder
        self.stdout = stdout
        self.stderr = stderr
        self.verdict: dict[str, Any] = verdict_of(folder)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ended]:
    """A server that does its work against one that only says so; its tests have the box alone, as speed is measured."""
    place = tmp_path_factory.mktemp("pair")
    folder, file = place / "trial", place / "trial.yaml"
    rate = ("--tok-s", str(TOK_S))
    with scripted("good", *rate) as good, scripted("lazy", *rate) as lazy:
        speed = {"requests": 8, "tokens": 128, "at_least_s": 1.0}
        file.write_text(json.dumps({"contenders": [good, lazy], "speed": speed}))
        done = onbox("trial", file, "--quick", "--runs", "2", "--out", folder, "--json")
        assert done.returncode == 0, done.stderr
        yield Ended(folder, done.stdout, done.stderr)


@pytest.mark.alone
def test_good_passes_and_lazy_claims(pair: Ended) -> None:
    good, lazy = pair.verdict["contenders"]
    assert (good["passed"], good["valid"], good["invalid"]) == (6, 6, 0)
    assert (lazy["passed"], lazy["valid"], lazy["invalid"]) == (0, 6, 0)
    codes = {(run["contender"], run["code"], run["attribution"]) for run in pair.verdict["runs"]}
    assert codes == {(good["name"], "PASS", "none"), (lazy["name"], "M-CLAIM", "model")}
    # A script does not sample: its two runs of a task count as one, and three tasks prove nothing.
    assert pair.verdict["verdict"] == "undecided"


@pytest.mark.alone
def test_speed_is_the_known_rate_by_three_witnesses(pair: Ended) -> None:
    for contender in pair.verdict["contenders"]:
        speed = contender["speed"]
        rates = {witness["name"]: witness["tok_s"] for witness in speed["witnesses"]}
        assert set(rates) == {"client_bursts", "engine_counters", "engine_timings"}
        assert all(tok_s == pytest.approx(TOK_S, rel=0.05) for tok_s in rates.values()), rates
        checks = {check["id"]: check["status"] for check in speed["checks"]}
        assert checks["TOKEN_RESIDUAL"] == "pass"
        # What others do on this box while the tests run may only cost the number its standing, as a check that says so.
        assert {name for name, status in checks.items() if status != "pass"} <= OF_THE_BOX | {"STEADY", "COALESCED"}
        assert speed["decode_tok_s"] == (None if checks["FOREIGN_CPU"] == "fail" else rates["client_bursts"])


@pytest.mark.alone
def test_json_is_one_object_on_stdout_and_names_the_folder(pair: Ended) -> None:
    result = json.loads(pair.stdout)
    assert result["trial"] == str(pair.folder)
    assert Path(result["report"]).is_file()
    assert result["verdict"] == pair.verdict["verdict"]
    assert "begins" in pair.stderr


@pytest.mark.alone
def test_piped_output_is_plain(pair: Ended) -> None:
    assert ESCAPE not in pair.stdout + pair.stderr
    assert ESCAPE not in onbox_here("judge", pair.folder).stdout


@pytest.mark.alone
def test_an_attached_engine_is_not_called_gone(pair: Ended) -> None:
    assert "left running" in pair.stderr
    assert "engine gone" not in pair.stderr


@pytest.mark.alone
def test_judging_twice_gives_the_same_bytes(pair: Ended) -> None:
    first, second = (onbox("judge", pair.folder, "--json") for _ in range(2))
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    assert json.loads(first.stdout) == pair.verdict


@pytest.mark.alone
def test_verify_holds_and_finds_one_flipped_byte(pair: Ended) -> None:
    done = onbox_here("verify", pair.folder, "--json")
    result = json.loads(done.stdout)
    assert (done.returncode, result) == (0, {"ok": True, "mismatches": [], "notes": [], "seal": result["seal"]})
    assert result["seal"] in (pair.folder / "report.html").read_text("utf-8")
    run = next(pair.folder.glob("*/runs/*/*/1/run.json"))
    wire = next(pair.folder.glob("*/runs/*/*/2/wire.jsonl"))
    requests = next(pair.folder.glob("*/speed/1/requests.jsonl"))
    for path in (pair.folder / "plan.yaml", pair.folder / "verdict.json", run, wire, requests):
        whole = path.read_bytes()
        middle = len(whole) // 2
        path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
        done = onbox_here("verify", pair.folder, "--json")
        path.write_bytes(whole)
        name = path.relative_to(pair.folder).as_posix()
        result = json.loads(done.stdout)
        assert (done.returncode, result["ok"]) == (1, False)
        assert result["mismatches"] == [{"file": name, "problem": "changed"}]
        assert name in done.stderr
    assert onbox_here("verify", pair.folder).returncode == 0


@pytest.mark.alone
def test_verify_finds_a_verdict_that_does_not_follow(pair: Ended) -> None:
    """A forger who knows about the manifest and writes it anew is found by judging again."""
    from onbox.evidence.manifest import NAME, write_manifest

    path, manifest = pair.folder / "verdict.json", pair.folder / NAME
    before, sealed = path.read_bytes(), manifest.read_bytes()
    path.write_text(json.dumps({**json.loads(before), "verdict": "switch"}))
    write_manifest(pair.folder)
    done = onbox_here("verify", pair.folder)
    path.write_bytes(before)
    manifest.write_bytes(sealed)
    assert done.returncode == 1
    assert "verdict does not follow from the evidence" in done.stderr


# ---------------------------------------------------------------- ways to fail

CODES = {
    "good": "PASS",
    "lazy": "M-CLAIM",
    "leak": "S-LEAK",
    "harmony": "S-LEAK",
    "null": "S-EMPTY",
    "finish": "S-FINISH",
    "error500": "S-PARSE500",
    "html": "M-NOCALL",
}


@pytest.fixture(scope="module")
def modes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ended]:
    """All modes in one trial, with one task and no measurement of speed."""
    home = tmp_path_factory.mktemp("modes")
    with ExitStack() as stack:
        recipes = [{"name": mode, "engine": "attached", "url": stack.enter_context(scripted(mode))} for mode in CODES]
        file = home / "trial.yaml"
        file.write_text(json.dumps({"contenders": recipes, "task_names": ["rename-2-files"], "speed": None}))
        done = onbox("trial", file, "--runs", "1", "--out", home / "trial")
        assert done.returncode == 0, done.stderr
        yield Ended(home / "trial", done.stdout, done.stderr)


def test_each_way_to_fail_has_its_code(modes: Ended) -> None:
    assert {run["contender"]: run["code"] for run in modes.verdict["runs"]} == CODES


def test_every_contender_met_the_same_instance(modes: Ended) -> None:
    records = [json.loads(path.read_text()) for path in modes.folder.glob("*/runs/*/*/*/run.json")]
    assert len(records) == len(CODES)
    assert len({(record["seed"], record["instance_sha256"]) for record in records}) == 1
    # A generated task: what its seed made is not the folder as it lies.
    assert records[0]["instance_sha256"] != records[0]["task_sha256"]


def test_serving_failures_are_not_the_models(modes: Ended) -> None:
    outcomes = {run["contender"]: run["outcome"] for run in modes.verdict["runs"]}
    assert outcomes == {
        mode: "passed" if code == "PASS" else "serving failure" if code.startswith("S-") else "failed"
        for mode, code in CODES.items()
    }
    assert {c["name"]: c["if_served_correctly"] for c in modes.verdict["contenders"]}["leak"] == 1.0


def test_preflight_said_so_before_the_runs(modes: Ended) -> None:
    for mode in ("lazy", "leak", "harmony", "null", "finish", "error500"):
        note = f"{mode}: preflight tool_call: fail"
        assert note in modes.stderr
        assert modes.stderr.index(note) < modes.stderr.index(f"{mode}: rename-2-files")
    assert "good: preflight" not in modes.stderr.replace("good: preflight begins", "").replace(
        "good: preflight took", ""
    )


def test_a_hostile_answer_reaches_no_reader_as_markup(modes: Ended) -> None:
    page = (modes.folder / "report.html").read_text()
    assert "<script" not in page.lower()
    assert "<img" not in page.lower()
    assert "&lt;script&gt;" in page
    assert "{{ 7 * 7 }}" in page or "49" not in re.sub(r"<style.*?</style>", "", page, flags=re.DOTALL)
    report = (modes.folder / "report.md").read_text()
    for text in (page, report, modes.stdout, modes.stderr):
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text)
    # The evidence itself keeps every byte.
    wire = (modes.folder / "html/runs/rename-2-files/baseline/1/wire.jsonl").read_text()
    assert json.dumps(json.dumps(HOSTILE)[-12:-1])[1:-1] in wire


def test_half_a_surrogate_pair_breaks_no_json(modes: Ended) -> None:
    """Whatever the terminal's encoding, `--json` is JSON."""
    for encoding in ("utf-8", "ascii"):
        done = onbox("judge", modes.folder, "--json", env=environment(PYTHONIOENCODING=encoding))
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == modes.verdict
        done = onbox("judge", modes.folder, env=environment(PYTHONIOENCODING=encoding))
        assert done.returncode == 0, done.stderr


# ---------------------------------------------------------------- an engine that dies


def test_a_contender_that_does_not_stand_up_is_recorded_and_the_others_have_their_turn(
    tmp_path: Path, plugin_env: dict[str, str], trial_file: TrialFile
) -> None:
    file, out = trial_file(runs=1, speed=False, broken="--mode nonsense", fine=""), tmp_path / "trial"
    done = onbox("trial", file, "--json", "--out", out, env=plugin_env)
    assert done.returncode == 3, done.stderr
    assert "broken: the engine died at start" in done.stderr
    assert Path(json.loads(done.stdout)["report"]).is_file()
    verdict = verdict_of(out)
    assert verdict["verdict"] == "undecided"
    assert {run["contender"]: run["code"] for run in verdict["runs"]} == {"fine": "PASS"}
    checks = {check["evidence"]: check["hint"] for check in verdict["checks"] if check["id"] == "PLAN_COMPLETE"}
    assert "broken: the engine died at start" in checks["broken/runs"]
    assert checks["fine/runs"] == ""
    ledger = [json.loads(line) for line in (out / "ledger.jsonl").read_text().splitlines()]
    assert [entry["subject"] for entry in ledger if entry["kind"] == "failed"] == ["broken"]
    assert onbox_here("verify", out).returncode == 0


def test_a_contender_that_the_guard_stops_is_recorded_and_the_others_have_their_turn(
    tmp_path: Path, plugin_env: dict[str, str], trial_file: TrialFile
) -> None:
    file, out = trial_file(runs=1, speed=False, hog="--hold-mib 3072", fine=""), tmp_path / "trial"
    reserve = memory().available_bytes / 2**30 - 1.0
    done = onbox("trial", file, "--reserve", f"{reserve:.3f}", "--json", "--out", out, env=plugin_env)
    assert done.returncode == 4, done.stderr
    assert "hog: stopped by the guard in phase load" in done.stderr
    stopped = json.loads((out / "hog/standup/phases.json").read_text())["stopped"]
    assert (stopped["how"], stopped["process_gone"], stopped["port_closed"]) == ("guard", True, True)
    assert json.loads((out / "hog/standup/guard.json").read_text())["trace"]
    assert {run["contender"]: run["code"] for run in verdict_of(out)["runs"]} == {"fine": "PASS"}
    assert onbox_here("verify", out).returncode == 0


def test_an_engine_that_dies_in_mid_stream_ends_the_trial_and_resume_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "trial"
    # The canary and two questions of the preflight come first; the fourth request is the agent's.
    with scripted("die", "--die-on", "4") as url:
        done = onbox("trial", url, "--task", "fill-json", "--runs", "2", "--no-speed", "--out", out)
        assert done.returncode == 3
        assert "the engine died while it worked" in done.stderr
        assert "--resume" in done.stderr
    port = url.rpartition(":")[2]
    cut_off = next(out.glob("*/runs/fill-json/baseline/1/run.json")).read_bytes()
    with scripted("good", "--port", port):
        again = onbox("trial", "--resume", out)
    assert again.returncode == 0, again.stderr
    assert {run["n"]: run["code"] for run in verdict_of(out)["runs"]} == {1: "PASS", 2: "PASS"}
    # The run that the engine took with it was done again; what it held is kept.
    assert cut_off in [path.read_bytes() for path in out.rglob("run.json")]
    ledger = [json.loads(line) for line in (out / "ledger.jsonl").read_text().splitlines()]
    assert any(
        entry["kind"] == "discarded" and entry["subject"].endswith("set-aside/fill-json/baseline/1.1")
        for entry in ledger
    )
    assert onbox_here("verify", out).returncode == 0
