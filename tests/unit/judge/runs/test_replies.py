"""What an answer without a tool call is, of texts that hold little but white space."""

import time

import pytest

from onbox.judge.runs.replies import answer_without_call, classify
from onbox.protocol.api_formats import Piece
from onbox.protocol.reply import Reply


def _code(text: str) -> str | None:
    reply = Reply()
    reply.add(Piece(text=text, finish_reason="stop"))
    return classify(reply, ["read"])


@pytest.mark.parametrize("before", ["", "\n", "I look.\n\n \t\n  ", " \r\n\r\n", "  "])
def test_a_channel_whose_marks_are_gone_begins_a_line(before: str) -> None:
    assert _code(f"{before}analysisThe user wants it.") == "S-STRIPPED"
    assert _code(f"{before}x analysisThe user wants it.") is None


@pytest.mark.parametrize("piece", ["\n", "  \n", "\r\n", "\n[", "analysis\n", "let me ", "i have "])
def test_an_answer_of_one_piece_again_and_again_is_read_in_proportion(piece: str) -> None:
    """Each newline was tried as the beginning of all that follow: a hundred thousand took half a minute."""
    seconds = []
    for characters in (12_500, 100_000):
        text = piece * (characters // len(piece))
        began = time.process_time()
        assert _code(text) is None
        assert answer_without_call(text, True) == "M-NOCALL"
        seconds.append(time.process_time() - began)
    assert seconds[1] < 20 * seconds[0] + 1.0
