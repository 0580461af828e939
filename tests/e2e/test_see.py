"""`onbox see` as a user calls it: an answer, the evidence behind it, and the picture in the report."""

import json
from pathlib import Path

import pytest

from onbox.cli.main import run
from onbox.evidence.records import SightPlan
from tests.doubles.script import HOSTILE
from tests.doubles.sighted import Answer, Reply, reads, refusal, sighted
from tests.exchanges import delta

SEED = 11


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("secrets.randbelow", lambda below: SEED)
    return tmp_path


def see(answer: Answer, *words: str, tries: int = 2, sense: str = "Paris") -> int:
    with sighted(SightPlan(tries=tries, seed=SEED), answer, sense=sense) as server, pytest.raises(SystemExit) as ended:
        run(["see", f"{server.url}/v1", "--n", str(tries), "--out", "out", *words])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_a_server_that_sees(called: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert see(reads, "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["sees"], result["reason"]) == (True, "sees")
    assert len(result["trials"]) == 8
    out = Path(result["trial"])
    verdict = json.loads((out / "verdict.json").read_text())
    assert verdict["contenders"][0]["sight"]["sees"] is True
    assert "sees: it reads 2 of 2" in verdict["headline"]
    report = (out / "report.html").read_text()
    assert report.count("data:image/png;base64,") >= 1
    assert "It reads 2 of 2 at 768 x 512 px" in report or "it reads 2 of 2 at 768 x 512 px" in report
    assert "vision/2/image.png" in (out / "report.md").read_text()
    with pytest.raises(SystemExit) as ended:
        run(["verify", str(out)])
    assert ended.value.code == 0


def test_a_refusal_is_an_answer_and_no_failure(called: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert see(lambda question, picture: refusal("at most 0 image(s)")) == 0
    output = capsys.readouterr().out
    assert "It does not see: pictures are refused" in output
    assert "at most 0 image(s)" in output
    assert "missing" in output


def test_of_nonsense_nothing_is_concluded(called: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A server of random weights takes pictures and says the same word for ever: that is no blindness."""
    assert see(lambda question, picture: "assistant" * 20, "--json", sense="assistant" * 20) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["sees"], result["reason"]) == (None, "unknown")
    assert "makes no sense without one either" in result["detail"]


def test_a_model_that_makes_sense_and_ignores_pictures(called: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert see(lambda question, picture: "a cat on a mat", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["sees"], result["reason"]) == (False, "ignored")


def test_hostile_words_are_shown_and_not_obeyed(called: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert see(lambda question, picture: Reply(delta(content=HOSTILE))) == 0
    assert "\x1b" not in capsys.readouterr().out
    report = (called / "out" / "report.html").read_text()
    assert "<script>" not in report
    assert "&lt;script&gt;" in report


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--image", "x.png"], "--image and --expect must be given together"),
        (["--image", "x.png", "--expect", "4711"], "x.png"),
        (["--fix"], "a running server has no recipe"),
    ],
)
def test_bad_input_is_one_line(
    called: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert see(reads, *words) == 2
    assert message in capsys.readouterr().err


def test_a_picture_of_ones_own(called: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from onbox.see.pictures import made

    own = made("digits", "mine")
    Path("own.png").write_bytes(own.data)
    words = ("--image", "own.png", "--expect", own.expected[0], "--json")
    assert see(lambda question, picture: f"a number: {own.expected[0]}", *words) == 0
    # Whoever says it without the picture too has not seen it.
    assert json.loads(capsys.readouterr().out)["reason"] == "unknown"
