"""Counters of engines, read from Prometheus text."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from onbox.engines import scrape
from onbox.engines.llama.server import LlamaServer
from onbox.engines.openai.attached import AttachedServer
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
        assert AttachedServer().idle(text) == {
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

    def test_a_page_of_other_samples_is_not_parsed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A million of them took a minute and a gigabyte, at each look."""
        sizes: list[int] = []

        def parser(text: str) -> object:
            sizes.append(len(text))
            return text_string_to_metric_families(text)

        monkeypatch.setattr(scrape, "text_string_to_metric_families", parser)
        others = 'x{a="b"} 1\n' * 10_000
        counter = "# HELP a_total said\n# TYPE a counter\na 5\n"
        assert gauges(f"{others}{counter}{others}b 2\n", ("a_total", "b")) == {"a_total": 5.0, "b": 2.0}
        assert sizes == [len("# TYPE a counter\na 5\nb 2\n")]
        assert gauges("b 2\n" * (scrape.LINES_MAX + 1), ("b",)) == {}

    @given(st.text(alphabet='ab{}="#, \n\\TYPE1.eN+', max_size=60))
    def test_no_text_whatever_raises(self, text: str) -> None:
        assert set(gauges(text, ("a", "b"))) <= {"a", "b"}
