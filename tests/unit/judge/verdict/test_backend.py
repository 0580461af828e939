"""Proof of the backend, on logs that real engines wrote and on lines that were put together from their sources."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from onbox.engines.llama.log import LOG as LLAMA
from onbox.engines.log_lines import LogLines
from onbox.engines.vllm.log import LOG as VLLM
from onbox.evidence.records import StandUp
from onbox.judge.results import BackendProof, Proof
from onbox.judge.verdict.backend import backend_proof
from onbox.launch.engine_log import STAMP
from onbox.launch.log_backends import backends_in
from onbox.report import formatting
from onbox.schema.recipe import Expect

DATA = Path(__file__).parents[3] / "data"

# Put together from the sources of vLLM 0.33 and the log of a fork of 0.14 on GB10; no such log was recorded here.
CUTLASS_014 = ("[MXFP4] Using backend: CUTLASS (--mxfp4-backend)", "Using AttentionBackendEnum.FLASHINFER backend.")
LOADED = "Model loading took 61.3380 GiB memory and 66.35 seconds"
MARLIN_033 = (
    "Mxfp4 MoE backend 'FLASHINFER_CUTLASS_MXFP4_MXFP8' does not support the deployment configuration since kernel "
    "does not support current device cuda.",
    "Using 'MARLIN' Mxfp4 MoE backend.",
)
FALLBACK_033 = (
    "No Mxfp4 MoE backend supports activation=mxfp8 for the deployment configuration. Falling back to 'TRITON' with "
    "BF16 activations."
)
NO_FP4 = (
    "Your GPU does not have native support for FP4 computation but FP4 quantization is being used. Weight-only FP4 "
    "compression will be used leveraging the Marlin kernel."
)


def recorded(name: str) -> list[str]:
    return [STAMP.sub("", line) for line in (DATA / name).read_text().splitlines()]


def prove(lines: Iterable[str], log: LogLines, **expect: Any) -> BackendProof:
    backends, figures = backends_in(lines, log)
    standup = StandUp(launch_id="1", engine="x", url="http://x", backends=backends, figures=figures)
    return backend_proof(standup, Expect.model_validate(expect))


class TestVllm:
    def test_cutlass_where_it_was_asserted(self) -> None:
        log = VLLM.of_version("0.14.0")
        proof = prove(CUTLASS_014, log, backends={"moe": "CUTLASS", "attention": "FLASHINFER"})
        assert proof.status is Proof.PROVEN
        assert proof.named == {"moe": "CUTLASS", "attention": "FLASHINFER"}

    def test_marlin_where_cutlass_was_asserted_is_contradicted_with_the_reason(self) -> None:
        proof = prove(MARLIN_033, VLLM.of_version("0.33.0"), backends={"moe": ".*CUTLASS.*"})
        (part,) = proof.parts
        assert (proof.status, part.seen) == (Proof.CONTRADICTED, "MARLIN")
        assert MARLIN_033[1] in part.why
        assert f"because: {MARLIN_033[0]}" in part.why
        assert "MARLIN; contradicted" in formatting.backend(proof)

    def test_a_fallback_that_names_what_it_falls_back_to_is_enough(self) -> None:
        proof = prove([FALLBACK_033], VLLM.of_version("0.33.0"), backends={"moe": ".*CUTLASS.*"})
        assert proof.status is Proof.CONTRADICTED
        assert FALLBACK_033 in proof.parts[0].why

    def test_a_warning_beside_the_right_name_is_doubt(self) -> None:
        proof = prove([CUTLASS_014[0], NO_FP4], VLLM.of_version("0.14.0"), backends={"moe": "CUTLASS"})
        assert proof.status is Proof.UNKNOWN
        assert NO_FP4 in proof.parts[0].why

    def test_no_line_is_unknown_and_never_a_pass(self) -> None:
        proof = prove(recorded("vllm/smollm2-eager-startup.log"), VLLM, backends={"moe": ".*"})
        assert (proof.status, proof.parts[0].why) == (Proof.UNKNOWN, "no line of the log names it")

    def test_a_line_of_another_version_is_not_read(self) -> None:
        proof = prove([CUTLASS_014[0]], VLLM.of_version("0.33.0"), backends={"moe": "CUTLASS"})
        assert proof.status is Proof.UNKNOWN

    def test_a_real_log_of_experts_on_the_processor(self) -> None:
        lines, log = recorded("vllm/tiny-qwen3-moe-startup.log"), VLLM.of_version("0.32.0")
        assert prove(lines, log, backends={"moe": "CPU.*"}).status is Proof.PROVEN
        other = prove(lines, log, backends={"moe": "MARLIN"})
        assert other.status is Proof.CONTRADICTED
        assert "Using CPU" in other.parts[0].why

    def test_one_assertion_that_is_not_met_is_enough(self) -> None:
        proof = prove([*CUTLASS_014, LOADED], VLLM.of_version("0.14.0"), backends={"moe": "CUTLASS"}, loaded_bytes=1)
        assert [part.status for part in proof.parts] == [Proof.PROVEN, Proof.CONTRADICTED]
        assert proof.status is Proof.CONTRADICTED

    @pytest.mark.parametrize(
        ("gib", "status"), [(61, Proof.PROVEN), (56, Proof.PROVEN), (50, Proof.CONTRADICTED), (118, Proof.CONTRADICTED)]
    )
    def test_memory_after_load_against_the_plan(self, gib: int, status: Proof) -> None:
        proof = prove([LOADED], VLLM, loaded_bytes=gib * 2**30, tolerance=0.1)
        assert (proof.status, proof.parts[0].seen) == (status, "61.34 GiB")

    def test_memory_that_is_not_reported_is_unknown(self) -> None:
        assert prove([], VLLM, loaded_bytes=1).status is Proof.UNKNOWN


class TestLlama:
    LINES = recorded("llama.cpp/embedded-verbose-startup.log")

    def test_a_real_log_names_the_processor_and_the_sizes(self) -> None:
        proof = prove(self.LINES, LLAMA, backends={"device": "CPU"}, loaded_bytes=96_600_000, tolerance=0.05)
        assert proof.status is Proof.PROVEN
        assert prove(self.LINES, LLAMA, backends={"device": "CUDA"}).status is Proof.CONTRADICTED

    @pytest.mark.parametrize(
        ("log", "status", "why"),
        [
            ("cuda", Proof.PROVEN, "CUDA0 KV buffer size =   224.00 MiB"),
            ("cuda-partly", Proof.CONTRADICTED, "CPU KV buffer size =   152.00 MiB"),
            ("cuda-none", Proof.CONTRADICTED, "CPU KV buffer size =   224.00 MiB"),
            ("cuda-no-gpu", Proof.UNKNOWN, "no CUDA-capable device is detected"),
        ],
    )
    def test_real_logs_of_an_h100_with_all_some_and_no_layers_on_it(self, log: str, status: Proof, why: str) -> None:
        """29, 10 and 0 layers of 29 offloaded, and no GPU to be seen; a model of 1060 MiB, whatever lies where."""
        proof = prove(recorded(f"llama.cpp/llama-server-{log}.log"), LLAMA, backends={"device": "CUDA"})
        assert proof.status is status
        assert why in proof.parts[0].why

    @pytest.mark.parametrize(("log", "mib"), [("cuda", 1059.89), ("cuda-partly", 1299.9), ("cuda-none", 1059.89)])
    def test_what_an_h100_loaded(self, log: str, mib: float) -> None:
        """The parts on the device and in memory together; what lies in a mapped file counts where it is used."""
        _, figures = backends_in(recorded(f"llama.cpp/llama-server-{log}.log"), LLAMA)
        assert figures["loaded_bytes"] == pytest.approx(mib * 2**20, rel=1e-4)
        assert figures["kv_cache_bytes"] == pytest.approx(224 * 2**20)

    def test_a_log_of_low_verbosity_is_unknown(self) -> None:
        proof = prove(recorded("llama.cpp/embedded-startup.log"), LLAMA, backends={"device": "CPU"})
        assert proof.status is Proof.UNKNOWN


def test_what_is_not_asserted_is_unknown_and_still_told() -> None:
    proof = prove(MARLIN_033[1:], VLLM.of_version("0.33.0"))
    assert (proof.status, proof.named) == (Proof.UNKNOWN, {"moe": "MARLIN"})
    assert formatting.backend(proof) == "Backend: moe MARLIN; the recipe asserts nothing."
    assert formatting.backend(prove([], VLLM)) == ""
