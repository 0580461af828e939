"""A key is in no part of a request's JSON: not in a text, not in a field that is named like one, not as a name."""

from onbox.wire.redaction import REDACTED, redacted

KEY = "sk-planted-0123456789abcdef"


def test_a_key_is_replaced_wherever_it_stands() -> None:
    request = {
        "messages": [{"role": "user", "content": f"my key is {KEY}, keep it"}],
        "metadata": {KEY: 1, f"of {KEY}": {KEY: [KEY]}},
        "api_key": "another",
        "max_tokens": 5,
    }
    assert redacted(request, (KEY,)) == {
        "messages": [{"role": "user", "content": f"my key is {REDACTED}, keep it"}],
        "metadata": {REDACTED: 1, f"of {REDACTED}": {REDACTED: [REDACTED]}},
        "api_key": REDACTED,
        "max_tokens": 5,
    }


def test_a_schema_with_a_field_that_is_named_like_a_key_stays() -> None:
    schema = {"properties": {"password": {"type": "string", "description": "of the user"}}}
    assert redacted(schema, (KEY,)) == schema
