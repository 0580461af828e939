"""The plan of a trial: what was asked, resolved and frozen."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from onbox import recipes
from onbox.bench.tasks import BUILTIN, CORE, QUICK, SHORT
from onbox.errors import UsageError
from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import Plan, SpeedPlan
from onbox.trial.plan import make_plan, tasks_of
from onbox.trial.spec import SPEED, TrialSpec

URL = "http://127.0.0.1:8080/v1"
TASK = "fill-json"
FILE: dict[str, Any] = {
    "contenders": [URL, {"name": "mine", "engine": "attached", "url": URL}],
    "task_names": [TASK],
    "runs": 4,
    "seed": 9,
    "speed": {"requests": 2},
    "limits": {"turns": 5},
    "nudges": 1,
}


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBOX_CACHE", str(tmp_path / "cache"))


def plan_of(*contenders: str, **fields: Any) -> Plan:
    read_gb_s = fields.pop("read_gb_s", None)
    return make_plan(TrialSpec(contenders=contenders, **fields), sandbox="none", read_gb_s=read_gb_s)[0]


def written(path: Path, data: Any) -> str:
    path.write_text(yaml.safe_dump(data))
    return str(path)


class TestContenders:
    def test_the_first_is_the_incumbent(self) -> None:
        plan = plan_of(URL, "http://127.0.0.1:8081/v1", task_names=[TASK])
        assert [(c.name, c.role) for c in plan.contenders] == [
            ("127.0.0.1-8080", "incumbent"),
            ("127.0.0.1-8081", "challenger"),
        ]

    def test_none_is_the_embedded_pair(self) -> None:
        plan = plan_of(task_names=[TASK])
        assert tuple(c.name for c in plan.contenders) == recipes.EMBEDDED_PAIR

    def test_a_gguf_and_a_recipe_file(self, tmp_path: Path) -> None:
        (tmp_path / "m.gguf").write_bytes(b"GGUF")
        recipe = {"name": "mine", "engine": "llama-embedded", "weights": {"path": "m.gguf"}}
        plan = plan_of(str(tmp_path / "m.gguf"), written(tmp_path / "r.yaml", recipe), task_names=[TASK])
        assert [c.served.weights and c.served.weights.path for c in plan.contenders] == [str(tmp_path / "m.gguf")] * 2

    @pytest.mark.parametrize("name", ["qwen", "http://", "http://box:port", "none.gguf", "none.yaml", "a/b"])
    def test_an_unknown_one_is_named(self, name: str) -> None:
        with pytest.raises(UsageError) as caught:
            plan_of(name)
        assert name in caught.value.message

    def test_a_missing_weights_file_is_named(self, tmp_path: Path) -> None:
        recipe = {"name": "mine", "engine": "llama-embedded", "weights": {"path": "none.gguf"}}
        with pytest.raises(UsageError, match=r"mine: weights\.path: .*none\.gguf: No such file"):
            plan_of(written(tmp_path / "r.yaml", recipe))

    def test_equal_names_get_numbers_that_no_other_name_has(self, tmp_path: Path) -> None:
        names = ["A", "a", "a-1", "b"]
        files = [
            written(tmp_path / f"{n}.yaml", {"name": name, "engine": "attached", "url": URL})
            for n, name in enumerate(names)
        ]
        found = [c.name for c in plan_of(*files, task_names=[TASK]).contenders]
        assert found == ["A-2", "a-3", "a-1", "b"]


class TestTasksAndRuns:
    def test_defaults_and_quick(self) -> None:
        short, quick = plan_of(URL), plan_of(URL, quick=True)
        assert (tuple(task.name for task in short.tasks), short.runs) == (SHORT, 3)
        assert (tuple(task.name for task in quick.tasks), quick.runs) == (QUICK, 3)
        assert plan_of(URL, quick=True, runs=5).runs == 5

    def test_sets_of_builtin_tasks(self) -> None:
        def names(**fields: Any) -> tuple[str, ...]:
            return tuple(task.name for task in plan_of(URL, **fields).tasks)

        assert names(tasks="quick") == QUICK
        assert names(tasks="core") == CORE
        assert names(tasks="core", quick=True) == QUICK
        assert names(tasks="builtin") == tuple(sorted(path.parent.name for path in BUILTIN.glob("*/task.toml")))
        assert names(tasks="quick", task_names=["chat-tcp"]) == ("chat-tcp",)

    def test_without_bench_no_tasks(self) -> None:
        assert plan_of(URL, bench=False, kind="speed").tasks == ()

    def test_runs_and_tasks_that_make_no_sense(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="runs: 0"):
            plan_of(URL, runs=0)
        with pytest.raises(UsageError, match="nonesuch"):
            plan_of(URL, task_names=["nonesuch"])
        with pytest.raises(UsageError, match="none"):
            plan_of(URL, tasks=str(tmp_path / "none"))

    def test_tasks_that_changed_since_are_named(self) -> None:
        plan = plan_of(URL, task_names=[TASK])
        assert [task.name for task in tasks_of(plan)] == [TASK]
        changed = plan.model_copy(update={"tasks": (plan.tasks[0].model_copy(update={"sha256": "0" * 64}),)})
        with pytest.raises(UsageError, match=f"task {TASK}: its files have changed"):
            tasks_of(changed)


class TestExpected:
    def test_seconds_grow_with_bytes_and_are_none_for_a_server(self, tmp_path: Path) -> None:
        assert plan_of(URL, read_gb_s=50.0, task_names=[TASK]).expected is None
        small = plan_of("smollm2-135m", read_gb_s=50.0, task_names=[TASK]).expected
        large = plan_of("qwen2.5-coder-1.5b", read_gb_s=50.0, task_names=[TASK]).expected
        assert small is not None
        assert large is not None
        assert small.download_bytes == 98_362_432
        assert large.seconds > small.seconds > 98_362_432 / 30e6
        assert "50 GB/s measured" in small.basis

    def test_no_bandwidth_no_estimate(self) -> None:
        assert plan_of("smollm2-135m", task_names=[TASK]).expected is None

    def test_an_empty_weights_file_does_not_divide_by_zero(self, tmp_path: Path) -> None:
        (tmp_path / "m.gguf").touch()
        recipe = {"name": "mine", "engine": "llama-embedded", "weights": {"path": "m.gguf"}}
        plan = plan_of(written(tmp_path / "r.yaml", recipe), read_gb_s=50.0, task_names=[TASK])
        assert plan.expected is None


class TestParallel:
    def test_one_at_a_time_unless_more_are_asked(self) -> None:
        plan = plan_of(URL, task_names=[TASK])
        assert plan.parallel == 1
        assert plan.speed == SPEED

    def test_what_onbox_starts_gets_room_and_is_measured_so_too(self) -> None:
        plan = plan_of("smollm2-135m", URL, task_names=[TASK], parallel=3, speed=SpeedPlan(concurrency=(2,)))
        assert plan.parallel == 3
        assert [contender.served.serve.sequences for contender in plan.contenders] == [3, None]
        assert plan.speed == SpeedPlan(concurrency=(2, 3))
        assert plan_of("smollm2-135m", task_names=[TASK], parallel=3, speed=None).speed is None
        assert plan_of(URL, bench=False, parallel=3).speed == SPEED

    def test_the_time_expected_takes_nothing_off(self) -> None:
        one, three = (
            plan_of("smollm2-135m", task_names=[TASK], speed=None, parallel=n, read_gb_s=50.0).expected for n in (1, 3)
        )
        assert one is not None
        assert three is not None
        assert three.seconds == one.seconds
        assert three.basis == f"{one.basis}, as if run one at a time"

    def test_a_recipe_with_more_room_keeps_it(self, tmp_path: Path) -> None:
        recipe = {"name": "m", "engine": "llama-embedded", "weights": {"path": str(tmp_path / "m.gguf")}}
        (tmp_path / "m.gguf").touch()
        path = written(tmp_path / "m.yaml", {**recipe, "serve": {"sequences": 8}})
        assert plan_of(path, task_names=[TASK], parallel=3).contenders[0].served.serve.sequences == 8

    def test_a_file_and_a_frozen_plan_ask_for_it_too(self, tmp_path: Path) -> None:
        path = written(tmp_path / "t.yaml", {**FILE, "parallel": 2})
        assert plan_of(path).parallel == 2
        assert plan_of(path, parallel=4).parallel == 4
        folder = TrialFolder.create(tmp_path / "trial", plan_of(path))
        assert plan_of(str(folder.path / "plan.yaml")).parallel == 2

    def test_more_than_any_engine_serves_make_none(self) -> None:
        with pytest.raises(UsageError, match="--parallel: 1001 is more than 1000"):
            plan_of("http://127.0.0.1:9", parallel=1001)

    def test_a_plan_that_would_never_end_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="runs: 1000000000 is more than 10000"):
            plan_of(written(tmp_path / "t.yaml", {**FILE, "runs": 1_000_000_000}))

    def test_fewer_than_one_make_no_sense(self) -> None:
        with pytest.raises(UsageError, match="--parallel: 0 is not at least 1"):
            plan_of(URL, task_names=[TASK], parallel=0)


class TestFile:
    def test_says_what_the_options_say(self, tmp_path: Path) -> None:
        plan = plan_of(written(tmp_path / "t.yaml", FILE))
        assert [c.name for c in plan.contenders] == ["127.0.0.1-8080", "mine"]
        assert (plan.runs, plan.seed, plan.agent.nudges, plan.agent.limits.turns) == (4, 9, 1, 5)
        assert [task.name for task in plan.tasks] == [TASK]
        assert plan.speed == SpeedPlan(requests=2)

    def test_the_command_line_wins(self, tmp_path: Path) -> None:
        path = written(tmp_path / "t.yaml", FILE)
        plan = plan_of(path, runs=1, seed=2, speed=None, task_names=["write-to-test"])
        assert (plan.runs, plan.seed, plan.speed) == (1, 2, None)
        assert [task.name for task in plan.tasks] == ["write-to-test"]

    def test_folders_start_at_the_file(self, tmp_path: Path) -> None:
        (tmp_path / "tasks").symlink_to(BUILTIN)
        plan = plan_of(written(tmp_path / "t.yaml", {"contenders": [URL], "tasks": "tasks", "task_names": [TASK]}))
        assert plan.tasks_from == str(BUILTIN)

    @pytest.mark.parametrize(
        ("change", "named"),
        [
            ({"runz": 3}, "runz"),
            ({"limits": {"turns": "x"}}, r"limits\.turns"),
            ({"contenders": [3]}, r"contenders\.0"),
            ({"contenders": [{"name": "x"}]}, "contenders: engine"),
            ({"contenders": ["nonesuch"]}, "nonesuch"),
        ],
    )
    def test_a_wrong_field_is_named(self, tmp_path: Path, change: dict[str, Any], named: str) -> None:
        with pytest.raises(UsageError, match=named):
            plan_of(written(tmp_path / "t.yaml", {**FILE, **change}))


class TestFrozen:
    def test_a_plan_in_evidence_asks_the_same_again(self, tmp_path: Path) -> None:
        request = TrialSpec(
            contenders=("smollm2-135m", "qwen2.5-coder-0.5b"), task_names=[TASK], runs=2, seed=5, nudges=1
        )
        first, _ = make_plan(request, sandbox="none", read_gb_s=20.0)
        folder = TrialFolder.create(tmp_path / "trial", first)
        assert folder.plan() == first
        again, _ = make_plan(TrialSpec(contenders=[str(folder.path / "plan.yaml")]), sandbox="none", read_gb_s=20.0)
        assert again.model_copy(update={"created_at": first.created_at}) == first

    def test_a_measurement_alone_stays_one(self, tmp_path: Path) -> None:
        first, _ = make_plan(
            TrialSpec(contenders=[URL], bench=False, kind="speed"), sandbox="not needed", read_gb_s=None
        )
        folder = TrialFolder.create(tmp_path / "trial", first)
        again = plan_of(str(folder.path / "plan.yaml"))
        assert (again.kind, again.tasks, again.speed) == ("speed", (), first.speed)

    def test_a_spoilt_one_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"plan\.yaml: created_at"):
            plan_of(written(tmp_path / "plan.yaml", {"onbox_version": "0", "contenders": []}))
