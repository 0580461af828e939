"""An engine in a container: its command, its version, why it does not start."""

import shlex
from pathlib import Path

import pytest

from onbox.engines.launchers import version_by_tag
from onbox.engines.vllm.engine import Vllm
from onbox.errors import BoxError, UsageError
from onbox.schema.recipe import Recipe, Serve, Tools, Weights
from onbox.schema.recipe.container import Container


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
    ("message", "report"),
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
def test_why_a_container_does_not_start(message: str, report: str) -> None:
    """As docker 20.10 and podman 4.3 said it."""
    launch = Vllm().launch(TestLaunch.RECIPE, Path("/w"), 8123)
    found = launch.log.failure([message])
    assert found is not None
    assert report in found[0].next_step
