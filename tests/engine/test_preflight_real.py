"""The questions put to real servers: what they lack is found, and what they have is not called missing."""

import pytest

from onbox import preflight
from onbox.engines.served import who_serves
from onbox.evidence.records import Preflight
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from tests.engine.conftest import FENCED, OWN, Llama

SECONDS_MAX = 60.0 + 30.0
"""A minute, and what the last question may still take on a box that others use."""


def cases_of(url: str) -> dict[str, tuple[str, str, str]]:
    """(status, detail, remedy) by case."""
    return {case.name: (case.status, case.detail, case.remedy) for case in questions(url).cases}


def questions(url: str) -> Preflight:
    with StampedClient(Endpoint.parse(url), read_timeout_s=60) as client:
        served = who_serves(client)
        assert served is not None
        record, exchanges = preflight.long(client, served.models[0], served)
    assert record.requests == len(exchanges)
    assert record.requests <= 20
    assert record.seconds is not None
    assert record.seconds < SECONDS_MAX
    return record


@pytest.mark.engine
@pytest.mark.slow
class TestLlama:
    def test_a_template_that_fits(self, llama: Llama) -> None:
        cases = cases_of(llama(FENCED))
        assert cases["server"][0] == "pass"
        assert cases["coherence"][0] == "pass"
        assert cases["tool_call"][:2] == ("pass", 'read_file {"path": "notes.txt"}')
        assert cases["context"][:2] == ("pass", "16,384 tokens")
        assert cases["sampling"][0] == "pass"

    def test_the_models_own_template_leaks_and_the_flag_is_named(self, llama: Llama) -> None:
        cases = cases_of(llama(OWN))
        status, detail, remedy = cases["tool_call"]
        assert status == "fail"
        assert '"name": "read_file"' in detail
        assert "--chat-template-file" in remedy


@pytest.mark.vllm
@pytest.mark.slow
class TestVllm:
    def test_a_model_that_calls_nothing_and_sees_nothing(self, vllm: str) -> None:
        record = questions(vllm)
        cases = {case.name: case for case in record.cases}
        assert record.server == "vLLM 0.32.0"
        assert (record.tools, record.vision) == (False, False)
        assert cases["coherence"].status == "pass"
        assert cases["tool_call"].remedy == "vLLM: --enable-auto-tool-choice --tool-call-parser hermes"
        assert "2,048 tokens" in cases["context"].detail
        assert "not a multimodal model" in cases["image"].detail
        assert cases["apis"].status == "pass"
