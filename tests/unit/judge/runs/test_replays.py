"""What asking again shows."""

from collections.abc import Sequence

import pytest

from onbox.evidence.records import Exchange
from onbox.judge.results import Outcome, RunResult
from onbox.judge.runs.attribution import attribute
from onbox.judge.runs.run_context import RunContext
from tests.builders import LEAK, failed_gate, run_record
from tests.exchanges import call_reply, plain_reply, text_reply
from tests.unit.judge.runs.shapes import UNTOUCHED, again, error, raw_again


class TestReplays:
    CLAIM = (text_reply("All references have been renamed."),)

    def judged(self, *replays: Exchange, agent_exchanges: Sequence[Exchange] = CLAIM) -> RunResult:
        record = run_record(gate=failed_gate(), changes=UNTOUCHED)
        return attribute(record, agent_exchanges, RunContext(replays=replays))

    def test_never_tried_with_its_bound(self) -> None:
        result = self.judged(*[again("replay")] * 5, *[raw_again("All done.")] * 5)
        assert (result.code, result.replay) == ("M-CLAIM", "never tried")
        assert result.replay_bound == pytest.approx(0.4507, abs=1e-4), "1 - 0.05^(1/5)"
        assert "45 %" in result.detail

    def test_reasoning_that_never_becomes_a_call_is_a_plan(self) -> None:
        thought = [text_reply("", reasoning="Let me call bash to grep foo.")]
        result = self.judged(*[again("replay")] * 5, *[raw_again("I should grep.")] * 5, agent_exchanges=thought)
        assert (result.code, result.outcome) == ("M-PLAN", Outcome.FAILED)

    def test_a_server_whose_calls_arrive_has_dropped_nothing(self) -> None:
        called = call_reply().model_copy(update={"purpose": "replay"})
        result = self.judged(called, again("replay"), raw_again(LEAK))
        assert (result.code, result.replay, result.replay_bound) == ("M-CLAIM", "calls when asked again", None)
        assert "unchanged 1 of 2" in result.detail

    def test_without_a_road_past_the_parser_it_stays_open(self) -> None:
        thought = [text_reply("", reasoning="Let me call bash to grep foo.")]
        result = self.judged(again("replay"), again("replay-flipped"), agent_exchanges=thought)
        assert (result.code, result.replay) == ("S?-REASON-ONLY", "open")

    def test_answers_that_broke_say_nothing(self) -> None:
        broken = plain_reply(503, error("busy")).model_copy(update={"purpose": "replay"})
        raw = plain_reply(500, "boom").model_copy(update={"purpose": "replay-raw"})
        result = self.judged(broken, raw)
        assert (result.code, result.replay) == ("M-CLAIM", "")

    def test_a_failure_that_shows_itself_is_not_turned_by_a_replay(self) -> None:
        result = self.judged(
            again("replay"), raw_again(LEAK), agent_exchanges=[call_reply(), text_reply("Done.", id=2)]
        )
        assert (result.code, result.replay) == ("F-GATE", "dropped by the server")

    def test_harmony_and_xml_in_the_raw_text_are_calls(self) -> None:
        harmony = '<|channel|>commentary to=functions.bash <|constrain|>json<|message|>{"command":"ls"}<|call|>'
        for raw in (harmony, "<tool_call>\n<function=bash>\n<parameter=command>ls</parameter>"):
            assert self.judged(again("replay"), raw_again(raw)).code == "S-DROP"

    def test_a_torn_call_is_no_call(self) -> None:
        assert self.judged(again("replay"), raw_again('<tool_call>{"name": "bash", "arg')).replay == "never tried"
