"""The gate of a picture: deaf to case and to the forms of Unicode, and not to what is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onbox.evidence.sight_gates import folded, read_by


@pytest.mark.parametrize(
    "answer",
    [
        "VELVET, DOLPHIN, TORTOISE",
        "velvet dolphin tortoise",
        "The three words are **Velvet**, *Dolphin* and `Tortoise`.",
        "ＶＥＬＶＥＴ　ｄｏｌｐｈｉｎ　tortoise",
        "ve\u200blvet, dol\u00adphin, tor\u0301toise",
        "1. velvet\n2. dolphin\n3. tortoise\n",
        "<think>velvet? perhaps radish</think>velvet dolphin tortoise",
        "𝐯𝐞𝐥𝐯𝐞𝐭 dolphin tortoise",
    ],
)
def test_words_are_read_in_every_dress(answer: str) -> None:
    assert read_by(answer, ("velvet", "dolphin", "tortoise")).complete


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "velvet dolphin",
        "velvets dolphins tortoises",
        "velvetdolphintortoise",
        "I cannot see images.",
    ],
)
def test_words_that_are_not_there_are_not_read(answer: str) -> None:
    assert not read_by(answer, ("velvet", "dolphin", "tortoise")).complete


@pytest.mark.parametrize("answer", ["230245", "230,245", "230 245", "２３０２４５", "٢٣٠٢٤٥", "It is **2-3-0-2-4-5**."])
def test_a_number_is_read_in_every_dress(answer: str) -> None:
    assert read_by(answer, ("230245",)).complete


@pytest.mark.parametrize("answer", ["23024", "2302456", "230246", "999999 or 230245", "it has 6 digits"])
def test_another_number_or_one_more_is_not(answer: str) -> None:
    assert not read_by(answer, ("230245",)).complete


def test_an_answer_that_names_every_candidate_has_read_nothing() -> None:
    found = read_by("lemon, coffee, kettle", ("coffee",), ("lemon", "kettle"))
    assert not found.complete
    assert found.partly
    assert found.decoy == "lemon"


def test_a_list_of_everything_does_not_pass() -> None:
    from onbox.see.word_list import WORDS

    assert not read_by(" ".join(WORDS), ("acorn", "dolphin", "zipper")).complete
    assert not read_by(" ".join(f"{n:06}" for n in range(99_000, 101_000)), ("100000",)).complete


def test_a_text_of_the_user_is_held_as_words_in_their_order() -> None:
    assert read_by("It reads: Café  Zürich — open", ("CAFE ZÜRICH",)).complete
    assert read_by("cafe\u0301 zu\u0308rich", ("Café Zürich",)).complete
    assert not read_by("Zürich café", ("Café Zürich",)).complete


@given(st.text(max_size=3000))
def test_no_text_breaks_the_gate(text: str) -> None:
    assert folded(folded(text)) == folded(text)
    assert not read_by(text, ("xylotomous", "230245")).complete or "230245" in folded(text)
