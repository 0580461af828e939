"""Logs of real starts, read by the tables of their engines."""

import json
import re
from pathlib import Path

import pytest

from onbox.engines import log_lines
from onbox.engines.log_lines import PHASES, LogLines, numbers

DATA = Path(__file__).parents[2] / "data"
FORMATS = json.loads((DATA / "vllm" / "log-formats.json").read_text("utf-8"))
STAMPED = re.compile(r"^\S+ \+ *(?P<t>[\d.]+) (?P<line>.*)$")


def lines_of(path: str) -> list[tuple[float, str]]:
    """(seconds since the start, line) of a recording."""
    found = (STAMPED.match(line) for line in (DATA / path).read_text("utf-8").splitlines())
    return [(float(match["t"]), match["line"]) for match in found if match]


def phases_of(path: str, log: LogLines) -> list[tuple[str, float]]:
    """(phase, seconds since the start at which it begins), the same one in a row told once."""
    found: list[tuple[str, float]] = [("start", 0.0)]
    for t, line in lines_of(path):
        mark = log.landmark(line)
        if mark and mark.phase != found[-1][0]:
            found.append((mark.phase, t))
    return found


class TestVllm:
    LOG = log_lines("vllm", "0.32.0")

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            (
                "smollm2-eager",
                {"load": 21.5, "finalize": 21.8, "kv": 22.8, "ready": 23.7, "serving": 26.1},
            ),
            (
                "smollm2-compile",
                {
                    "load": 28.1,
                    "finalize": 28.5,
                    "compile": 29.4,
                    "profile": 106.6,
                    "kv": 109.0,
                    "ready": 113.3,
                    "serving": 116.2,
                },
            ),
            (
                "smollm2-compile-warmcache",
                {
                    "load": 22.6,
                    "finalize": 23.1,
                    "compile": 24.4,
                    "profile": 86.3,
                    "kv": 88.8,
                    "ready": 89.8,
                    "serving": 91.5,
                },
            ),
        ],
    )
    def test_phases_come_in_order_at_their_times(self, name: str, expected: dict[str, float]) -> None:
        observation = phases_of(f"vllm/{name}-startup.log", self.LOG)
        assert [phase for phase, _ in observation] == ["start", *expected]
        assert {phase: round(t, 1) for phase, t in observation[1:]} == pytest.approx(expected, abs=0.2)
        order = [PHASES.index(phase) for phase, _ in observation]
        assert order == sorted(order)

    @pytest.mark.parametrize("row", FORMATS, ids=lambda row: f"{row['phase']} {row['first']}-{row['last']}")
    def test_every_landmark_that_its_source_writes_is_known(self, row: dict[str, str]) -> None:
        """The formats stand word for word in the source of vLLM 0.26 to 0.33."""
        line = row["format"].replace("server on %s", "server on http://127.0.0.1:8000")
        line = re.sub(r"%\.\d+f", "7.5", re.sub(r"%d|%s", "7", line))
        for version in {row["first"], row["last"]}:
            mark = log_lines("vllm", version).landmark(f"(EngineCore pid=7) INFO 11-29 03:48:15 [a.py:1] {line}")
            assert mark is not None
            assert mark.phase == row["phase"]

    def test_figures_of_a_start(self) -> None:
        record: dict[str, float] = {}
        for _, line in lines_of("vllm/smollm2-eager-startup.log"):
            record |= self.LOG.figure(line)
        assert record == {
            "checkpoint_bytes": 0.25 * 2**30,
            "load_s": 0.17,
            "kv_cache_bytes": 2 * 2**30,
            "kv_cache_tokens": 93_184,
        }

    def test_a_moe_shows_its_backend(self) -> None:
        named = [self.LOG.backend(line) for _, line in lines_of("vllm/tiny-qwen3-moe-startup.log")]
        assert [name for each in named if each for name in [each[1]]] == ["CPU Unquantized"]

    def test_a_dense_model_shows_none(self) -> None:
        assert not any(self.LOG.backend(line) for _, line in lines_of("vllm/smollm2-eager-startup.log"))

    def test_the_cause_of_a_failure_goes_before_what_follows_from_it(self) -> None:
        lines = [line for _, line in lines_of("vllm/tiny-gpt-oss-startup.log")]
        found = self.LOG.failure(lines)
        assert found is not None
        assert found[0].id == "no_mxfp4_backend"
        assert "No MXFP4 MoE backend supports the deployment configuration" in found[1]

    @pytest.mark.parametrize("path", sorted((DATA / "vllm").glob("*-startup.log")), ids=lambda path: path.stem)
    def test_a_start_that_went_well_holds_no_failure(self, path: Path) -> None:
        lines = [line for _, line in lines_of(f"vllm/{path.name}")]
        serving = next((at for at, line in enumerate(lines) if "Application startup complete" in line), None)
        assert (self.LOG.failure(lines[:serving]) is None) == (serving is not None)

    @pytest.mark.parametrize(
        ("version", "line", "part", "backend"),
        [
            ("0.14.0", "[MXFP4] Using backend: CUTLASS (--mxfp4-backend)", "moe", "CUTLASS"),
            ("0.13.0", "Using Marlin backend for MXFP4", "moe", "Marlin"),
            ("0.33.0", "Using 'MARLIN' Mxfp4 MoE backend.", "moe", "MARLIN"),
            (None, "Using 'FLASHINFER_CUTLASS' NvFp4 MoE backend out of potential backends: ['X'].", "moe",
             "FLASHINFER_CUTLASS"),
            ("0.14.0", "Using AttentionBackendEnum.FLASHINFER backend.", "attention", "FLASHINFER"),
            ("0.33.0", "Using TRITON_ATTN attention backend out of potential backends: ['TRITON_ATTN'].", "attention",
             "TRITON_ATTN"),
        ],
    )  # fmt: skip
    def test_backends_by_version(self, version: str | None, line: str, part: str, backend: str) -> None:
        found = log_lines("vllm", version).backend(line)
        assert found is not None
        assert (found[0].part, found[1], found[0].warning) == (part, backend, False)

    def test_a_line_of_another_version_says_nothing(self) -> None:
        assert log_lines("vllm", "0.33.0").backend("Using Marlin backend for MXFP4") is None

    @pytest.mark.parametrize(
        ("line", "id_"),
        [
            ("vllm: error: unrecognized arguments: --mxfp4-backend CUTLASS", "unknown_flag"),
            ("ValueError: Free memory on device cuda:0 (9/121 GiB) on startup is less than desired GPU memory "
             "utilization (0.9, 100 GiB).", "memory_at_start"),
            ("ValueError: No available memory for the cache blocks. Try increasing", "no_kv_memory"),
            ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate", "cuda_memory"),
            ("vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue", "engine_dead"),
        ],
    )  # fmt: skip
    def test_failures_say_what_to_do(self, line: str, id_: str) -> None:
        found = self.LOG.failure(["INFO all well", line])
        assert found is not None
        assert (found[0].id, found[1]) == (id_, line)
        assert found[0].next_step


class TestLlamaCpp:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("llama-server", {"load": 0.0, "kv": 1.3, "ready": 1.4}),
            ("embedded", {"load": 0.0, "kv": 4.1, "ready": 4.5}),
        ],
    )
    def test_phases(self, name: str, expected: dict[str, float]) -> None:
        log = log_lines("llama-server")
        observation = phases_of(f"llama.cpp/{name}-startup.log", log)
        assert {phase: round(t, 1) for phase, t in observation[1:-1]} == pytest.approx(expected, abs=0.1)
        assert observation[-1][0] == "serving"
        assert log.failure([line for _, line in lines_of(f"llama.cpp/{name}-startup.log")]) is None


def test_sglang_as_its_source_writes_it() -> None:
    log = log_lines("sglang")
    lines = (
        "Load weight begin. avail mem=100.00 GB",
        "Load weight end. elapsed=31.50 s, type=GptOssForCausalLM, avail mem=39.20 GB, mem usage=60.80 GB.",
        "Memory pool end. avail mem=20.00 GB",
        "Capture decode CUDA graph begin. This can take up to several minutes.",
        "max_total_num_tokens=558784, chunked_prefill_size=8192",
        "The server is fired up and ready to roll!",
    )
    found = [log.landmark(line) for line in lines]
    assert [mark.phase for mark in found if mark] == ["load", "kv", "kv", "capture", "ready", "serving"]
    assert log.figure(lines[1]) == {"loaded_bytes": 60.8 * 2**30, "load_s": 31.5}


@pytest.mark.parametrize(
    ("text", "expected"), [("0.32.0+cpu", (0, 32, 0)), ("b11549", (11549,)), ("unknown", ()), ("", ())]
)
def test_versions_compare_by_their_numbers(text: str, expected: tuple[int, ...]) -> None:
    assert numbers(text) == expected


def test_an_unknown_engine_has_no_table() -> None:
    assert log_lines("of somebody else") == LogLines()
