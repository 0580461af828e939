"""Counters of engines, read from Prometheus text."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onbox.engines.llama.server import LlamaServer
from onbox.engines.openai.attached import Attached
from onbox.engines.scrape import gauges

DATA = Path(__file__).parents[2] / "data"


class TestScrape:
    def test_llama_cpp(self) -> None:
        text = (DATA / "llama.cpp" / "metrics-before.prom").read_text()
        assert LlamaServer().idle(text) == {
            "llamacpp:requests_processing": 0.0,
            "llamacpp:requests_deferred": 0.0,
            "llamacpp:tokens_predicted_total": 0.0,
        }

    def test_vllm(self) -> None:
        text = (DATA / "vllm" / "metrics-before.prom").read_text()
        assert Attached().idle(text) == {
            "vllm:num_requests_running": 0.0,
            "vllm:num_requests_waiting": 0.0,
            "vllm:generation_tokens_total": 0.0,
        }

    def test_labels_are_summed_and_what_is_missing_stays_missing(self) -> None:
        text = '# TYPE a gauge\na{engine="0"} 1\na{engine="1"} 2\n'
        assert gauges(text, ("a", "b")) == {"a": 3.0}

    @pytest.mark.parametrize("text", ["", "<html>", 'a{b="c', "a 1 2 3 x", "# TYPE\n# HELP"])
    def test_what_is_no_prometheus_text_says_nothing(self, text: str) -> None:
        assert gauges(text, ("a",)) in ({}, {"a": 1.0})

    @given(st.text(alphabet='ab{}="#, \n\\TYPE1.eN+', max_size=60))
    def test_no_text_whatever_raises(self, text: str) -> None:
        assert set(gauges(text, ("a", "b"))) <= {"a", "b"}
