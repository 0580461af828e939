"""YAML of others: what cannot be worked with ends in one error of its own, with its line."""

from pathlib import Path

import pytest

from onbox.errors import UsageError
from onbox.evidence.claims_file import read_claims
from onbox.evidence.folder import TrialFolder
from onbox.recipes.image_builds import load_image_build
from onbox.recipes.yaml_text import read_yaml
from onbox.untrusted_yaml import DEPTH_MAX, UntrustedYamlError, parse

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
BAD = {
    "nested": "[" * 20_000 + "]" * 20_000,
    "deeper than the bound": "[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1),
    "holds itself": "&a [*a]",
    "holds itself deep inside": "a: &a {b: {c: [1, *a]}}",
    "unfolds": BOMB,
    "no date": "at: 2026-99-99",
    "no timestamp": "at: !!timestamp x",
    "no integer": "runs: !!int x",
    "a list as a key": "? [a]\n: b",
    "not closed": "claims: [",
    "a control character": "a: \x07",
    "two documents": "a: 1\n---\nb: 2",
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("by_libyaml", [False, True])
def test_what_cannot_be_worked_with_is_refused(name: str, by_libyaml: bool) -> None:
    with pytest.raises(UntrustedYamlError) as caught:
        parse(BAD[name], by_libyaml=by_libyaml)
    assert "\n" not in str(caught.value)
    assert "NoneType" not in str(caught.value)


@pytest.mark.parametrize("by_libyaml", [False, True])
def test_what_can_be_is_as_it_is_written(by_libyaml: bool) -> None:
    text = "name: mine\nbase: &b {runs: 3}\nagain: *b\nlist: [1, 2.5, true, null, 'x']\n"
    found = parse(text, by_libyaml=by_libyaml)
    assert found == {
        "name": "mine", "base": {"runs": 3}, "again": {"runs": 3}, "list": [1, 2.5, True, None, "x"],
    }  # fmt: skip
    assert parse("[" * DEPTH_MAX + "]" * DEPTH_MAX, by_libyaml=by_libyaml)


def test_the_line_is_reported() -> None:
    with pytest.raises(UntrustedYamlError) as caught:
        parse("a: 1\nb: [\n")
    assert caught.value.at("r.yaml") == "r.yaml:3"


@pytest.mark.parametrize("name", BAD)
def test_every_reader_of_a_file_says_which(name: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(BAD[name], "utf-8")
    for read in (
        read_yaml,
        read_claims,
        lambda _: TrialFolder(tmp_path).plan(),
        lambda _: load_image_build(str(path), 121),
    ):
        with pytest.raises(UsageError) as caught:
            read(path)
        assert caught.value.message.startswith(str(path))
        assert "\n" not in caught.value.message


def test_a_build_that_is_no_text_is_a_mistake_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="cannot be read"):
        load_image_build(str(tmp_path / "b.yaml"), 121)
