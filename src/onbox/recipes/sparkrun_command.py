"""The command of a sparkrun recipe, as sparkrun itself would write it for one node, and its options.

Rules and tables are those of sparkrun 0.4.2 (`core/recipe.py`, `runtimes/`); a test holds them against sparkrun.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onbox.errors import UsageError
from onbox.recipes.shell_words import NotOneCommandError, shell_words
from onbox.recipes.sparkrun_flags import FLAGS, MODEL_FLAGS, NEGATABLE, SWITCHES
from onbox.recipes.sparkrun_flags import render as render_value
from onbox.recipes.sparkrun_render import collapsed, rendered

PROGRAMS = {
    "vllm": (("vllm", "serve"),),
    "sglang": (
        ("sglang", "serve"),
        ("python3", "-m", "sglang.launch_server"),
        ("python", "-m", "sglang.launch_server"),
    ),
}
"""Engine -> how a command may begin; the first is written where there was none."""
SHORT = {
    "tp": "tensor-parallel-size",
    "pp": "pipeline-parallel-size",
    "dp": "data-parallel-size",
    "dcp": "decode-context-parallel-size",
    "ep": "enable-expert-parallel",
    "q": "quantization",
    "O": "optimization-level",
    "cc": "compilation-config",
    "ac": "attention-config",
    "sc": "speculative-config",
}
"""Short names of vLLM's options."""
SHORT_OF_SGLANG = {"tp": "tp-size", "pp": "pp-size", "dp": "dp-size", "ep": "ep-size"}
NAMING = ("model", "tokenizer", "served-model-name")
"""Options whose value may be the model's name."""
BACKEND = "--distributed-executor-backend"


@dataclass(frozen=True)
class Option:
    """One option of a command."""

    name: str
    """Its long name with dashes."""
    value: Any
    """True for an option without a value, a tuple where it has several."""


def usual_program(engine: str) -> str:
    """What onbox starts an engine by, where nothing else is named."""
    return {"vllm": "vllm serve", "sglang": "python3 -m sglang.launch_server"}[engine]


def engine_of(data: Mapping[str, Any]) -> str:
    """The runtime by sparkrun's rules: as it is named, else by the command's program, else vLLM."""
    runtime = str(data.get("runtime") or "")
    command = str(data.get("command") or "").strip()
    if not runtime:
        for name, begins in (
            ("sglang", r"(?:sglang\s+serve|python3?\s+-m\s+sglang\.launch_server)\b"),
            ("llama-cpp", r"llama-server\b"),
            ("trtllm", r"(?:trtllm-serve|mpirun\b.*trtllm)"),
        ):
            if re.match(begins, command):
                return name
    return "vllm" if runtime in ("", "vllm", "vllm-ray", "vllm-distributed", "eugr-vllm") else runtime


def values_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """What fills the placeholders of a command."""
    values = {key: collapsed(value) for key, value in (data.get("defaults") or {}).items()}
    values.setdefault("model", data.get("model"))
    if data.get("model_revision"):
        values.setdefault("model_revision", data["model_revision"])
    values.setdefault("resolved_model_path", data.get("model"))
    return values


def command_text(data: Mapping[str, Any]) -> str:
    """The command as sparkrun would hand it to a shell on one node."""
    engine, values = engine_of(data), values_of(data)
    if engine == "sglang" and not values.get("speculative_draft_model_path"):
        values["speculative_draft_model_path"] = values.get("speculative_draft_model")
    template = data.get("command")
    if template and template.strip():
        text = rendered(template.strip(), values)
        if engine == "vllm" and values.get("distributed_executor_backend") is not None:
            text = _with_flag(text, BACKEND, values["distributed_executor_backend"], override=True)
        served = _served_name(data, engine, values)
        text = text if served in (None, "") else _with_flag(text, "--served-model-name", served, override=False)
    else:
        text = _of_defaults(data, engine, values)
        if engine == "vllm":
            served = _served_name(data, engine, values)
            text = text if served in (None, "") else _with_flag(text, "--served-model-name", served, override=False)
    if engine == "sglang" and int(values.get("data_parallel") or 1) > 1:
        text = _with_flag(text, "--dp-size", int(values["data_parallel"]), override=False)
    return text


def _served_name(data: Mapping[str, Any], engine: str, values: Mapping[str, Any]) -> Any:
    """What the model is called in requests, where the command is to say it."""
    named = values.get("served_model_name")
    if engine == "vllm" and named is None:
        return _served_by(str(data.get("command") or "")) or data.get("model")
    return named


def _of_defaults(data: Mapping[str, Any], engine: str, values: Mapping[str, Any]) -> str:
    """A recipe without a command: each default that sparkrun has an option for; the others are left out."""
    model = str(data.get("model"))
    words = ["vllm", "serve", model] if engine == "vllm" else ["sglang", "serve", "--model-path", shlex.quote(model)]
    revision = data.get("model_revision")
    if engine == "vllm" and revision and not model.startswith("/") and ":" not in model:
        words += ["--revision", shlex.quote(str(revision))]
    if values.get("tensor_parallel"):
        words += ["-tp" if engine == "vllm" else "--tp-size", str(values["tensor_parallel"])]
    for key, flag in FLAGS[engine].items():
        value = values.get(key)
        if value is None or key in ("tensor_parallel", "distributed_executor_backend"):
            continue
        if key == "revision" and "{model_revision}" in str(value):
            value = rendered(str(value), values)
        if key not in SWITCHES[engine]:
            words += [flag, render_value(value)]
        elif _true(value):
            words.append(flag)
        elif key in NEGATABLE:
            words.append(f"--no-{flag[2:]}")
    return " ".join(words)


def _true(value: Any) -> bool:
    """As sparkrun reads a switch that may be a text."""
    return value if isinstance(value, bool) else bool(value) and bool(re.search("[1ty]", str(value).lower()))


def _served_by(template: str) -> str:
    """The name that a template gives the model in so many words."""
    match = re.search(r"--(?:served-model-name|model-name|alias)[=\s]+(\S+)", template, re.IGNORECASE)
    name = match[1].strip("\"'") if match else ""
    return "" if "{" in name or "}" in name else name


def _with_flag(text: str, flag: str, value: Any, *, override: bool) -> str:
    """The command with this option: put in where it is missing; `override` changes one that is there."""
    if re.search(rf"(?<!\S){re.escape(flag)}(?=[=\s]|$)", text):
        if not override:
            return text
        pattern = rf"(?<!\S){re.escape(flag)}(=|\s+(?:\\\n\s*)?)\S+"
        replaced, count = re.subn(pattern, lambda match: f"{flag}{match[1]}{value}", text, count=1)
        if count:
            return replaced
    kept = re.sub(r"[\\\s]+$", "", text)
    return f"{kept} {flag} {value}"


def options_of(data: Mapping[str, Any], engine: str, where: str) -> tuple[str, list[Option]]:
    """(program, options) of a recipe's command; the model is no option.

    Raises:
        UsageError: the command is more than one program with options, or another program.
    """
    text = command_text(data)
    try:
        words = shell_words(text)
    except NotOneCommandError as error:
        raise UsageError(f"{where}: command: {error}", "write a recipe of onbox") from error
    program = next((each for each in PROGRAMS[engine] if words[: len(each)] == list(each)), None)
    if program is None:
        known = " or ".join(" ".join(each) for each in PROGRAMS[engine])
        raise UsageError(f"{where}: command: begins with {' '.join(words[:3])}, not with {known}")
    options, loose = _options(words[len(program) :], SHORT if engine == "vllm" else SHORT_OF_SGLANG)
    model = str(data.get("model"))
    if len(loose) > 1:
        raise UsageError(f"{where}: command: {loose[1]}: not an option")
    if not loose:
        options, loose = _after_options(options, model)
    named = [*loose, *(str(each.value) for each in options if each.name in MODEL_FLAGS[engine])]
    if named != [model]:
        models = ", ".join(named) or "no model"
        problem = f"{where}: command: serves {models}, where the recipe's model is {model}"
        raise UsageError(problem, "write {model} in its place")
    return " ".join(program), [each for each in options if each.name not in MODEL_FLAGS[engine]]


def _after_options(options: list[Option], model: str) -> tuple[list[Option], list[str]]:
    """The options without the model that stands behind the last value of one of them, and that model."""
    for at, each in enumerate(options):
        values = each.value if isinstance(each.value, tuple) else (each.value,)
        if values[-1] == model and not each.name.startswith(NAMING):
            left = values[:-1]
            value = True if not left else left[0] if len(left) == 1 else left
            return [*options[:at], Option(each.name, value), *options[at + 1 :]], [model]
    return options, []


def placeholders_of(data: Mapping[str, Any], engine: str) -> dict[str, str]:
    """Option -> the default that is all of its value in the template."""
    try:
        words = shell_words(str(data.get("command") or ""))
    except NotOneCommandError:
        return {}
    options, _ = _options(words, SHORT if engine == "vllm" else SHORT_OF_SGLANG)
    whole = {each.name: re.fullmatch(r"\{([A-Za-z_]\w*)\}", str(each.value)) for each in options}
    return {name: match[1] for name, match in whole.items() if match}


def _options(words: list[str], short: Mapping[str, str]) -> tuple[list[Option], list[str]]:
    """The options, and the words before the first of them."""
    found: dict[str, Option] = {}
    first = next((at for at, word in enumerate(words) if _is_option(word)), len(words))
    loose, at = words[:first], first
    while at < len(words):
        name, joined, value = words[at].lstrip("-").partition("=")
        end = next((n for n in range(at + 1, len(words)) if _is_option(words[n])), len(words))
        given = ([value] if joined else []) + words[at + 1 : end]
        values = tuple(_number(each) for each in given)
        if level := re.fullmatch(r"O([0-3])", name) if "O" in short else None:
            name, values = "O", (int(level[1]), *values)
        option, point, key = short.get(name, name).partition(".")
        name = option.replace("_", "-") + point + key  # Behind a point stands a key of JSON, which keeps its own.
        found.pop(name, None)  # said twice, the last word counts
        found[name] = Option(name, True if not values else values[0] if len(values) == 1 else values)
        at = end
    return list(found.values()), loose


def _is_option(word: str) -> bool:
    return bool(re.match(r"--?[A-Za-z]", word))


def _number(text: str) -> Any:
    """A number that is written as Python writes it becomes one; all other texts stay as they are."""
    if re.fullmatch(r"-?(0|[1-9]\d{0,17})", text):
        return int(text)
    return float(text) if re.fullmatch(r"-?\d+\.\d+", text) and str(float(text)) == text else text
