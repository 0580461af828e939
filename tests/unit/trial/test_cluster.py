"""Runs spread over a cluster, as far as no cluster is needed: who does what, what travels, what is refused."""

import socket
from pathlib import Path

import pytest

from onbox.bench.tasks import load_tasks
from onbox.errors import BadSubjectError, BoxError
from onbox.evidence.records import Plan
from onbox.judge.runs.observed_rate import UsualRate, usual_of_each_node
from onbox.trial.affinity import run_affinity
from onbox.trial.cluster import _knock, _named
from onbox.trial.folder_bytes import pack, unpack
from onbox.trial.plan import make_plan
from onbox.trial.ray_worker import WorkerResult
from onbox.trial.scheduler import RunJob
from onbox.trial.spec import TrialSpec
from tests.builders import run_record
from tests.verdicts import run_result

TASKS = load_tasks("builtin", ["fill-json", "write-to-test"])
NAMES = [task.name for task in TASKS]


def job(task: int, n: int, arm: str = "baseline") -> RunJob:
    return RunJob(TASKS[task], arm, n, 1)


class TestHomes:
    def test_every_place_has_its_share_of_each_task(self) -> None:
        home = run_affinity(["", "a", "b"], NAMES, [])
        assert [home(job(0, n)) for n in range(1, 7)] == [0, 1, 2, 0, 1, 2]
        assert [home(job(1, n)) for n in range(1, 7)] == [1, 2, 0, 1, 2, 0]

    def test_arms_stay_together(self) -> None:
        home = run_affinity(["", "a"], NAMES, [])
        assert home(job(0, 1)) == home(job(0, 1, "house-rules"))

    def test_a_pair_goes_where_its_other_half_was_done(self) -> None:
        done = [run_record(task=NAMES[0], n=1, node="b"), run_record(task=NAMES[1], n=1, node="gone")]
        home = run_affinity(["", "a", "b"], NAMES, done)
        assert home(job(0, 1)) == 2
        assert home(job(1, 1)) == 1


class TestPacked:
    def test_a_task_is_the_same_task_on_the_other_side(self, tmp_path: Path) -> None:
        unpack(pack(*(task.path for task in TASKS)), tmp_path)
        assert [task.sha256 for task in load_tasks(tmp_path, NAMES)] == [task.sha256 for task in TASKS]

    def test_the_last_file_is_written_last(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        source = tmp_path / "run"
        source.mkdir()
        for name in ("a.txt", "run.json", "z.txt"):
            (source / name).write_text(name)
        observations: list[list[str]] = []

        def write(path: Path, data: bytes) -> None:
            observations.append(sorted(each.name for each in path.parent.iterdir()))
            path.write_bytes(data)

        monkeypatch.setattr("onbox.trial.folder_bytes.write_atomic", write)
        unpack(pack(*source.iterdir()), tmp_path / "there", last="run.json")
        assert observations == [["a.txt", "z.txt"]]
        assert (tmp_path / "there" / "run.json").read_text() == "run.json"

    def test_nothing_is_written_outside(self, tmp_path: Path) -> None:
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / "link").symlink_to("/etc/hostname")
        unpack(pack(tmp_path / "in"), tmp_path / "out")
        assert not (tmp_path / "out" / "in" / "link").is_symlink()


def test_nodes_have_names_of_their_own_that_can_be_folders() -> None:
    def node(name: str, address: str, number: str) -> dict[str, str]:
        return {"NodeName": name, "NodeManagerHostname": "host", "NodeManagerAddress": address, "NodeID": number}

    nodes = [
        node("box", "10.0.0.2", "2"),
        node("box", "10.0.0.1", "1"),
        node("", "10.0.0.3", "3"),
        node("../x", "9", "4"),
    ]
    assert _named(iter(nodes)) == {"box": "1", "box-2": "2", "host": "3", "x": "4"}


def test_what_a_worker_says_keeps_its_class_and_names_the_node() -> None:
    with pytest.raises(BadSubjectError, match="node b: the generator broke") as caught:
        WorkerResult(error=("BadSubjectError", "the generator broke", "mend it")).check("b")
    assert caught.value.next_step == "mend it"
    WorkerResult().check("b")


@pytest.mark.parametrize("address", ["nowhere", "ray://127.0.0.1:10001", "127.0.0.1:1", "127.0.0.1:99999"])
def test_an_address_at_which_nothing_answers_is_reported_at_once(address: str) -> None:
    with pytest.raises(BoxError, match=f"--ray: {address}: (not an address|no cluster answers)"):
        _knock(address)


def test_a_port_beyond_the_last_is_not_another_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        _knock(f"127.0.0.1:{port}")
        with pytest.raises(BoxError, match="not an address"):
            _knock(f"127.0.0.1:{port + 65536}")


def test_a_slow_node_is_held_against_itself() -> None:
    here = [(run_result("F", "small", "rename", n), 100.0) for n in range(1, 4)]
    there = [(run_result("F", "small", "rename", n, node="b"), 20.0) for n in range(4, 7)]
    usual = usual_of_each_node(None, [*here, *there], parallel=1)
    assert [usual[node].of(runs[0][0]) for node, runs in (("", here), ("b", there))] == [
        UsualRate(100.0),
        UsualRate(20.0),
    ]
    few = usual_of_each_node(None, [*here, *there[:2]], parallel=1)
    assert few["b"].of(there[0][0]) is None


def test_a_file_names_the_cluster_and_the_command_line_goes_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onbox.trial.plan.require_ray", lambda: None)
    file = tmp_path / "trial.yaml"
    file.write_text("contenders: [smollm2-135m]\nray: 10.0.0.1:6379\n")

    def planned(ray: str | None, path: Path = file) -> Plan:
        return make_plan(TrialSpec(contenders=[str(path)], ray=ray), sandbox="bubblewrap", read_gb_s=None)[0]

    assert [planned(ray).ray for ray in (None, "10.0.0.2:6379", "")] == ["10.0.0.1:6379", "10.0.0.2:6379", ""]
    frozen = tmp_path / "plan.yaml"
    frozen.write_text(planned(None).model_dump_json())
    assert [planned(ray, frozen).ray for ray in (None, "")] == ["10.0.0.1:6379", ""]
