"""Hostile text stays text, on the page and in Markdown."""

import json
import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from onbox.evidence.folder import TrialFolder
from onbox.report import extent, html, markdown, marks
from onbox.report.page import STEPS_MAX
from tests.unit.report.trials import HOSTILE, Elements, saying, trajectory
from tests.verdicts import build_verdict, run_result

# ---------------------------------------------------------------- safety


@pytest.mark.parametrize("message", HOSTILE)
def test_hostile_text_changes_nothing_but_text(folder: TrialFolder, message: str) -> None:
    trajectory(folder, "harmless")
    calm = Elements(html.render(folder, saying("harmless")))
    trajectory(folder, message)
    page = html.render(folder, saying(message))
    loud = Elements(page)
    page.encode("utf-8")
    assert calm.shape() == loud.shape()
    assert not loud.broken
    assert not loud.open


def test_the_page_runs_nothing_and_loads_nothing(folder: TrialFolder) -> None:
    trajectory(folder, " ".join(HOSTILE))
    found = Elements(html.render(folder, saying(" ".join(HOSTILE)))).elements
    assert {tag for tag, _ in found}.isdisjoint({"script", "img", "iframe", "object", "embed", "link", "form", "base"})
    assert not [name for _, attributes in found for name in attributes if name.startswith("on")]
    targets = [attributes[name] or "" for _, attributes in found for name in ("href", "src") if name in attributes]
    assert targets
    assert not [target for target in targets if not target.startswith(("./", "#"))]
    policy = [attributes["content"] for tag, attributes in found if "http-equiv" in attributes and tag == "meta"]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]


def test_control_and_bidi_characters_are_visible_on_the_page(folder: TrialFolder) -> None:
    trajectory(folder, "\x1b[31m \u202e \x00 \ud800")
    page = html.render(folder, build_verdict())
    assert "⟨ESC⟩[31m ⟨U+202E⟩ ⟨NUL⟩ ⟨U+D800⟩" in page
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page)


def test_hostile_names_stay_names(folder: TrialFolder) -> None:
    name = '"><b>//evil.example'
    verdict = build_verdict()
    renamed = verdict.contenders[0].model_copy(update={"name": name})
    runs = tuple(
        run.model_copy(update={"contender": name}) if run.contender == "small" else run for run in verdict.runs
    )
    verdict = verdict.model_copy(update={"contenders": (renamed, verdict.contenders[1]), "runs": runs})
    found = Elements(html.render(folder, verdict))
    assert not found.broken
    assert name in "".join(found.text)
    assert '"><b>' not in markdown.render(folder, verdict).replace("`" + name, "")


def test_a_long_text_is_cut_in_the_middle_and_says_so(folder: TrialFolder) -> None:
    trajectory(folder, "start" + "x" * 1_000_000 + "end", "small/runs/rename/baseline/1")
    for text, limit in (
        (html.render(folder, build_verdict()), extent.TEXT_CHARACTERS_MAX),
        (markdown.render(folder, build_verdict()), markdown.TEXT_CHARACTERS_MAX),
    ):
        assert f"{1_000_008 - limit:,} characters left out here; the whole is in" in text
        assert "small/runs/rename/baseline/1/trajectory.json" in text
        assert max(len(line) for line in text.splitlines()) < 4 * limit


def test_many_steps_are_cut_in_the_middle(folder: TrialFolder) -> None:
    steps = [{"role": "assistant", "content": f"step {n}."} for n in range(STEPS_MAX + 40)]
    run = folder.run_folder("small", "rename", "baseline", 1)
    (run / "trajectory.json").write_text(json.dumps({"steps": steps}))
    page = html.render(folder, build_verdict())
    assert "40 steps in the middle left out" in page
    assert "step 0." in page
    assert f"step {STEPS_MAX + 39}." in page
    assert page.count("<pre>step ") == STEPS_MAX


def test_a_run_outside_the_trial_is_not_read(folder: TrialFolder, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "gate.txt").write_text("a secret of this box")
    runs = (run_result("P", "small", "rename", 1, folder="../secret"),)
    page = html.render(folder, build_verdict(runs=runs))
    assert "a secret of this box" not in page
    assert "Its folder lies outside the trial" in page


@pytest.mark.parametrize("message", HOSTILE)
def test_hostile_text_is_no_markup_in_markdown(folder: TrialFolder, message: str) -> None:
    trajectory(folder, message)
    report = markdown.render(folder, saying(message))
    report.encode("utf-8")
    tokens = MarkdownIt("gfm-like", {"html": True, "linkify": False}).parse(report)
    inline = [child for token in tokens for child in token.children or ()]
    raw = "".join(token.content for token in (*tokens, *inline) if token.type in {"html_block", "html_inline"})
    assert not re.search(r"<(?!/?(?:details|summary)>)[a-z/!]", raw)
    assert not [token for token in inline if token.type in {"link_open", "image"}]
    headings = [tokens[index + 1].content for index, token in enumerate(tokens) if token.type == "heading_open"]
    assert headings[0] == "Switch"
    assert "Keep" not in headings
    assert "head" not in headings


@pytest.mark.parametrize(
    ("message", "escaped"),
    [
        ("33.4 %", "33.4 %"),
        ("1. item", "1\\. item"),
        ("- item", "\\- item"),
        ("a|b", "a\\|b"),
        ("https://x www.y", "https\\://x www\\.y"),
    ],
)
def test_markdown_is_escaped_only_where_it_would_act(message: str, escaped: str) -> None:
    assert marks.plain(message) == escaped


def test_a_fence_is_longer_than_the_fences_inside() -> None:
    assert marks.fenced("a ````` b").splitlines()[0] == "``````text"
    assert marks.code("a`b") == "``a`b``"
