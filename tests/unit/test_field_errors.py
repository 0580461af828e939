"""What a mistake in a file is answered with: the key, what belongs there, and the key that was meant."""

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from onbox.errors import install_extra
from onbox.field_errors import first_problem


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")
    context_tokens: int = 0
    slots: int = 1


class File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    contenders: tuple[str, ...]
    serve: Part | None = None
    parts: tuple[Part, ...] = ()
    from_: str = Field("", alias="from")
    fast: bool = False
    rate: float = Field(1.0, gt=0)


GOOD = {"contenders": ["a"]}


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        ({**GOOD, "contender": 1}, "contender: no such key; did you mean contenders?"),
        ({**GOOD, "zzz": 1}, "zzz: no such key; there are contenders, serve, parts, from, fast, rate"),
        ({**GOOD, "serve": {"context": 1}}, "serve.context: no such key; did you mean context_tokens?"),
        ({**GOOD, "parts": [{}, {"slot": 1}]}, "parts.1.slot: no such key; did you mean slots?"),
        ({}, "contenders: is missing"),
        ({"contenders": "a"}, "contenders: a list is wanted, not 'a'"),
        ("text", "the whole: a mapping of keys is wanted, not 'text'"),
        ({**GOOD, "serve": {"slots": "x" * 60}}, f"serve.slots: a whole number is wanted, not '{'x' * 36}..."),
        ({**GOOD, "fast": "perhaps"}, "fast: true or false is wanted, not 'perhaps'"),
        ({**GOOD, "rate": -1}, "rate: input should be greater than 0"),
    ],
)
def test_a_mistake_names_its_key_and_what_belongs_there(data: Any, wanted: str) -> None:
    with pytest.raises(ValidationError) as caught:
        File.model_validate(data)
    assert first_problem(caught.value, File) == wanted


def test_without_the_model_the_key_alone_is_named() -> None:
    with pytest.raises(ValidationError) as caught:
        File.model_validate({**GOOD, "zzz": 1})
    assert first_problem(caught.value) == "zzz: no such key"


@pytest.mark.parametrize("has_pip", [True, False])
def test_an_extra_is_added_to_this_very_python(has_pip: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onbox.errors.sys.executable", "/opt/onbox/bin/python")
    monkeypatch.setattr("onbox.errors.importlib.util.find_spec", lambda name: object() if has_pip else None)
    by = "/opt/onbox/bin/python -m pip install" if has_pip else "uv pip install --python /opt/onbox/bin/python"
    assert install_extra("see") == f"{by} 'onbox[see]'"
