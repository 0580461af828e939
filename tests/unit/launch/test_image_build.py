"""What an image is built from, and how a build that failed is told: without docker."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from onbox import recipes
from onbox.errors import UsageError
from onbox.launch.image_build import failure
from onbox.recipes.build_inputs import inputs_sha256
from onbox.recipes.dockerfile import base_images
from onbox.recipes.sparkrun import from_sparkrun
from onbox.recipes.sparkrun_write import to_sparkrun
from onbox.schema.recipe.build import Build
from onbox.schema.recipe.container import Container

RECIPE = """
name: built
engine: llama-server
launcher: docker
container: {image: here/llama, build: {context: image, arguments: {CHIP: "121a"}}}
weights: {path: model.gguf}
"""
CLASSIC = """Step 2/3 : COPY x /x
 ---> 6f1ae3e3a764
Step 3/3 : RUN make
 ---> Running in 491cd5b36767
\x1b[91mno such compiler
\x1b[0mcompiling
The command '/bin/sh -c make' returned a non-zero code: 7"""
BUILDKIT = """#6 [2/3] COPY x /x
#6 DONE 0.0s

#7 [3/3] RUN make
#7 sha256:5ffac0a2ef5e79514d11b54cd75f066cd4056f0fbe8da136c48fe4cda94191a3
#7 0.128 compiling
#7 0.128 no such compiler
#7 ERROR: executor failed running [/bin/sh -c make]: exit code: 7
------
 > [3/3] RUN make:
------
executor failed running [/bin/sh -c make]: exit code: 7"""
PODMAN = """STEP 2/3: COPY x /x
--> 6f1ae3e3a76
STEP 3/3: RUN make
no such compiler
Error: building at STEP "RUN make": while running runtime: exit status 7"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "Dockerfile").write_text("FROM scratch\nARG CHIP\n")
    path = tmp_path / "built.yaml"
    path.write_text(RECIPE)
    return path


def container_of(path: Path) -> Container:
    found = recipes.load(str(path)).container
    assert found is not None
    return found


def test_the_tag_is_the_hash_of_all_inputs(file: Path) -> None:
    """Another content, name, mode, argument or platform is another image; the folder's own place is none of them."""
    observations = {container_of(file).reference}
    folder = file.with_name("image")
    for change in (
        lambda: (folder / "Dockerfile").write_text("FROM scratch\n"),
        lambda: (folder / "more").write_text(""),
        lambda: (folder / "more").rename(folder / "other"),
        lambda: (folder / "other").chmod(0o755),
        lambda: (folder / "link").symlink_to("other"),
        lambda: file.write_text(RECIPE.replace("121a", "90a")),
        lambda: file.write_text(RECIPE.replace("build:", "platform: linux/arm64, build:")),
    ):
        change()
        reference = container_of(file).reference
        assert reference not in observations
        observations.add(reference)
    assert all(reference.startswith("here/llama:") for reference in observations)
    build = container_of(file).build
    assert build is not None
    folder.rename(file.with_name("moved"))
    moved = build.model_copy(update={"context": str(file.with_name("moved"))})
    assert inputs_sha256(moved, "linux/arm64") == build.sha256


def test_a_recipe_that_was_read_before_needs_no_folder(file: Path, tmp_path: Path) -> None:
    frozen = recipes.load(str(file))
    (tmp_path / "image" / "Dockerfile").unlink()
    again = recipes.parse(frozen.model_dump(mode="json"), where="frozen", folder=tmp_path)
    assert again.container == frozen.container
    with pytest.raises(UsageError, match="Dockerfile: no such file"):
        recipes.load(str(file))


@pytest.mark.parametrize("report", [{"image": "a:1"}, {"image": "a", "digest": f"sha256:{'0' * 64}"}])
def test_what_is_built_has_neither_tag_nor_digest(report: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="its tag is the hash of its inputs"):
        Container(build=Build(context="image"), **report)


def test_a_digest_alone_names_an_image() -> None:
    digest = f"sha256:{'0' * 64}"
    assert Container(image="host:5000/a:1", digest=digest).reference == f"host:5000/a@{digest}"
    assert Container(image="host:5000/a:1").reference == "host:5000/a:1"


def test_it_survives_the_way_to_sparkrun_and_back() -> None:
    data = {
        "recipe_version": "2",
        "model": "org/m",
        "runtime": "vllm",
        "container": "here/vllm:1",
    }
    recipe = recipes.parse(from_sparkrun(data, where="it", stem="it"), where="it", folder=None)
    assert recipe.container is not None
    build = Build(context="/image", sha256="1" * 64)
    built = recipe.model_copy(
        update={"container": recipe.container.model_copy(update={"image": "here/vllm", "build": build})}
    )
    again = recipes.parse(from_sparkrun(to_sparkrun(built), where="it", stem="it"), where="it", folder=None)
    assert again.container == built.container


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("FROM a\n", ("a",)),
        ("FROM --platform=linux/arm64 a AS one\nFROM one\nCOPY --from=one /x /x\nCOPY --from=0 /y /y\n", ("a",)),
        ("FROM scratch\nCOPY --from=org/tools:1 /x /x\n", ("org/tools:1",)),
        ("# syntax=docker/dockerfile:1\nFROM a\n", ("docker/dockerfile:1", "a")),
        ("ARG BASE=a\nFROM ${BASE}\n", ("told",)),
        ("ARG OTHER='b'\nFROM $OTHER\nFROM ${NOBODY:-c}\n", ("b", "c")),
        ("ARG NOBODY\nFROM $NOBODY\n", ()),
    ],
)
def test_the_images_that_a_dockerfile_starts_from(text: str, found: tuple[str, ...]) -> None:
    assert base_images(text, {"BASE": "told"}) == found


@pytest.mark.parametrize(
    ("message", "report"),
    [
        pytest.param(
            CLASSIC,
            "Step 3/3 : RUN make: no such compiler | compiling | "
            "The command '/bin/sh -c make' returned a non-zero code: 7",
            id="classic",
        ),
        pytest.param(
            BUILDKIT,
            "[3/3] RUN make: compiling | no such compiler | executor failed running [/bin/sh -c make]: exit code: 7",
            id="buildkit",
        ),
        pytest.param(
            PODMAN,
            'STEP 3/3: RUN make: no such compiler | Error: building at STEP "RUN make": while running runtime: '
            "exit status 7",
            id="podman",
        ),
        pytest.param("Cannot connect", "no step was started: Cannot connect", id="no daemon"),
        pytest.param("", "no step was started: it printed nothing", id="nothing"),
    ],
)
def test_a_failure_is_reported_by_its_step_and_last_words(message: str, report: str) -> None:
    assert failure(message.splitlines()) == report
