"""A trial under way, as its evidence folder alone tells it."""

import http.client
import json
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest

from onbox.app.sealing import seal
from onbox.atomic_files import write_json
from onbox.evidence.folder import TrialFolder, append_line
from onbox.evidence.lock import locked
from onbox.evidence.records import GuardLimits, LedgerKind, Phase, RunRecord, StandUp
from onbox.judge.progress import remaining_s
from onbox.judge.results import Outcome
from onbox.view.inside import inside
from onbox.view.live import LiveState, LiveTrial
from onbox.watch.recording import Header, Recorder
from onbox.watch.samples import Machine, Process, WatchSample
from tests.builders import LARGE, SMALL, build_plan, build_trial, scripted_run, speed_parts, write_run
from tests.exchanges import call_reply
from tests.unit.view.serving import served

RESERVE_BYTES = 2_000_000_000
UP = StandUp(
    launch_id="launch-1",
    engine="llama-server",
    url="http://127.0.0.1:9/v1",
    guard=GuardLimits(reserve_bytes=RESERVE_BYTES, horizon_s=0.3),
)


@pytest.fixture
def folder(tmp_path: Path) -> TrialFolder:
    """A trial that was planned and nothing more."""
    return TrialFolder.create(tmp_path / "top" / "live", build_plan((SMALL, LARGE)))


def live_state(folder: TrialFolder, running: bool = True) -> LiveState:
    """What a page that is opened now shows."""
    return LiveTrial(TrialFolder(inside(folder.path))).refresh(running)


def stands_up(folder: TrialFolder, seconds: int, held_each_s: int = 500_000_000) -> None:
    """The watch's samples of so many seconds of loading."""
    home = folder.contender("small") / "standup"
    write_json(home / "phases.json", UP)
    with Recorder(home / "samples.jsonl", Header(title="small")) as recorder:
        for t in range(seconds):
            held = held_each_s * t
            process = Process(1, "llama-server", "own", "R", 1.5 * t, 99 * t, 8, held, 2 * 10**8 * t, 0, 10**8 * t, t)
            machine = Machine(16_000_000_000 - held, 17_000_000_000, 0, 0, 0, 10**8 * t, 0)
            line = (f"srv    load_model: loading model {t}",)
            recorder.write(WatchSample(t_ns=t * 10**9, processes=(process,), machine=machine, log=line, log_bytes=t))
    (home / "engine.log").write_text("2026-11-29T09:00:00Z first\n2026-11-29T09:00:09Z the last line\n")


def is_up(folder: TrialFolder, name: str = "small") -> None:
    """The engine serves."""
    phases = (Phase(name="load", seconds=9.0, peak_bytes=5_000_000_000),)
    up = UP.model_copy(update={"ready_s": 9.0, "phases": phases})
    write_json(folder.contender(name) / "standup" / "phases.json", up)


def measured(folder: TrialFolder, name: str = "small") -> None:
    """The decode rate is measured."""
    speed_parts(25.0).write(folder.contender(name) / "speed" / "1")


def test_before_anything_began(folder: TrialFolder) -> None:
    state = live_state(folder)
    assert state.active is None
    assert [contender.state for contender in state.contenders] == ["waits", "waits"]
    assert (state.ended, state.planned) == (0, 24)
    assert state.left_s is None


def test_a_stand_up_with_memory_and_reserve(folder: TrialFolder) -> None:
    (folder.contender("small")).mkdir()
    assert live_state(folder).phase == "fetch"
    stands_up(folder, 10)
    state = live_state(folder)
    assert state.active is not None
    assert (state.active.name, state.active.state, state.phase) == ("small", "stands up", "load")
    assert "progressing" in state.phase_detail
    assert state.memory is not None
    assert (state.memory.available_bytes, state.memory.held_bytes) == (11_500_000_000, 4_500_000_000)
    assert (state.memory.total_bytes, state.memory.reserve_bytes) == (17_000_000_000, RESERVE_BYTES)
    assert state.memory.age_s < 60
    assert state.line.endswith("the last line")


def test_samples_are_followed_as_they_come(folder: TrialFolder) -> None:
    follower = LiveTrial(TrialFolder(inside(folder.path)))
    stands_up(folder, 5)
    first = follower._read_folder(True).memory
    assert first is not None
    assert first.held_bytes == 2_000_000_000
    with (folder.contender("small") / "standup" / "samples.jsonl").open("a") as file:
        sample = WatchSample(t_ns=6 * 10**9, machine=Machine(8_000_000_000, 17_000_000_000, 0, 0, 0, 0, 0))
        file.write(json.dumps(sample.to_json()) + "\n" + '{"t_ns": 7, "cut off')
    second = follower._read_folder(True).memory
    assert second is not None
    assert second.available_bytes == 8_000_000_000
    stands_up(folder, 2)  # another life in its place
    third = follower._read_folder(True).memory
    assert third is not None
    assert third.held_bytes == 500_000_000


def test_memory_while_it_works_is_the_guards(folder: TrialFolder) -> None:
    stands_up(folder, 5)
    is_up(folder)
    measured(folder)
    home = folder.contender("small") / "standup"
    record = {"at": "2026-11-29T09:00:00Z", "t_s": 5.0, "own_bytes": 4_000_000_000, "gpu_bytes": None}
    append_line(home / "memory.jsonl", {**record, "available_bytes": 1})
    append_line(home / "memory.jsonl", {**record, "available_bytes": 11_000_000_000})
    append_line(home / "memory.jsonl", {"at": 5})
    state = live_state(folder)
    assert state.memory is not None
    assert (state.memory.available_bytes, state.memory.held_bytes) == (11_000_000_000, 4_000_000_000)
    assert state.memory.total_bytes == 17_000_000_000
    assert state.memory.age_s < 60


def test_a_measurement_under_way(folder: TrialFolder) -> None:
    stands_up(folder, 5)
    is_up(folder)
    parts = speed_parts(25.0)
    for exchange in parts.exchanges[:3]:
        append_line(folder.contender("small") / "speed" / "1" / "requests.jsonl", exchange)
    state = live_state(folder)
    assert (state.phase, state.requests) == ("speed", 3)
    assert state.tok_s == pytest.approx(25.0, rel=0.01)
    assert state.active is not None
    assert state.active.phases[0].name == "load"


def test_runs_as_they_end_and_those_under_way(folder: TrialFolder) -> None:
    stands_up(folder, 5)
    is_up(folder)
    measured(folder)
    for letter, task in (("P", "rename"), ("F", "add-flag"), ("L", "fix-test")):
        write_run(folder, *scripted_run(letter, "small", task, 1))
    under_way = folder.run_folder("small", "explain", "baseline", 1)
    append_line(under_way / "wire.jsonl", call_reply("ls", id=1))
    state = live_state(folder)
    assert state.phase == "runs"
    assert (state.ended, state.planned) == (3, 24)
    assert [(run.task, run.outcome) for run in state.recent] == [
        ("fix-test", Outcome.SERVING_FAILURE),
        ("add-flag", Outcome.FAILED),
        ("rename", Outcome.PASSED),
    ]
    assert [(run.task, run.n, run.answers) for run in state.under_way] == [("explain", 1, 1)]
    assert state.cells["small", "rename", "baseline"] == ["passed", "", ""]
    assert state.cells["small", "explain", "baseline"] == ["under way", "", ""]
    paces = [run.seconds for run in state.recent]
    assert state.left_s == remaining_s(21, paces, 1) == pytest.approx(21 * sum(paces) / 3)
    assert state.active is not None
    assert state.active.speed is not None


def test_the_outcome_is_the_one_that_the_verdict_gives(tmp_path: Path) -> None:
    folder = build_trial(tmp_path / "trial")
    state = live_state(folder, running=False)
    verdict = {(run.contender, run.task, run.n): run.outcome for run in seal(folder).runs}
    assert len(state.recent) == 24
    assert {(run.contender, run.task, run.n): run.outcome for run in state.recent} == verdict


def test_a_run_that_is_done_again_counts_once(folder: TrialFolder) -> None:
    is_up(folder)
    measured(folder)
    record, exchanges = scripted_run("I", "small", "rename", 1)
    write_run(folder, record, exchanges)
    follower = LiveTrial(TrialFolder(inside(folder.path)))
    assert follower._read_folder(True).cells["small", "rename", "baseline"][0] == "invalid"
    assert folder.set_aside(record, "done again")
    state = follower._read_folder(True)
    assert (state.ended, state.cells["small", "rename", "baseline"][0]) == (0, "")
    write_run(folder, *scripted_run("P", "small", "rename", 1))
    assert follower._read_folder(True).cells["small", "rename", "baseline"][0] == "passed"


def test_how_contenders_ended_and_that_a_resumed_trial_goes_on(folder: TrialFolder) -> None:
    is_up(folder)
    measured(folder)
    folder.note(LedgerKind.STOPPED, "small", "asked")
    folder.note(LedgerKind.FAILED, "large", "no memory")
    (folder.contender("large")).mkdir()
    state = live_state(folder)
    assert [(each.state, each.why) for each in state.contenders] == [("is done", ""), ("failed", "no memory")]
    assert state.active is None
    folder.note(LedgerKind.RESUMED, ".")
    assert [each.state for each in live_state(folder).contenders] == ["works", "stands up"]


def test_runs_that_cannot_be_read_are_counted_and_stop_nothing(folder: TrialFolder) -> None:
    is_up(folder)
    measured(folder)
    for n in (1, 2):
        write_run(folder, *scripted_run("P", "small", "rename", n))
    (folder.run_folder("small", "rename", "baseline", 1) / "run.json").write_text("{")
    with (folder.path / "ledger.jsonl").open("a") as file:
        file.write('nonsense\n{"at": 1}\n[]\n')
    state = live_state(folder)
    assert state.unread == 1
    assert state.cells["small", "rename", "baseline"] == ["ended", "passed", ""]


@pytest.mark.parametrize("content", ["contenders: 7", "", "\x00", "a: [", "- 1"])
def test_a_plan_that_is_none_is_named(folder: TrialFolder, content: str) -> None:
    (folder.path / "plan.yaml").write_text(content)
    assert live_state(folder).problem.startswith("plan.yaml")


def test_a_record_of_another_run_is_not_taken_for_this_one(folder: TrialFolder) -> None:
    is_up(folder)
    record, exchanges = scripted_run("P", "small", "rename", 2)
    write_run(folder, record, exchanges)
    path = folder.run_folder("small", "rename", "baseline", 2) / "run.json"
    write_json(path, RunRecord.model_validate({**record.model_dump(), "n": 3}))
    assert live_state(folder).unread == 1


# ---------------------------------------------------------------- over the wire


def events(port: int, cookie: str, at: str) -> Generator[tuple[str, str], None, None]:
    """(name, data) of each event of a live page."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", f"/live?at={at}", headers={"Cookie": cookie})
    response = connection.getresponse()
    assert response.getheader("content-type", "").startswith("text/event-stream")
    name = ""
    while line := response.readline().decode():
        field, _, value = line.rstrip("\n").partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, value
    connection.close()


def test_a_page_follows_a_trial_to_its_verdict(folder: TrialFolder) -> None:
    is_up(folder)
    measured(folder)
    with served(folder.path.parent) as client, locked(folder.path):
        row = client.get("/").words
        assert "Under way live" in row
        page = client.get("/trial?at=live").words
        assert "small: runs" in page
        assert "0 of 24" in page
        found = events(client.port, client.cookie, "live")
        name, data = next(found)
        assert name == "state"
        assert "0 <span" in json.loads(data)
        write_run(folder, *scripted_run("P", "small", "rename", 1))
        assert "1 <span" in json.loads(next(found)[1])
        run = client.get("/run?at=live&run=small/rename/baseline/1").words
        assert "The gate passed." in run
        shutil.rmtree(folder.path)
        build_trial(folder.path)
        seal(folder)
        with locked(folder.path):
            pass
        rest = [name for name, _ in found]
        assert rest[-1] == "ended"
        assert "Switch" in client.get("/trial?at=live").words or "Undecided" in client.get("/trial?at=live").words


def test_a_trial_that_was_cut_off_has_no_verdict_and_says_how_to_go_on(folder: TrialFolder) -> None:
    is_up(folder)
    measured(folder)
    write_run(folder, *scripted_run("P", "small", "rename", 1))
    folder.note(LedgerKind.INTERRUPTED, ".", "by the user")
    with served(folder.path.parent) as client:
        assert "Not finished no verdict live" in client.get("/").words
        assert "last: interrupted: by the user" in client.get("/").words
        page = client.get("/trial?at=live").words
        assert "There is no verdict yet" in page
        assert "pass rate" not in page
        assert client.get("/runs?at=live").status == 404
        assert "The gate passed." in client.get("/run?at=live&run=small/rename/baseline/1").words
        for run in ("small/rename/baseline/9", "small/rename/baseline/x", "a/b", "../../x/1", "//1/1", "x/y/z/1"):
            assert client.get(f"/run?at=live&run={run}").status == 404
        assert client.get("/standup?at=live").status == 200


def test_no_more_pages_follow_than_are_let(folder: TrialFolder) -> None:
    from onbox.view.site import FOLLOWERS_MAX

    with served(folder.path.parent) as client, locked(folder.path):
        open_ones = [events(client.port, client.cookie, "live") for _ in range(FOLLOWERS_MAX)]
        for each in open_ones:
            assert next(each)[0] == "state"
        assert client.get("/live?at=live").status == 503
        for each in open_ones:
            each.close()


def test_what_is_left_is_unknown_until_a_run_has_ended() -> None:
    assert remaining_s(10, [], 1) is None
    assert remaining_s(10, [2.0, 4.0], 1) == 30.0
    assert remaining_s(10, [2.0, 4.0], 3) == 10.0
    assert remaining_s(0, [2.0], 1) == 0.0
