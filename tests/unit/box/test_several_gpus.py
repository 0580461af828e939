"""Boxes of 1, 2 and 8 GPUs, alike and not, as a made driver tells of them."""

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from onbox import box, fit, recipes, weights
from onbox.app.fit import bandwidths_of, devices_used
from onbox.box import cuda
from onbox.box.bandwidth import Bandwidth
from onbox.box.gpu_selection import named, selected
from onbox.box.gpus import Accelerator, GpuWatch, accelerators
from onbox.cli.commands import box as box_command
from onbox.engines.base import GpuUse
from onbox.engines.registry import facts_of
from onbox.errors import UsageError
from onbox.evidence.records import StandUp
from onbox.fit.memory_plan import memory_plan
from onbox.fit.resident import resident
from onbox.judge.verdict.backend import backend_proof
from onbox.launch.budget import gpu_plans
from onbox.schema.recipe import Expect, Recipe
from onbox.speed.ceiling import roof_of
from onbox.weights import Facts
from tests.doubles.nvml import GIB, gpu, nvml
from tests.unit.weights.checkpoints import gpt_oss, write_model

TWO = (gpu(), gpu())
EIGHT = tuple(gpu() for _ in range(8))
MIXED = (gpu("NVIDIA L4", 24), gpu("NVIDIA H200", 141))


@pytest.fixture(autouse=True)
def no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onbox.box.cuda.devices", tuple)


def found(*devices: dict[str, Any]) -> tuple[Accelerator, ...]:
    return tuple(dataclasses.replace(each, unified=False) for each in accelerators(nvml(*devices)).devices)


def indices(devices: tuple[Accelerator, ...] | None) -> list[int] | None:
    return None if devices is None else [each.index for each in devices]


class TestSelection:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (None, [0, 1, 2, 3, 4, 5, 6, 7]),
            ("3,1", [3, 1]),
            ("", []),
            ("-1", []),
            ("0, 2 ,9,1", [0, 2]),
            ("GPU-00000005", [5]),
            ("GPU-0000000", []),
            ("1,1", []),
        ],
    )
    def test_of_eight_alike(self, value: str | None, expected: list[int]) -> None:
        environment = {} if value is None else {"CUDA_VISIBLE_DEVICES": value}
        assert indices(selected(found(*EIGHT), environment).devices) == expected

    def test_an_index_of_unlike_devices_does_not_say_which(self) -> None:
        chosen = selected(found(*MIXED), {"CUDA_VISIBLE_DEVICES": "0"})
        assert chosen.devices is None
        assert "CUDA_DEVICE_ORDER=PCI_BUS_ID" in chosen.why
        by_bus = {"CUDA_VISIBLE_DEVICES": "0", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
        assert indices(selected(found(*MIXED), by_bus).devices) == [0]

    def test_an_instance_of_mig_is_unknown(self) -> None:
        chosen = selected(found(*TWO), {"CUDA_VISIBLE_DEVICES": "MIG-1234"})
        assert chosen.devices is None
        assert "MIG" in chosen.why

    def test_names(self) -> None:
        assert named(found(gpu())) == "NVIDIA H200"
        assert named(found(*EIGHT)) == "8 x NVIDIA H200"
        assert named(found(*TWO, *MIXED)) == "3 x NVIDIA H200, NVIDIA L4"


class TestBox:
    def output_for(
        self, monkeypatch: pytest.MonkeyPatch, *devices: dict[str, Any], arguments: tuple[str, ...] = ()
    ) -> str:
        library = nvml(*devices)
        monkeypatch.setitem(sys.modules, "pynvml", library)
        result = CliRunner().invoke(box_command.command, ["--no-measure", *arguments])
        assert result.exit_code == 0, result.output
        return result.output

    def test_each_gpu_and_what_they_are_together(self, monkeypatch: pytest.MonkeyPatch) -> None:
        lines = self.output_for(monkeypatch, *TWO).splitlines()
        assert any(line.split() == ["gpus", "2", "x", "NVIDIA", "H200"] for line in lines)
        assert [line.split()[1] for line in lines if line.strip().startswith("gpu ")] == ["0", "1"]

    def test_one_is_one_row(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert "gpus" not in self.output_for(monkeypatch, gpu())

    def test_a_split_one_is_unknown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        message = self.output_for(monkeypatch, gpu(), gpu(MigMode=[1, 1]))
        assert "split by MIG" in message
        result = json.loads(self.output_for(monkeypatch, gpu(), gpu(MigMode=[1, 1]), arguments=("--json",)))
        by_id = {each["id"]: each["status"] for each in result["checks"]}
        assert by_id["gpu1.mig"] == "unknown"
        assert "gpu0.mig" not in by_id
        assert [each["mig"] for each in result["accelerators"]] == [False, True]

    def test_each_is_measured_under_its_own_number(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """CUDA counts the fastest first: its device 0 is NVML's 1."""

        def device(index: int, name: str, bus: str) -> cuda.Device:
            return cuda.Device(index, name, bus, "9.0", False, 141 * GIB, 132, 50 << 20)

        mine = (device(0, "NVIDIA H200", "0000:11:00.0"), device(1, "NVIDIA L4", "0000:10:00.0"))
        monkeypatch.setattr("onbox.box.cuda.devices", lambda: mine)
        monkeypatch.setitem(sys.modules, "pynvml", nvml(*MIXED))
        module = sys.modules["onbox.box.describe"]  # beside it lies a function of that name
        monkeypatch.setattr(
            module,
            "gpu_bandwidth",
            lambda each, sample: Bandwidth(4470.0 if "H200" in each.name else 280.0, "m", 1, device=each.name),
        )
        monkeypatch.setattr(module, "cpu_bandwidth", lambda: Bandwidth(20.0, "m", 1, device="cpu"))
        here = box.describe()
        assert [(each.device, each.index) for each in here.bandwidths] == [
            ("NVIDIA H200", 1),
            ("NVIDIA L4", 0),
            ("cpu", None),
        ]
        assert [each.unified for each in here.accelerators] == [False, False]
        used, _ = devices_used(here.accelerators, {}, 2)
        assert bandwidths_of(here, used) == (4750.0, None)
        assert bandwidths_of(here, used[:1]) == (280.0, None)

    def test_looks_ask_only_for_what_changes(self) -> None:
        library = nvml(*EIGHT)
        with GpuWatch(library) as watch:
            library.calls.clear()
            observations = [watch.read() for _ in range(3)]
        assert [len(each) for each in observations] == [8, 8, 8]
        assert observations[-1][7].sm_clock_max_mhz == 1980
        assert set(library.calls) == {
            "ClockInfo", "PowerUsage", "Temperature", "CurrentClocksThrottleReasons", "ComputeRunningProcesses"
        }  # fmt: skip
        assert sum(library.calls.values()) == 3 * 8 * 5


@pytest.fixture(scope="module")
def gpt_oss_120b(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    return weights.read(write_model(tmp_path_factory.mktemp("m"), *gpt_oss()))


class TestFit:
    @pytest.fixture(autouse=True)
    def model(self, gpt_oss_120b: Facts) -> None:
        self.facts = gpt_oss_120b

    def plan(self, devices: tuple[Accelerator, ...], tensor_parallel: int, context: int = 0) -> fit.MemoryPlan:
        memory = box.Memory(512 * GIB, 500 * GIB, False, "told")
        place = fit.room(memory, devices, False, devices=tensor_parallel)
        return memory_plan(
            self.facts,
            resident(self.facts),
            context=context,
            concurrency=1,
            kv_dtype="bf16",
            place=place,
            devices=tensor_parallel,
        )

    def test_two_halves_on_two_small_ones(self) -> None:
        small = found(gpu("A", 48), gpu("A", 48))
        alone, both = self.plan(small, 1), self.plan(small, 2)
        assert alone.fits is False
        assert both.fits is True
        assert both.share is not None
        assert both.share.weights_bytes == pytest.approx(alone.weights_bytes / 2, rel=0.001)
        assert both.allowance_bytes == 2 * alone.allowance_bytes

    def test_the_smallest_binds_and_memory_is_no_one_pool(self) -> None:
        plan = self.plan(found(gpu("A", 24), gpu("B", 141)), 2)
        assert plan.fits is False
        assert plan.available_bytes == 23 * GIB
        assert "GPU 0, which has least of A, B" in str(plan.where)

    def test_key_value_heads_are_divided_as_far_as_they_go(self) -> None:
        one = self.facts.cache.kept_bytes(100_000, "bf16")
        assert self.facts.cache.device_bytes(100_000, "bf16", 2) == one / 2
        assert self.facts.cache.device_bytes(100_000, "bf16", 8) == one / 8
        assert self.facts.cache.device_bytes(100_000, "bf16", 16) == one / 8, "8 heads: each of 16 devices keeps one"

    def test_a_split_device_is_not_known(self) -> None:
        plan = self.plan(found(gpu(), gpu(MigMode=[1, 0])), 2)
        assert plan.fits is None
        assert "MIG" in plan.text

    def test_the_roof_is_the_sum_and_says_what_it_leaves_out(self) -> None:
        alone = fit.fit(self.facts, measured_gb_s=4470.0)
        both = fit.fit(self.facts, measured_gb_s=8940.0, devices=2)
        assert both.ceiling_tok_s == pytest.approx(2 * (alone.ceiling_tok_s or 0))
        assert "communication between them" in both.notes[0]

    def test_more_than_there_are_is_refused(self) -> None:
        with pytest.raises(UsageError, match="2 x NVIDIA H200"):
            devices_used(found(*TWO), {}, 4)
        with pytest.raises(UsageError, match="no GPU"):
            devices_used((), {}, 2)
        assert "--tensor-parallel 2 is for all" in devices_used(found(*TWO), {}, 1)[1]

    def test_of_unlike_ones_the_smallest_may_be_meant(self) -> None:
        used, note = devices_used(found(*reversed(MIXED)), {"CUDA_VISIBLE_DEVICES": "0"}, 1)
        assert used[0].name == "NVIDIA L4"
        assert "calculated with the smallest" in note


class TestRoof:
    def box(self, folder: Path, *rates: float) -> Path:
        listed = [
            {"device": "NVIDIA H200", "index": n, "read_gb_s": rate, "nominal_gb_s": 4800.0, "cache_bytes": 50}
            for n, rate in enumerate(rates)
        ]
        path = folder / "box.json"
        path.write_text(
            json.dumps({"bandwidth": listed[0], "bandwidths": [*listed, {"device": "cpu", "read_gb_s": 9}]})
        )
        return path

    def test_of_one(self, tmp_path: Path) -> None:
        roof = roof_of(self.box(tmp_path, 4470.0), None)
        assert roof is not None
        assert (roof.measured_gb_s, roof.nominal_gb_s, roof.devices, roof.least_gb_s) == (4470.0, 4800.0, 1, 4470.0)

    def test_of_two_that_work_together(self, tmp_path: Path) -> None:
        roof = roof_of(self.box(tmp_path, 4470.0, 4400.0), GpuUse(2, 2, 2))
        assert roof is not None
        assert (roof.measured_gb_s, roof.nominal_gb_s, roof.devices) == (8870.0, 9600.0, 2)

    def test_of_stages_only_one_may_read_at_a_time(self, tmp_path: Path) -> None:
        roof = roof_of(self.box(tmp_path, 4470.0, 4400.0), GpuUse(1, 2, 2))
        assert roof is not None
        assert (roof.most_gb_s, roof.least_gb_s) == (8870.0, 4400.0)

    def test_how_many_are_used_is_not_known(self, tmp_path: Path) -> None:
        roof = roof_of(self.box(tmp_path, 4470.0, 4400.0), None)
        assert roof is not None
        assert (roof.devices, roof.most_gb_s, roof.least_gb_s) == (None, 8870.0, 4400.0)

    def test_more_than_were_measured_is_no_roof(self, tmp_path: Path) -> None:
        assert roof_of(self.box(tmp_path, 4470.0), GpuUse(2, 2, 2)) is None


class TestLaunch:
    recipe: Recipe = recipes.load("gpt-oss-120b-spark")

    def with_options(self, environment: dict[str, str] | None = None, **options: Any) -> Recipe:
        arguments = {
            **self.recipe.serve.arguments,
            **{name.replace("_", "-"): value for name, value in options.items()},
        }
        serve = self.recipe.serve.model_copy(update={"arguments": arguments, "environment": environment or {}})
        return self.recipe.model_copy(update={"serve": serve})

    @pytest.mark.parametrize(
        ("engine", "options", "expected"),
        [
            ("vllm", {}, (1, 1, 1)),
            ("vllm", {"tensor-parallel-size": 2}, (2, 2, 2)),
            ("vllm", {"tensor-parallel-size": "4", "pipeline-parallel-size": 2, "data-parallel-size": 2}, (4, 16, 8)),
            ("sglang", {"tp-size": 8, "dp-size": 8, "enable-dp-attention": True}, (8, 8, 8)),
        ],
    )
    def test_by_the_options(self, engine: str, options: dict[str, Any], expected: tuple[int, ...]) -> None:
        assert facts_of(engine).gpu_use(options) == GpuUse(*expected)

    def test_what_is_no_number_is_not_known(self) -> None:
        assert facts_of("vllm").gpu_use({"tensor-parallel-size": "${N}"}) is None
        assert facts_of("llama-server").gpu_use({}) is None

    def test_each_has_a_plan_of_its_own(self) -> None:
        plans, unknown, wanted = gpu_plans(
            self.with_options(tensor_parallel_size=2, gpu_memory_utilization=0.9), None, found(*TWO)
        )
        assert (unknown, wanted) == ("", 2)
        assert [each.plan_bytes for each in plans] == [round(0.9 * 141 * GIB)] * 2
        assert [each.short_bytes < 0 for each in plans] == [True, True]

    def test_the_smaller_of_two_is_short(self) -> None:
        plans, _, _ = gpu_plans(self.with_options(tensor_parallel_size=2), None, found(*MIXED))
        assert [each.short_bytes > 0 for each in plans] == [True, False]

    def test_a_device_that_is_hidden_is_not_planned_for(self) -> None:
        recipe = self.with_options({"CUDA_VISIBLE_DEVICES": "1"}, tensor_parallel_size=2)
        plans, _, wanted = gpu_plans(recipe, None, found(*TWO))
        assert ([each.index for each in plans], wanted) == ([1], 2)

    def test_a_split_device_is_not_known(self) -> None:
        _, unknown, _ = gpu_plans(self.with_options(), None, found(gpu(MigMode=[1, 1])))
        assert "MIG" in unknown


class TestLoaded:
    def proof(self, loaded_gib: float, lines: int, devices: int | None) -> Any:
        standup = StandUp(
            launch_id="l",
            engine="vllm",
            url="u",
            devices=devices,
            figures={"loaded_bytes": loaded_gib * GIB, "loaded_lines": float(lines)},
        )
        return backend_proof(standup, Expect(loaded_bytes=61 * GIB)).parts[0]

    @pytest.mark.parametrize(
        ("report", "lines", "devices"), [(61, 1, 1), (61, 1, None), (61, 2, 2), (30.7, 1, 2), (61, 8, 8)]
    )
    def test_a_part_told_by_one_or_by_each(self, report: float, lines: int, devices: int | None) -> None:
        assert self.proof(report, lines, devices).status == "proven"

    def test_some_of_them_tell(self) -> None:
        assert self.proof(30, 3, 8).status == "unknown"

    def test_repacked_on_each(self) -> None:
        found = self.proof(59, 1, 2)
        assert found.status == "contradicted"
        assert "on 2 GPUs" in found.why
