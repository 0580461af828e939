"""How numbers and names are said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onbox.judge.formatting import sentence
from onbox.report import formatting, sight, text
from onbox.schema.sight import SightReason


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "not measured"),
        (0.0, "0 tok/s"),
        (0.04567, "0.0457 tok/s"),
        (9.996, "10.0 tok/s"),
        (23.64, "23.6 tok/s"),
        (999.6, "1,000 tok/s"),
        (467458, "467,000 tok/s"),
    ],
)
def test_a_rate_has_three_digits_and_its_unit(value: float | None, message: str) -> None:
    assert formatting.tok_s(value) == message


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "not measured"),
        (0, "0 s"),
        (0.0401, "40 ms"),
        (0.0009, "1 ms"),
        (0.999, "1.0 s"),
        (1.94, "1.9 s"),
        (9.96, "10 s"),
        (99.4, "99 s"),
        (99.6, "1 min 40 s"),
        (720, "12 min"),
        (3599.7, "1 h 00 min"),
        (3900, "1 h 05 min"),
    ],
)
def test_durations(value: float | None, message: str) -> None:
    assert formatting.seconds(value) == message


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "unknown"),
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.00 kB"),
        (999_700, "1.00 MB"),
        (1_117_320_736, "1.12 GB"),
        (5e15, "5,000 TB"),
    ],
)
def test_sizes(value: float | None, message: str) -> None:
    assert formatting.size(value) == message


@pytest.mark.parametrize(
    ("value", "message"),
    [(None, "not measured"), (0, "0 %"), (0.001, "< 1 %"), (2 / 3, "67 %"), (0.999, "> 99 %"), (1, "100 %")],
)
def test_a_share_is_rounded_to_none_or_all_only_when_it_is(value: float | None, message: str) -> None:
    assert formatting.percent(value) == message


def test_p_values_and_intervals() -> None:
    assert [formatting.p_value(p) for p in (None, 0.0, 0.0431, 0.5)] == [
        "p unknown",
        "p < 0.001",
        "p = 0.043",
        "p = 0.50",
    ]
    assert formatting.percent_interval((0.138, 0.609)) == "14 to 61 %"
    assert formatting.tok_s_interval((24.5, 25.4)) == "24.5 to 25.4 tok/s"
    assert formatting.percent_interval(None) == formatting.tok_s_interval(None) == "unknown"


def test_what_was_not_observed_is_never_zero() -> None:
    messages = [
        formatting.tok_s(None),
        formatting.seconds(None),
        formatting.size(None),
        formatting.percent(None),
        formatting.number(None),
    ]
    messages += [formatting.quantity(None, "%"), formatting.fact("total_bytes", None), formatting.count(None, "run")]
    assert not [phrase for phrase in messages if any(sign.isdigit() for sign in phrase)]


def test_percent_is_as_exact_as_the_sentence_of_the_check() -> None:
    """`-3.37 %` stood beside `3.4% slower`."""
    assert [formatting.quantity(percent, "%") for percent in (-3.37, 2.0, 0.063, 12)] == [
        "-3.4 %",
        "2 %",
        "0.063 %",
        "12 %",
    ]
    assert formatting.quantity(3.37, "tokens") == "3.37 tokens"


def test_facts_take_their_unit_from_the_key() -> None:
    assert formatting.fact("total_bytes", 16_700_000_000) == "16.7 GB"
    assert formatting.fact("read_gb_s", 34.4) == "34.4 GB/s"
    assert formatting.fact("decode_tok_s", 25) == "25.0 tok/s"
    assert formatting.fact("load_s", 1.9) == "1.9 s"
    assert formatting.fact("unified", False) == "no"
    assert formatting.fact("cores", 2) == "2"
    assert formatting.fact("ids", []) == "none"
    assert formatting.fact("part", {"size_bytes": 1000, "name": "x"}) == "size 1.00 kB, name x"
    assert formatting.label("available_bytes") == "available"


@given(st.floats(min_value=1e-9, max_value=1e12))
def test_a_number_is_within_half_a_digit_of_its_value(value: float) -> None:
    message = formatting.number(value)
    assert "e" not in message.lower()
    assert abs(float(message.replace(",", "")) - value) <= value * 0.00501


def test_hidden_characters_are_shown_as_signs() -> None:
    assert text.visible("\x1b[31m\x00\x7f\x9b\u202e\u2066\ufeff") == (
        "⟨ESC⟩[31m⟨NUL⟩⟨U+007F⟩⟨U+009B⟩⟨U+202E⟩⟨U+2066⟩⟨U+FEFF⟩"
    )
    assert text.visible("a\r\nb\rc\td") == "a\nb⟨CR⟩c\td"
    assert text.visible("\ud800 \udcff") == "⟨U+D800⟩ ⟨byte FF⟩"
    assert text.one_line("a\nb\tc") == "a↵b⇥c"
    assert text.visible("naïve 日本語 👩‍💻") == "naïve 日本語 👩‍💻"


@given(st.text(st.characters(codec=None)))
def test_what_is_visible_can_always_be_written(shown_text: str) -> None:
    shown = text.one_line(shown_text)
    assert shown.encode("utf-8").decode("utf-8") == shown
    assert not set(shown) & {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F))}


def test_a_cut_keeps_both_ends_and_counts_the_rest() -> None:
    message = "a" * 1000 + "b" * 1_000_000 + "c" * 1000
    cut = text.cut(message, 300)
    assert (cut.head, cut.omitted, cut.tail) == ("a" * 200, len(message) - 300, "c" * 100)
    assert text.cut("short", 300) == text.TruncatedText("short", 0)


def test_a_headline_that_begins_with_its_title_is_not_shown_twice() -> None:
    assert formatting.title_and_headline("keep", "Keep a: b passes 1 of 2.") == ("Keep a", "b passes 1 of 2.")
    assert formatting.title_and_headline("undecided", "Undecided: x.") == ("Undecided", "x.")
    assert formatting.title_and_headline("keep", "b: fails.") == ("Keep what you run now", "b: fails.")
    assert formatting.title_and_headline("switch", "b is better.") == ("Switch", "b is better.")


def test_a_check_says_what_it_saw_and_where_the_line_is() -> None:
    assert formatting.observed_against_threshold(128.0, 0.0, "tokens") == "seen 128 tokens, threshold 0 tokens"
    assert formatting.observed_against_threshold(None, None, "") == "seen unknown"


@pytest.mark.parametrize(
    ("given_text", "message"),
    [
        ("the end", "The end."),
        ("qwen2.5-coder-1.5b answers twice", "qwen2.5-coder-1.5b answers twice."),
        ("preflight.json: is gone", "preflight.json: is gone."),
        ("max_tokens is too small", "max_tokens is too small."),
        ("it's so!", "It's so!"),
        ("", ""),
    ],
)
def test_a_sentence_has_a_capital_and_a_name_keeps_its_case(given_text: str, message: str) -> None:
    assert sentence(given_text) == message


@pytest.mark.parametrize(
    ("value", "unit", "message"),
    [
        (1.0, "tasks not audited", "1 task not audited"),
        (1.0, "ms", "1 ms"),
        (2.0, "runs", "2 runs"),
        (0.0, "repeats", "0 repeats"),
        (1.0, "answers a request", "1 answer a request"),
    ],
)
def test_one_of_a_unit_is_singular(value: float, unit: str, message: str) -> None:
    assert formatting.quantity(value, unit) == message


def test_a_fact_of_facts_has_names_for_people() -> None:
    result = formatting.fact("bandwidths", {"read_gb_s": 33.0, "by_threads": {"1": 30.0, "2": 33.0}})
    assert result == "read 33.0 GB/s, by threads (1 30, 2 33)"


def test_every_reason_of_sight_has_words() -> None:
    assert set(sight.WHY) == set(SightReason)
    assert not any("_" in message for message in sight.WHY.values())
