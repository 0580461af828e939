"""What a running server says of itself, whatever it answers."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onbox.engines.llama.server import LlamaServer
from onbox.engines.openai.attached import AttachedServer
from onbox.errors import UsageError
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from tests.doubles.server import serving
from tests.unit.engines.recipes import RECIPE

JSON: Any = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ("data", "id", "owned_by", "version", "default_generation_settings", "params", "chat_template")
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


class StubClient(StampedClient):
    """Answers every question with the same JSON."""

    def __init__(self, answer: Any) -> None:
        super().__init__(Endpoint("http", "127.0.0.1", 1))
        self.answer = answer

    def get_json(self, path: str) -> dict[str, Any] | None:
        return self.answer if isinstance(self.answer, dict) else None


class TestProps:
    @given(JSON)
    def test_no_answer_whatever_raises(self, answer: Any) -> None:
        client = StubClient(answer)
        model = AttachedServer().props(client)["model"]
        assert model is None or isinstance(model, str)
        assert "n_ctx" in LlamaServer().props(client)

    def test_llama_cpp_behind_a_url_shows_more(self) -> None:
        answers: dict[str, Any] = {
            "/v1/models": {"data": [{"id": "q", "owned_by": "llamacpp"}]},
            "/props": {
                "default_generation_settings": {"n_ctx": 4096, "params": {"top_k": 40, "other": 1}},
                "total_slots": 4,
                "chat_template": "{{ x }}",
            },
        }
        with (
            serving(
                lambda request, wire: wire.whole(200 if request.path in answers else 404, answers.get(request.path, {}))
            ) as server,
            StampedClient(Endpoint.parse(server.url)) as client,
        ):
            props = AttachedServer().props(client)
        assert (props["model"], props["n_ctx"], props["total_slots"]) == ("q", 4096, 4)
        assert props["sampling_defaults"] == {"top_k": 40}
        assert len(props["chat_template_sha256"]) == 64
        assert "version" not in props

    def test_an_attached_server_is_never_started(self) -> None:
        with pytest.raises(UsageError, match="does not start an attached server"):
            AttachedServer().launch(RECIPE, Path("m"), 1)
