"""What an engine's package tells about pictures: the options that keep them from a model, and where they would go."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from onbox.schema.sight import SightReason

ON = frozenset({"1", "true", "on", "enabled"})
OFF = frozenset({"0", "false", "off", "disabled"})


@dataclass(frozen=True)
class CommandLine:
    """How a server was started.

    Args:
        words: its command line.
        environment: of its variables those that `EngineSight.variables` names.
        version: None where it is not known.
        architectures: of the model's configuration; empty where it was not read.
    """

    words: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    version: str | None = None
    architectures: tuple[str, ...] = ()

    def options(self) -> Iterator[tuple[str, str]]:
        """(name without dashes, value) of each option; `--a=b`, `--a b`, `--a.b c`, underscores as dashes."""
        for at, word in enumerate(self.words):
            if not word.startswith("-") or word in ("-", "--") or word.lstrip("-")[:1].isdigit():
                continue
            name, equals, value = word.lstrip("-").partition("=")
            if not equals:
                following = self.words[at + 1] if at + 1 < len(self.words) else ""
                value = following if not following.startswith("-") else ""
            yield name.replace("_", "-"), value

    def last(self, *names: str) -> tuple[str, str] | None:
        """The last of several options, which is the one that counts; None where none is given."""
        found = [(name, value) for name, value in self.options() if name in names]
        return found[-1] if found else None


@dataclass(frozen=True)
class HidingOption:
    """An option that keeps pictures from a model.

    Args:
        option: as it was given.
        where: `command line` or `environment`.
        remedy: what to do instead, with the names of this version.
        argument: its name in `serve.arguments` of a recipe.
    """

    option: str
    where: str
    remedy: str
    argument: str = ""


@dataclass(frozen=True)
class EngineSight:
    """What one engine does with pictures, by its sources.

    Args:
        hiding: the options that keep pictures from a model.
        remedies: version -> reason -> what helps against it; what is left out, nothing is known to help against.
        served: command line -> the file, folder or repository of the weights; empty where it is not seen.
        projector_needed: whether the tower is a file of its own.
        projector: command line -> whether it names such a file.
        slot: chat template -> whether it has a place for a picture; None: the engine needs none there.
        variables: of the environment, that are looked at.
    """

    hiding: Callable[[CommandLine], Sequence[HidingOption]]
    remedies: Callable[[str | None], Mapping[SightReason, str]]
    served: Callable[[CommandLine], str] = lambda line: ""
    projector_needed: bool = False
    projector: Callable[[CommandLine], bool] = lambda line: False
    slot: Callable[[str], bool | None] | None = None
    variables: tuple[str, ...] = ()


def image_limit(line: CommandLine, option: str) -> tuple[str, int] | None:
    """(as it was given, images in one prompt) by the last option of that name; None where it says nothing of images.

    Forms: `{"image": 0}`, `{"image": {"count": 0}}`, `image=0,video=0`, and `--OPTION.image 0`.
    """
    found: tuple[str, int] | None = None
    for name, value in line.options():
        if name in (f"{option}.image", f"{option}.image.count"):
            number: Any = value
        elif name == option:
            number = _limit_in(value)
        else:
            continue
        count = number.get("count") if isinstance(number, dict) else number
        if isinstance(count, int | str) and str(count).strip().isdecimal():
            found = (f"--{name} {value}", int(count))
    return found


def _limit_in(value: str) -> Any:
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        pairs = (pair.partition("=") for pair in value.replace(" ", "").split(","))
        return {name: number for name, _, number in pairs}.get("image")
    return parsed.get("image") if isinstance(parsed, dict) else None
