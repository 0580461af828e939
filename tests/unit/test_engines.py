"""Engines: found by name, started by a command line, asked in ways that an odd server cannot break."""

import importlib.util
import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onbox.engines import engine_by_name
from onbox.engines.known import known
from onbox.engines.launchers import version_by_tag
from onbox.engines.llama.embedded import LlamaEmbedded
from onbox.engines.llama.native import LlamaCpp, build_of
from onbox.engines.llama.server import LlamaServer
from onbox.engines.ollama.engine import Ollama
from onbox.engines.openai.attached import Attached
from onbox.engines.room import reported_slots
from onbox.engines.scrape import gauges
from onbox.engines.sglang.engine import Sglang
from onbox.engines.vllm.engine import Vllm
from onbox.errors import BoxError, UsageError
from onbox.evidence.records import StandUp
from onbox.launch.lifetime import Lifetime
from onbox.launch.running_engines import running_engines
from onbox.recipes.container import Container
from onbox.recipes.schema import Recipe, Serve, Tools, Weights
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from tests.doubles.server import serving

STAND_IN = Path(__file__).parents[1] / "doubles" / "ollama_process.py"
DATA = Path(__file__).parents[1] / "data"
RECIPE = Recipe(name="m", engine="llama-embedded", weights=Weights(path="m.gguf"))


class TestByName:
    @pytest.mark.parametrize("name", ["llama-embedded", "attached"])
    def test_builtin(self, name: str) -> None:
        assert engine_by_name(name).name == name

    def test_an_unknown_name_is_answered_with_the_known_ones(self) -> None:
        with pytest.raises(UsageError, match=r"^mine: engine: vlm: no such engine"):
            engine_by_name("vlm", recipe="mine")
        with pytest.raises(UsageError, match="engine: vlm: no such engine") as caught:
            engine_by_name("vlm")
        assert caught.value.next_step == "one of attached, llama-embedded, llama-server, ollama, sglang, vllm"

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
            "slots": 1,
            "threads": 3,
            "chat_template": "{{ x }}",
        }

    def test_threads_are_those_that_it_may_use(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: True)
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(before)})
        try:
            config = json.loads(LlamaEmbedded().launch(RECIPE, Path("m"), 1).argv[3])
        finally:
            os.sched_setaffinity(0, before)
        assert config["threads"] == 1

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
        quiet = ("--env", "VLLM_NO_USAGE_STATS=1")
        assert launch.argv == (
            *("docker", "run", "--rm", "--name", "onbox-m-8123", "--label", "onbox=m", "--pull", "never"),
            *("--publish", "127.0.0.1:8123:8123", "--gpus", "all", "--shm-size", "64"),
            *(
                "--volume",
                f"{tmp_path}/w:/onbox/weights/w:ro",
                *quiet,
                "--env",
                "A=b c",
                f"org/vllm@sha256:{'a' * 64}",
            ),
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


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("sparkarena/spark-vllm-docker:mxfp4", "0.14-mxfp4"),
        ("vllm/vllm-openai:v0.33.0", "0.33.0"),
        ("vllm/vllm-openai:v0.33.0-aarch64", "0.33.0"),
        ("nvcr.io/nvidia/vllm:26.01-py3", None),
        ("ghcr.io/spark-arena/dgx-vllm-eugr-nightly:latest", None),
        ("127.0.0.1:5000/own", None),
    ],
)
def test_an_images_tag_may_name_a_version(image: str, version: str | None) -> None:
    assert version_by_tag(Container(image=image)) == version


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "Error: runc: runc create failed: unable to start container process: error during container init: error "
            "setting rlimits for ready process: error setting rlimit type 7: operation not permitted",
            "default_ulimits in containers.conf",
        ),
        (
            'docker: Error response from daemon: could not select device driver "" with capabilities: [[gpu]].',
            "container toolkit",
        ),
        ("exec /bin/sh: exec format error", "for another machine"),
    ],
)
def test_why_a_container_does_not_start(said: str, told: str) -> None:
    """As docker 20.10 and podman 4.3 said it."""
    launch = Vllm().launch(TestLaunch.RECIPE, Path("/w"), 8123)
    found = launch.log.failure([said])
    assert found is not None
    assert told in found[0].next_step


class TestLlamaServer:
    RECIPE = Recipe(name="m", engine="llama-server", weights=Weights(path="m.gguf"), serve=Serve(threads=3))

    @pytest.fixture
    def program(self, tmp_path: Path) -> Path:
        """A `llama-server` that tells its version as the real one does."""
        path = tmp_path / "llama-server"
        path.write_text("#!/bin/sh\necho 'version: 11549 (abcdef)' >&2\n")
        path.chmod(0o755)
        return path

    @pytest.mark.parametrize(
        ("said", "build"),
        [
            ("version: 11549 (abcdef)", "b11549"),
            ("version: 0.6.0-dev (build 11434, commit 7e4c0a9)", "b11434"),
            ("version: 0.6.0-dev (build 0, commit unknown)", None),
            ("version: 0.1.0-dev (build 1, commit 7e4c0a9)", None),
        ],
    )
    def test_the_build_as_old_and_new_ones_tell_it(self, program: Path, said: str, build: str | None) -> None:
        program.write_text(f"#!/bin/sh\necho '{said}' >&2\n")
        assert build_of(str(program)) == build

    def test_the_command_line_and_the_build(self, program: Path) -> None:
        serve = self.RECIPE.serve.model_copy(update={"executable": str(program), "arguments": {"flash-attn": "on"}})
        engine = LlamaCpp()
        launch = engine.launch(self.RECIPE.model_copy(update={"serve": serve}), Path("/w/m.gguf"), 8123)
        assert launch.argv == (
            *(str(program), "--model", "/w/m.gguf", "--alias", "m", "--host", "127.0.0.1", "--port", "8123"),
            *(
                "--ctx-size",
                "8192",
                "--parallel",
                "1",
                "--threads",
                "3",
                "--verbosity",
                "4",
                "--metrics",
                "--props",
                "--slots",
                "--jinja",
            ),
            *("--offline", "--flash-attn", "on"),
        )
        assert (launch.version, engine.version()) == ("b11549", "llama.cpp b11549")

    def test_all_that_onbox_adds_is_known_to_the_build(self, program: Path) -> None:
        serve = self.RECIPE.serve.model_copy(update={"executable": str(program)})
        launch = LlamaCpp().launch(self.RECIPE.model_copy(update={"serve": serve}), Path("m"), 1)
        options = [word.removeprefix("--") for word in launch.argv if word.startswith("--")]
        assert all(known("llama-server", "b11549").option(option) for option in options)

    def test_a_gguf_in_parts_is_mounted_with_its_folder(self, tmp_path: Path) -> None:
        first = tmp_path / "m-00001-of-00003.gguf"
        first.touch()
        container = Container(image="org/llama:1", network="host")
        recipe = self.RECIPE.model_copy(update={"launcher": "docker", "container": container})
        launch = LlamaCpp().launch(recipe, first, 8123)
        assert f"{tmp_path}:/onbox/weights:ro" in launch.argv
        assert "/onbox/weights/m-00001-of-00003.gguf" in launch.argv
        assert launch.argv[launch.argv.index("--host") + 1] == "127.0.0.1"

    def test_a_parser_of_calls_is_refused(self) -> None:
        with pytest.raises(UsageError, match=r"tools\.call_parser: llama.cpp derives"):
            LlamaCpp().launch(self.RECIPE.model_copy(update={"tools": Tools(call_parser="x")}), Path("m"), 1)


class TestRoom:
    """Several sequences at a time: each engine is told in its own words, and keeps the context of each."""

    def launched(self, name: str, **serve: Any) -> list[str]:
        recipe = Recipe(
            name="m",
            engine=name,
            engine_version="1",
            launcher="docker",
            container=Container(image="org/engine:1", network="host"),
            weights=Weights(path="m"),
            serve=Serve(sequences=3, **serve),
        )
        return list(engine_by_name(name).launch(recipe, Path("/w/m"), 8123).argv)

    def test_llama_cpp_divides_its_context_among_slots(self, monkeypatch: pytest.MonkeyPatch) -> None:
        words = self.launched("llama-server", context_tokens=4096)
        assert words[words.index("--ctx-size") + 1] == str(3 * 4096)
        assert words[words.index("--parallel") + 1] == "3"
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: True)
        serve = Serve(context_tokens=4096, sequences=3)
        told = json.loads(LlamaEmbedded().launch(RECIPE.model_copy(update={"serve": serve}), Path("m"), 1).argv[3])
        assert (told["context_tokens"], told["slots"]) == (3 * 4096, 3)

    def test_a_context_that_nobody_tells_can_not_be_multiplied(self) -> None:
        with pytest.raises(UsageError, match=r"m: serve\.context_tokens: left out, and 3 sequences at a time share it"):
            self.launched("llama-server", context_tokens=None)

    @pytest.mark.parametrize(("name", "option"), [("vllm", "max-num-seqs"), ("sglang", "max-running-requests")])
    def test_others_are_not_told_but_may_not_have_less_room(self, name: str, option: str) -> None:
        assert f"--{option}" not in self.launched(name)
        self.launched(name, arguments={option: 3})
        for spelling in (option, option.replace("-", "_")):
            with pytest.raises(UsageError, match=f"m: serve.arguments: {option} 2: 3 sequences at a time"):
                self.launched(name, arguments={spelling: 2})

    @pytest.mark.parametrize(
        ("props", "slots"),
        [
            ({"total_slots": 4}, 4),
            ({"max_running_requests": 48, "total_slots": None}, 48),
            ({"total_slots": "4"}, None),
            ({}, None),
        ],
    )
    def test_what_a_running_engine_says(self, props: dict[str, object], slots: int | None) -> None:
        assert reported_slots(props) == slots


class TestSglang:
    def test_the_command_of_a_container(self, tmp_path: Path) -> None:
        recipe = Recipe(
            name="m",
            engine="sglang",
            engine_version="0.5.23",
            launcher="docker",
            container=Container(image="lmsysorg/sglang:v0.5.23", gpus="all", network="host"),
            weights=Weights(path="m"),
            tools=Tools(reasoning_parser="gpt-oss"),
            serve=Serve(context_tokens=None, arguments={"mem-fraction-static": 0.7}),
        )
        launch = Sglang().launch(recipe, tmp_path / "w", 8123)
        assert launch.argv[launch.argv.index(launch.image or "") + 1 :] == (
            *("python3", "-m", "sglang.launch_server", "--model-path", "/onbox/weights/w", "--host", "127.0.0.1"),
            *("--port", "8123", "--served-model-name", "m", "--reasoning-parser", "gpt-oss", "--enable-metrics"),
            *("--mem-fraction-static", "0.7"),
        )

    def test_not_installed_says_what_to_install(self) -> None:
        recipe = Recipe(name="m", engine="sglang", weights=Weights(path="m"))
        with pytest.raises(BoxError, match="engine sglang: python3 has no sglang"):
            Sglang().launch(recipe, Path("m"), 1)


class TestOllama:
    @pytest.fixture
    def recipe(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
        """With a stand-in for the program: it serves what Ollama serves, as far as onbox asks."""
        monkeypatch.setenv("ONBOX_CACHE", str(tmp_path / "cache"))
        program = tmp_path / "ollama"
        program.write_text(
            f"#!{sys.executable} -S\nimport runpy\nrunpy.run_path({str(STAND_IN)!r}, run_name='__main__')\n"
        )
        program.chmod(0o755)
        (tmp_path / "m.gguf").write_bytes(b"GGUF")
        serve = Serve(executable=str(program), context_tokens=4096)
        return Recipe(name="m", engine="ollama", weights=Weights(path=str(tmp_path / "m.gguf")), serve=serve)

    def test_it_is_stood_up_and_gone(self, recipe: Recipe, tmp_path: Path) -> None:
        state = tmp_path / "daily.keeper.json"
        weights = tmp_path / "m.gguf"
        with Lifetime(recipe, Ollama(), weights, tmp_path / "life", patience_s=60, state_file=state) as life:
            processes = [psutil.Process(life.pid), *psutil.Process(life.pid).children(recursive=True)]
            assert len(processes) == 2
            # What `onbox up` started is told by the name that `onbox ps` and `--replace` know.
            seen = [each for each in running_engines() if each.pid == life.pid]
            assert [(each.kind, each.name) for each in seen] == [("onbox", "daily")]
            assert life.pid not in [each.pid for each in running_engines(ours=(life.pid or 0,))]
        record = StandUp.model_validate_json((tmp_path / "life" / "phases.json").read_text())
        assert [phase.name for phase in record.phases] == ["start", "build", "load", "first token"]
        assert record.props["model"] == "m"
        assert (tmp_path / "cache" / "ollama" / "m").read_text() == f"FROM {tmp_path}/m.gguf\n"
        assert not any(each.is_running() for each in processes)

    def test_what_it_has_not_is_refused(self, recipe: Recipe) -> None:
        with pytest.raises(UsageError, match="tools: not known for ollama"):
            Ollama().launch(recipe.model_copy(update={"tools": Tools(call_parser="x")}), Path("m"), 1)
        with pytest.raises(UsageError, match="model: M: Ollama takes lower case only"):
            Ollama().launch(recipe.model_copy(update={"model": "M"}), Path("m"), 1)


def test_the_embedded_engine_refuses_what_it_has_not() -> None:
    serve = Serve(arguments={"flash-attn": "on"})
    with pytest.raises(UsageError, match=r"m: serve\.arguments: the embedded engine has no such setting"):
        LlamaEmbedded().launch(RECIPE.model_copy(update={"serve": serve}), Path("m"), 1)
