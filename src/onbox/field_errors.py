"""What is wrong with a file that people write, in words that say which key and what belongs there."""

from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

LISTED_MAX = 30
_WANTED = {
    "dict_type": "a mapping of keys",
    "model_type": "a mapping of keys",
    "model_attributes_type": "a mapping of keys",
    "list_type": "a list",
    "tuple_type": "a list",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
}


def first_problem(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """The first complaint of a validation, as `field: what is wrong`.

    Args:
        error: what pydantic found.
        model: what the file was read as; with it an unknown key is answered with those that there are.
    """
    problem = error.errors()[0]
    place = problem["loc"]
    where = ".".join(str(part) for part in place) or "the whole"
    if problem["type"] == "extra_forbidden":
        return f"{where}: no such key{_instead(model, place)}"
    if problem["type"] == "missing":
        return f"{where}: is missing"
    if problem["type"] in _WANTED:
        return f"{where}: {_WANTED[problem['type']]} is wanted, not {_shown(problem['input'])}"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{where}: {message[:1].lower()}{message[1:]}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _instead(model: type[BaseModel] | None, place: tuple[int | str, ...]) -> str:
    """The key that was meant, or all that there are."""
    for part in place[:-1]:
        if model is not None and isinstance(part, str):
            field = model.model_fields.get(part)
            model = _model_in(field.annotation) if field else None
    if model is None:
        return ""
    names = [field.alias or name for name, field in model.model_fields.items()]
    close = get_close_matches(str(place[-1]), names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; there are {', '.join(names)}" if len(names) <= LISTED_MAX else ""


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The one model in an annotation such as `Part | None` or `tuple[Part, ...]`; None where there are several."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, UnionType, Annotated, tuple, list):
        found = {model for inner in get_args(annotation) if (model := _model_in(inner)) is not None}
        return found.pop() if len(found) == 1 else None
    return None
