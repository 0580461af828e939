"""Images that onbox knows how to build: a Dockerfile, the commits of its sources, and arguments for a chip."""

import re
from importlib import resources
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from onbox.errors import UsageError
from onbox.field_errors import first_problem
from onbox.recipes.build_inputs import inputs_sha256
from onbox.recipes.yaml_text import read_yaml
from onbox.schema.recipe.build import Build
from onbox.schema.recipe.part import RecipePart

_TEMPLATE = re.compile(r"\{(arch|capability)\}")


class ImageBuild(RecipePart):
    """One image that can be built here."""

    name: str
    description: str = ""
    image: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._/-]*$")]
    """Its name without tag."""
    suffix: str = ""
    """What the chip's name gets, like `a` where kernels use features of that very chip."""
    build: Build
    """`{arch}` in its arguments is the chip as `121a`, `{capability}` as `12.1a`."""
    chip: str = ""
    """That its arguments were filled for, like `121`; set by onbox, and empty where they name none."""

    @property
    def for_any_chip(self) -> bool:
        """Whether its arguments name none."""
        return not any(_TEMPLATE.search(value) for value in self.build.arguments.values())


def image_build_names() -> list[str]:
    """Those that come with onbox."""
    return sorted(each.name for each in _folder().iterdir() if (each / "image.yaml").is_file())


def load_image_build(name: str, chip: int | None) -> ImageBuild:
    """One that comes with onbox, or a file like it, for a chip like 121.

    Raises:
        UsageError: there is none of that name, a field is wrong, or it needs a chip and none is known.
    """
    path = _folder() / name / "image.yaml" if name in image_build_names() else Path(name)
    if not path.is_file():
        hint = f"a recipe with container.build, a file, or one of {', '.join(image_build_names())}"
        raise UsageError(f"{name}: no such build", hint)
    try:
        found = ImageBuild.model_validate(read_yaml(path))
    except ValidationError as error:
        raise UsageError(f"{name}: {first_problem(error, ImageBuild)}") from error
    if chip is None and not found.for_any_chip:
        raise UsageError(f"{name}: is built for one chip, and this box's is not known", "--chip 12.1")
    return _filled(found, path.parent, chip)


def _filled(found: ImageBuild, folder: Path, chip: int | None) -> ImageBuild:
    words = {}
    if chip is not None:
        words = {"arch": f"{chip}{found.suffix}", "capability": f"{chip // 10}.{chip % 10}{found.suffix}"}
    arguments = {
        key: _TEMPLATE.sub(lambda match: words.get(match[1], match[0]), value)
        for key, value in found.build.arguments.items()
    }
    context = (folder / found.build.context).resolve()
    build = found.build.model_copy(update={"context": str(context), "arguments": arguments})
    if not build.path.is_file():
        raise UsageError(f"{found.name}: {build.path}: no such file", "build: name the folder and its Dockerfile")
    build = build.model_copy(update={"sha256": inputs_sha256(build, "")})
    named = "" if chip is None or found.for_any_chip else str(chip)
    return found.model_copy(update={"build": build, "chip": named})


def _folder() -> Path:
    return Path(str(resources.files("onbox.recipes") / "image_builds"))
