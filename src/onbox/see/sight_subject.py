"""What is known, without asking a model anything, of whether it may see: weights, options, template, the server's word.

Reading only; what cannot be looked at is named in `unseen`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from onbox.engines.base import EngineFacts
from onbox.engines.served import RunningServer
from onbox.engines.sight import CommandLine, EngineSight, HidingOption
from onbox.evidence.records import SightFacts, SightFlag
from onbox.schema.recipe import Recipe
from onbox.weights.towers import TowerFacts, find_tower, is_projector

TEMPLATE_FILES = ("chat_template.jinja", "chat_template.json", "tokenizer_config.json")
"""In the order in which engines look for a template beside weights."""
FILE_BYTES_MAX = 8 << 20
PARENTS_MAX = 4


@dataclass(frozen=True)
class SightSubject:
    """A served model, as far as it is in view.

    Args:
        engine: what is known of its engine; None where that is not known.
        version: of the engine.
        words: the command line of the server; empty where it is not seen.
        environment: of the server, of those variables that matter.
        recipe: that it was started by; None for a server that ran already.
        weights: on this box; None where they are not.
        served: what the server says of itself.
    """

    engine: EngineFacts | None
    version: str | None = None
    words: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    recipe: Recipe | None = None
    weights: Path | None = None
    served: RunningServer | None = None


def facts_about(subject: SightSubject) -> SightFacts:
    """Look at all that is in view."""
    name = subject.engine.name if subject.engine else ""
    sight = subject.engine.sight if subject.engine else None
    unseen: list[str] = []
    line = _line(subject) if subject.words else None
    weights = _weights(subject, sight, line)
    tower = find_tower(weights) if weights else TowerFacts(None, "the weights are not on this box, or not named")
    given = sight.projector(line) if sight and line and sight.projector_needed else None
    if sight and sight.projector_needed:
        tower = _with_given(tower, given, line)
    if subject.engine and sight is None:
        unseen.append(f"what {name} does with pictures: onbox does not know it")
    elif subject.engine is None:
        unseen.append("which engine it is: the server does not say")
    template = _template(subject, weights, line) if sight and sight.slot else None
    return SightFacts(
        engine=f"{name} {subject.version}" if name and subject.version else name,
        says=subject.served.vision if subject.served else None,
        tower=tower.present,
        tower_seen=tower.where,
        projector_needed=bool(sight and sight.projector_needed),
        projector_given=given,
        projector_beside=tower.projector if weights else None,
        flags=None if line is None or sight is None else _flags(sight.hiding(line), subject.recipe),
        template_needed=bool(sight and sight.slot),
        template_slot=sight.slot(template) if sight and sight.slot and template is not None else None,
        unseen=tuple(unseen),
        remedies={str(reason): text for reason, text in sight.remedies(subject.version).items()} if sight else {},
    )


def speaks_of_sight(facts: SightFacts) -> bool:
    """Whether anything says that the model sees: then a trial asks."""
    return bool(facts.says or facts.tower)


def command_of(pid: int | None, engine: EngineFacts | None) -> tuple[tuple[str, ...], dict[str, str]]:
    """The command line of the server that listens, and those of its variables that keep pictures away.

    The process that listens may be a child of the one that was started; nothing where neither can be read.
    """
    wanted = engine.sight.variables if engine and engine.sight else ()
    try:
        process = psutil.Process(pid) if pid else None
        chain = [process, *process.parents()[:PARENTS_MAX]] if process else []
    except psutil.Error:
        chain = []
    for each in chain:
        try:
            words = each.cmdline()
        except psutil.Error:
            continue
        if engine and _is_of(engine, words):
            try:
                values = each.environ()
            except psutil.Error:
                values = {}
            return tuple(words), {name: values[name] for name in wanted if name in values}
    return (), {}


def _is_of(engine: EngineFacts, words: Sequence[str]) -> bool:
    signs = engine.signs
    for word, following in zip(words[:6], [*words[1:], ""], strict=False):
        needed = signs.programs.get(Path(word).name)
        if word.startswith(signs.modules) or (needed is not None and (not needed or following in needed)):
            return True
    return False


def _line(subject: SightSubject) -> CommandLine:
    weights = subject.weights
    environment = {**subject.environment, **(subject.recipe.serve.environment if subject.recipe else {})}
    architectures = _json(weights / "config.json").get("architectures") if weights and weights.is_dir() else None
    names = tuple(map(str, architectures)) if isinstance(architectures, list) else ()
    return CommandLine(subject.words, environment, subject.version, names)


def _weights(subject: SightSubject, sight: EngineSight | None, line: CommandLine | None) -> Path | None:
    """The files that are served, where they are on this box."""
    if subject.weights is not None:
        return subject.weights if subject.weights.exists() else None
    named = sight.served(line) if sight and line else ""
    path = Path(named or (subject.served.origin if subject.served else "") or "/nowhere")
    return path if path.is_absolute() and path.exists() else None


def _with_given(tower: TowerFacts, given: bool | None, line: CommandLine | None) -> TowerFacts:
    """A projector that the engine was given is the tower, wherever it lies."""
    if not given or tower.present:
        return tower
    named = line.last("mmproj", "mm") if line else None
    path = Path(named[1]) if named and named[1] else None
    if path is not None and path.is_file() and not is_projector(path):
        return TowerFacts(None, f"{path.name} was given as projector, and its header speaks of no pictures")
    return TowerFacts(True, f"the engine was given a projector{f', {path.name}' if path else ''}")


def _flags(hiding: Sequence[HidingOption], recipe: Recipe | None) -> tuple[SightFlag, ...]:
    def where(each: HidingOption) -> str:
        return "recipe" if recipe is not None and recipe.url is None else each.where

    return tuple(SightFlag(option=each.option, where=where(each), remedy=each.remedy) for each in hiding)


def _template(subject: SightSubject, weights: Path | None, line: CommandLine | None) -> str | None:
    """The text of the chat template in use; None where it is not seen."""
    if subject.recipe and subject.recipe.serve.chat_template:
        return subject.recipe.serve.chat_template
    named = line.last("chat-template") if line else None
    if named is not None:
        return named[1] if "{" in named[1] else _text(Path(named[1]))
    if line is None or weights is None or not weights.is_dir():
        return None
    for name in TEMPLATE_FILES:
        path = weights / name
        text = _text(path) if path.suffix == ".jinja" else _in_json(_json(path).get("chat_template"))
        if text:
            return text
    return None


def _in_json(value: Any) -> str | None:
    """A template, or several with names, the first of which is the one in use."""
    if isinstance(value, list):
        value = next((each.get("template") for each in value if isinstance(each, dict)), None)
    return value if isinstance(value, str) else None


def _json(path: Path) -> dict[str, Any]:
    text = _text(path)
    try:
        value = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8") if path.stat().st_size <= FILE_BYTES_MAX else None
    except (OSError, UnicodeDecodeError):
        return None
