"""The command of a sparkrun recipe: a template of one program with options."""

import re
import shlex
from dataclasses import dataclass
from typing import Any

from onbox.errors import UsageError

PLACEHOLDER = re.compile(r"\{(?:config\.)?([A-Za-z_]\w*)\}")
SHELL = frozenset({"&&", "||", "|", ";", "&", ">", "<", "export", "cd", "exec", "bash", "sh"})
PROGRAMS = {
    "vllm": ("vllm serve {model}",),
    "sglang": ("sglang serve --model-path {model}", "python3 -m sglang.launch_server --model-path {model}"),
}
"""Engine -> how a command may begin; the first is written where there was none."""
SHORT = {"tp": "tensor-parallel-size", "pp": "pipeline-parallel-size", "dp": "data-parallel-size"}
OF_DEFAULTS = {
    "vllm": {"tensor_parallel": "tensor-parallel-size", "pipeline_parallel": "pipeline-parallel-size"},
    "sglang": {
        "tensor_parallel": "tp-size",
        "pipeline_parallel": "pp-size",
        "max_model_len": "context-length",
        "gpu_memory_utilization": "mem-fraction-static",
        "max_num_seqs": "max-running-requests",
        "chunked_prefill": "chunked-prefill-size",
        "data_parallel": "dp-size",
    },
}
"""Engine -> names of sparkrun's defaults that are not those of the options (without a command, sparkrun maps them)."""


@dataclass(frozen=True)
class Option:
    """One option of a template."""

    name: str
    """Its long name with dashes."""
    value: Any
    """True for an option without a value; a text may hold placeholders."""

    @property
    def placeholder(self) -> str:
        """The name of the default that is the whole value; empty if it is anything else."""
        match = PLACEHOLDER.fullmatch(self.value) if isinstance(self.value, str) else None
        return match[1] if match else ""


def program_of(data: dict[str, Any], engine: str) -> str:
    """The first words of a recipe's command, or those that a new one begins with."""
    words = str(data.get("command", "")).split()
    known = PROGRAMS[engine]
    return next((each for each in known if words[: len(each.split())] == each.split()), known[0])


def filled(value: Any, values: dict[str, Any], where: str) -> Any:
    """A value with its placeholders filled; one that is nothing but a placeholder keeps the type of its default.

    Raises:
        UsageError: a placeholder that only sparkrun can fill.
    """
    if not isinstance(value, str):
        return value
    if (whole := PLACEHOLDER.fullmatch(value)) and values.get(whole[1]) is not None:
        return filled(values[whole[1]], {**values, whole[1]: None}, where)
    named = re.findall(r"\{([A-Za-z_][\w.]*)\}", value)
    unknown = [name for name in named if values.get(name.removeprefix("config.")) is None]
    if unknown:
        raise UsageError(f"{where}: {{{unknown[0]}}}: a placeholder that only sparkrun fills", "write its value")
    return PLACEHOLDER.sub(lambda match: str(values[match[1]]), value)


def options_of(data: dict[str, Any], engine: str, where: str) -> list[Option]:
    """The options of a recipe's command, or of its defaults where it has none; nothing for an empty recipe.

    Raises:
        UsageError: the command is more than one program with options.
    """
    if not data:
        return []
    if not data.get("command"):
        return _of_defaults(data.get("defaults") or {}, engine)
    try:
        words = shlex.split(str(data["command"]).replace("\\\n", " "))
    except ValueError as error:
        raise UsageError(f"{where}: command: {error}") from error
    if shell := sorted(SHELL.intersection(words)):
        raise UsageError(f"{where}: command: {shell[0]}: more than one program with options", "write a recipe of onbox")
    program = program_of(data, engine).split()
    if words[: len(program)] != program:
        raise UsageError(f"{where}: command: begins with {' '.join(words[:3])}, not with {' '.join(program)}")
    return _options(words[len(program) :], where)


def _options(words: list[str], where: str) -> list[Option]:
    found: list[Option] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            raise UsageError(f"{where}: command: {word}: not an option")
        name, joined, value = word.lstrip("-").partition("=")
        has_value = bool(joined) or (bool(rest) and not re.match(r"--?[A-Za-z]", rest[0]))
        text: Any = value if joined else (rest.pop(0) if has_value else True)
        found.append(Option(SHORT.get(name, name).replace("_", "-"), _number(text)))
    return found


def _of_defaults(defaults: dict[str, Any], engine: str) -> list[Option]:
    """Each default is an option of its name; sparkrun does the same."""
    names = OF_DEFAULTS[engine]
    found = [
        Option(names.get(key, key.replace("_", "-")), value if isinstance(value, bool) else f"{{{key}}}")
        for key, value in defaults.items()
    ]
    if engine == "vllm" and "tool_call_parser" in defaults:
        found.append(Option("enable-auto-tool-choice", True))
    return found


def _number(value: Any) -> Any:
    """Whole numbers as numbers; all other texts stay as they were written."""
    return int(value) if isinstance(value, str) and re.fullmatch(r"-?\d{1,18}", value) else value
