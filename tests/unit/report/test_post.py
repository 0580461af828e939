"""What is posted elsewhere: the text and the picture."""

from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt

from onbox.evidence.folder import TrialFolder
from onbox.report import formatting, post, poster
from tests.unit.report.trials import HOSTILE, Elements
from tests.verdicts import build_verdict


class TestPost:
    def test_it_stands_on_its_own(self, folder: TrialFolder) -> None:
        text = post.render(folder, build_verdict(), "ab" * 32)
        verdict = build_verdict()
        assert text.startswith("## ")
        for result in (
            formatting.of(verdict.contenders[0].passed, verdict.contenders[0].valid),
            "TOKEN_RESIDUAL",
            "ab" * 32,
        ):
            assert result in text
        assert "onbox verify ." in text

    @pytest.mark.parametrize("names", [2, 60])
    @pytest.mark.parametrize("length", [10, 5000])
    def test_it_is_never_longer_than_can_be_pasted(self, folder: TrialFolder, names: int, length: int) -> None:
        verdict = build_verdict()
        one = verdict.contenders[0]
        many = tuple(one.model_copy(update={"name": f"{n}-{'é' * min(length, 100)}"}) for n in range(names))
        long = {"contenders": many, "reasons": ("words " * length,) * 30, "headline": "Switch: " + "x" * length}
        text = post.render(folder, verdict.model_copy(update=long), "ab" * 32)
        assert len(text.encode()) <= post.BYTES_MAX
        assert "ab" * 32 in text

    @pytest.mark.parametrize("hostile", HOSTILE)
    def test_what_others_wrote_is_text(self, folder: TrialFolder, hostile: str) -> None:
        verdict = build_verdict()
        one = verdict.contenders[0].model_copy(update={"name": hostile})
        record = {"contenders": (one,), "headline": hostile, "reasons": (hostile,), "would_settle": (hostile,)}
        shown = (
            MarkdownIt("commonmark", {"html": True})
            .enable("table")
            .render(post.render(folder, verdict.model_copy(update=record)))
        )
        found = {tag for tag, _ in Elements(shown).elements}
        assert found <= {"h2", "p", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "strong", "code"}


class TestPoster:
    @pytest.mark.parametrize("hostile", HOSTILE)
    def test_what_others_wrote_is_text(self, hostile: str) -> None:
        verdict = build_verdict()
        many = tuple(verdict.contenders[0].model_copy(update={"name": hostile}) for _ in range(12))
        drawn = poster.render(verdict.model_copy(update={"contenders": many, "headline": hostile * 40}))
        tree = ElementTree.fromstring(drawn.encode())
        kinds = {element.tag.rpartition("}")[2] for element in tree.iter()}
        assert kinds == {"svg", "rect", "text", "line", "circle"}
        assert not any("href" in name or name.startswith("on") for each in tree.iter() for name in each.attrib)

    def test_it_says_what_the_verdict_says(self) -> None:
        verdict = build_verdict()
        drawn = poster.render(verdict, "cd" * 32)
        message = " ".join(ElementTree.fromstring(drawn.encode()).itertext())
        assert formatting.percent(verdict.contenders[0].pass_rate) in message
        assert formatting.p_value(verdict.fixed_suite.p) in message
        assert "cd" * 8 in message
