"""Engines: found by name, started by a command line, asked in ways that an odd server cannot break."""

import importlib.util
import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onbox.engines import engine_by_name
from onbox.engines.attached import Attached
from onbox.engines.llama_embedded import LlamaEmbedded
from onbox.engines.llama_server import LlamaServer
from onbox.engines.scrape import gauges
from onbox.engines.vllm import Vllm
from onbox.errors import BoxError, UsageError
from onbox.recipes.container import Container
from onbox.recipes.schema import Recipe, Serve, Tools, Weights
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from tests.doubles.server import serving

DATA = Path(__file__).parents[1] / "data"
RECIPE = Recipe(name="m", engine="llama-embedded", weights=Weights(path="m.gguf"))


class TestByName:
    @pytest.mark.parametrize("name", ["llama-embedded", "attached"])
    def test_builtin(self, name: str) -> None:
        assert engine_by_name(name).name == name

    def test_an_unknown_name_is_answered_with_the_known_ones(self) -> None:
        with pytest.raises(UsageError, match="engine: vlm: no such engine") as caught:
            engine_by_name("vlm")
        assert caught.value.next_step == "one of attached, llama-embedded, llama-server, sglang, vllm"

    def test_an_installed_package_may_bring_one(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        info = tmp_path / "fake_engine-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-engine\nVersion: 1\n")
        (info / "entry_points.txt").write_text("[onbox.engines]\nfake = tests.doubles.engine:FakeEngine\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        assert engine_by_name("fake").name == "fake"


class TestEmbedded:
    def test_the_command_line_holds_the_recipe(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: True)
        serve = Serve(context_tokens=4096, threads=3, chat_template="{{ x }}", environment={"A": "b"})
        launch = LlamaEmbedded().launch(RECIPE.model_copy(update={"serve": serve}), Path("/w/m.gguf"), 8123)
        assert launch.environment == {"A": "b"}
        assert Path(launch.argv[2]).is_file()
        assert json.loads(launch.argv[3]) == {
            "model": "/w/m.gguf",
            "alias": "m",
            "port": 8123,
            "context_tokens": 4096,
            "threads": 3,
            "chat_template": "{{ x }}",
        }

    def test_the_models_own_template_is_left_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: True)
        config = json.loads(LlamaEmbedded().launch(RECIPE, Path("m"), 1).argv[3])
        assert "chat_template" not in config
        assert config["threads"] >= 1

    def test_not_installed_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        with pytest.raises(BoxError, match="not installed") as caught:
            LlamaEmbedded().launch(RECIPE, Path("m"), 1)
        assert "onbox[embedded]" in caught.value.next_step


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
        model = Attached().props(client)["model"]
        assert model is None or isinstance(model, str)
        assert "n_ctx" in LlamaServer().props(client)

    def test_llama_cpp_behind_a_url_tells_more(self) -> None:
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
                lambda asked, wire: wire.whole(200 if asked.path in answers else 404, answers.get(asked.path, {}))
            ) as server,
            StampedClient(Endpoint.parse(server.url)) as client,
        ):
            props = Attached().props(client)
        assert (props["model"], props["n_ctx"], props["total_slots"]) == ("q", 4096, 4)
        assert props["sampling_defaults"] == {"top_k": 40}
        assert len(props["chat_template_sha256"]) == 64
        assert "version" not in props

    def test_an_attached_server_is_never_started(self) -> None:
        with pytest.raises(UsageError, match="not started by onbox"):
            Attached().launch(RECIPE, Path("m"), 1)


class TestLaunch:
    """The command lines of engines that are not on this box: what a container is told needs nothing of it."""

    RECIPE = Recipe(
        name="m",
        engine="vllm",
        launcher="docker",
        container=Container(image="org/vllm:1", digest=f"sha256:{'a' * 64}", gpus="all", shm_bytes=64),
        weights=Weights(path="m"),
        tools=Tools(call_parser="openai", reasoning_parser="openai_gptoss"),
        serve=Serve(context_tokens=4096, arguments={"enforce-eager": True, "seed": 0}, environment={"A": "b c"}),
    )

    def test_a_container_is_ours_loopback_only_and_ended_by_name(self, tmp_path: Path) -> None:
        launch = Vllm().launch(self.RECIPE, tmp_path / "w", 8123)
        assert launch.argv == (
            *("docker", "run", "--rm", "--name", "onbox-m-8123", "--label", "onbox=m", "--pull", "never"),
            *("--publish", "127.0.0.1:8123:8123", "--gpus", "all", "--shm-size", "64"),
            *("--volume", f"{tmp_path}/w:/onbox/weights/w:ro", "--env", "A=b c", f"org/vllm:1@sha256:{'a' * 64}"),
            *("vllm", "serve", "/onbox/weights/w", "--host", "0.0.0.0", "--port", "8123", "--served-model-name", "m"),
            *("--max-model-len", "4096", "--tool-call-parser", "openai", "--enable-auto-tool-choice"),
            *("--reasoning-parser", "openai_gptoss", "--enforce-eager", "--seed", "0"),
        )
        assert launch.environment == {}
        assert launch.end == (
            ("docker", "stop", "--time", "8", "onbox-m-8123"),
            ("docker", "rm", "--force", "onbox-m-8123"),
        )

    def test_podman_has_its_own_words_for_gpus(self, tmp_path: Path) -> None:
        launch = Vllm().launch(self.RECIPE.model_copy(update={"launcher": "podman"}), tmp_path / "w", 8123)
        assert launch.argv[:2] == ("podman", "run")
        assert "--device nvidia.com/gpu=all" in " ".join(launch.argv)
        assert "--gpus" not in launch.argv
        assert launch.end[0][0] == "podman"

    def test_what_is_shown_is_the_command(self, tmp_path: Path) -> None:
        launch = Vllm().launch(self.RECIPE, tmp_path / "w", 8123)
        assert shlex.split(launch.shown().replace("\\\n", " ")) == list(launch.argv)

    def test_an_argument_that_another_field_sets_is_refused(self, tmp_path: Path) -> None:
        serve = Serve(arguments={"max_model_len": 5})
        with pytest.raises(UsageError, match=r"m: serve\.arguments: max_model_len: another field"):
            Vllm().launch(self.RECIPE.model_copy(update={"serve": serve}), tmp_path, 1)

    def test_not_on_this_box_says_what_to_install(self) -> None:
        recipe = Recipe(name="m", engine="vllm", weights=Weights(path="m"), serve=Serve(executable="/no/such/vllm"))
        with pytest.raises(BoxError, match="engine vllm: /no/such/vllm: not on this box"):
            Vllm().launch(recipe, Path("m"), 1)
