"""What a Dockerfile starts from: its images, its stages and its frontend, by the rules of BuildKit's parser.

Source: moby/buildkit, `frontend/dockerfile/parser`, `shell` and `instructions`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from onbox.machine_names import machine

_DIRECTIVE = re.compile(r"^(?:#|//)\s*([A-Za-z][\w-]*)\s*=\s*(.+?)\s*$")
_HEREDOC = re.compile(r"(?<![\d<])\d*<<(-?)(['\"]?)([A-Za-z_]\w*)\2")
_VARIABLE = re.compile(
    r"\\(?P<escaped>.)|\$(?:(?P<bare>\w+)|\{(?P<name>\w+)(?:(?P<operator>:?[-+?])(?P<word>(?:[^{}]|\$\{[^{}]*\})*))?\})"
)
_ARG = re.compile(r"""(\w+)(?:=((?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'\\])*))?(?:\s+|$)""")
_FLAG = re.compile(r"^--([\w-]+)(?:=(\S*))?$")
HEREDOC_WORDS = frozenset({"RUN", "COPY", "ADD"})
SCRATCH = "scratch"


@dataclass(frozen=True)
class Instruction:
    """One instruction with its lines joined and its heredocs left out."""

    line: int
    word: str
    rest: str

    def flags(self) -> tuple[dict[str, list[str]], list[str]]:
        """(flag -> its values, the words that follow the flags)."""
        found: dict[str, list[str]] = {}
        words = self.rest.split()
        while words and (match := _FLAG.match(words[0])):
            found.setdefault(match[1].lower(), []).append(match[2] or "")
            words.pop(0)
        return found, words


@dataclass(frozen=True)
class SourceImage:
    """An image that a build starts from, copies out of, mounts, or is read by."""

    name: str
    line: int
    kind: str
    """`FROM`, `COPY --from`, `RUN --mount` or `syntax`."""
    platform: str = ""
    """Where the line asks for another one than that of the build."""


@dataclass(frozen=True)
class Stage:
    """One FROM and what follows."""

    name: str
    base: str
    line: int


@dataclass(frozen=True)
class Dockerfile:
    """What was read."""

    frontend: str
    stages: tuple[Stage, ...]
    images: tuple[SourceImage, ...]
    """Each once, in order; stages of its own are none."""
    unknown: tuple[str, ...] = field(default=())
    """Images whose name depends on a value that nobody gave."""


def read_dockerfile(
    text: str, arguments: Mapping[str, str] | None = None, *, target: str = "", platform: str = ""
) -> Dockerfile:
    """Read a Dockerfile's text.

    Args:
        text: what it says.
        arguments: values of its ARGs.
        target: the stage to stop at, by name or number; later ones need nothing. Empty: all.
        platform: of the build, like `linux/arm64`; empty is this box's own.
    """
    given = dict(arguments or {})
    instructions, directives = _instructions(text)
    frontend = given.get("BUILDKIT_SYNTAX") or directives.get("syntax", "")
    values = _platform_arguments(platform)
    images: dict[tuple[str, str], SourceImage] = {}
    unknown: list[str] = []
    stages: list[Stage] = []
    if frontend:
        name = frontend.split()[0]
        images[name, ""] = SourceImage(name, 1, "syntax")

    def need(name: str, line: int, kind: str, on: str = "") -> None:
        if not name or "$" in name:
            unknown.append(f"line {line}: {kind} {name or 'an empty name'}")
        elif name.lower() != SCRATCH and _stage_of(name, stages, kind) is None:
            images.setdefault((name, on), SourceImage(name, line, kind, on))

    for each in instructions:
        flags, words = each.flags()
        if each.word == "ARG" and not stages:
            for match in _ARG.finditer(each.rest):
                values[match[1]] = given.get(match[1], expand(match[2] or "", values))
        elif each.word == "FROM" and words:
            if target and stages and _is_target(stages[-1], len(stages) - 1, target):
                break
            base = expand(words[0], values)
            on = expand((flags.get("platform") or [""])[0], values)
            need(base, each.line, "FROM", "" if on == platform or on == values["TARGETPLATFORM"] else on)
            named = words[2] if len(words) >= 3 and words[1].upper() == "AS" else ""
            stages.append(Stage(named.lower(), base, each.line))
        elif each.word in ("COPY", "ADD") and stages:
            for source in flags.get("from", []):
                need(source, each.line, "COPY --from")
        elif each.word == "RUN" and stages:
            for mount in flags.get("mount", []):
                for part in mount.split(","):
                    key, _, source = part.partition("=")
                    if key.lower() == "from":
                        need(source, each.line, "RUN --mount")
    return Dockerfile(frontend, tuple(stages), tuple(images.values()), tuple(unknown))


def base_images(text: str, arguments: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The names of all images that a build needs, each once; one whose name is not known is left out."""
    return tuple(dict.fromkeys(each.name for each in read_dockerfile(text, arguments).images))


def expand(text: str, values: Mapping[str, str]) -> str:
    """Fill in variables as BuildKit does in a FROM line; one without a value stays as it is written."""
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        quote, text = text[0], text[1:-1]
        if quote == "'":
            return text

    def filled(match: re.Match[str]) -> str:
        if match["escaped"] is not None:
            return match["escaped"]
        name, operator, word = match["bare"] or match["name"], match["operator"] or "", match["word"] or ""
        value = values.get(name)
        usable = bool(value) if operator.startswith(":") else value is not None
        if operator.endswith("-"):
            return value if usable and value is not None else expand(word, values)
        if operator.endswith("+"):
            return expand(word, values) if usable else ""
        return match[0] if value is None or (operator.endswith("?") and not usable) else value

    return _VARIABLE.sub(filled, text)


def _instructions(text: str) -> tuple[list[Instruction], dict[str, str]]:
    lines = text.removeprefix("﻿").splitlines()
    directives = _directives(lines)
    escape = directives.get("escape", "\\")
    continued = re.compile(rf"{re.escape(escape if escape in ('`', chr(92)) else chr(92))}[ \t]*$")
    found: list[Instruction] = []
    at = 0
    while at < len(lines):
        first = at
        joined, more = "", True
        while at < len(lines) and more:
            line = lines[at]
            at += 1
            # A comment or an empty line within a continued one is passed over.
            if line.lstrip().startswith("#") or (not line.strip() and joined):
                continue
            first = first if joined else at - 1
            more = bool(continued.search(line))
            joined += continued.sub("", line) if more else line
        word, _, rest = joined.strip().partition(" ") if " " in joined.strip() else joined.strip().partition("\t")
        if not word:
            continue
        upper = word.upper()
        if upper in HEREDOC_WORDS:
            for dash, _, end in _HEREDOC.findall(rest):
                while at < len(lines):
                    line = lines[at].lstrip("\t") if dash else lines[at]
                    at += 1
                    if line == end:
                        break
        found.append(Instruction(first + 1, upper, rest.strip()))
    return found, directives


def _directives(lines: list[str]) -> dict[str, str]:
    """`# name=value` lines before anything else; a first line of JSON may name the frontend too."""
    found: dict[str, str] = {}
    for number, line in enumerate(lines):
        if number == 0 and line.startswith("#!"):
            continue
        match = _DIRECTIVE.match(line.strip())
        if match is None:
            if number == 0 and line.lstrip().startswith("{"):
                found |= _of_json("\n".join(lines))
            break
        if match[1].lower() in found:
            break
        found[match[1].lower()] = match[2]
    return found


def _of_json(text: str) -> dict[str, str]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return {"syntax": value["syntax"]} if isinstance(value, dict) and isinstance(value.get("syntax"), str) else {}


def _stage_of(name: str, stages: list[Stage], kind: str) -> Stage | None:
    """The earlier stage that a name or, but for FROM, a number stands for."""
    if kind != "FROM" and name.isdigit():
        return stages[int(name)] if int(name) < len(stages) else None
    return next((each for each in stages if each.name and each.name == name.lower()), None)


def _is_target(stage: Stage, number: int, target: str) -> bool:
    return stage.name == target.lower() or str(number) == target


def _platform_arguments(platform: str) -> dict[str, str]:
    """The ARGs that BuildKit sets by itself before the first FROM."""
    here = f"linux/{machine()}"
    values: dict[str, str] = {}
    for prefix, platform_named in (("BUILD", here), ("TARGET", platform or here)):
        os, architecture, *variant = platform_named.split("/")
        values |= {
            f"{prefix}PLATFORM": platform_named,
            f"{prefix}OS": os,
            f"{prefix}ARCH": architecture,
            f"{prefix}VARIANT": variant[0] if variant else "",
        }
    return values
