"""What a Dockerfile needs, with the oddities that its parser allows."""

import pytest

from onbox.recipes.dockerfile import base_images, expand, read_dockerfile
from tests.doubles.registry import HERE


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("FROM a:1\n", ["a:1"]),
        ("from a:1 as x\nFROM x\n", ["a:1"]),
        ("ARG BASE=a:1\nFROM $BASE\n", ["a:1"]),
        ("ARG V=1\nARG BASE=a:${V}\nFROM ${BASE} AS one\nFROM ${OTHER:-b:2}\n", ["a:1", "b:2"]),
        ('ARG BASE="a:1"\nFROM "${BASE}"\n', ["a:1"]),
        ("FROM --platform=$BUILDPLATFORM a:1 AS build\nFROM scratch\nCOPY --from=build /x /x\n", ["a:1"]),
        ("FROM a:1\nCOPY --from=b:2 /x /x\nCOPY --chown=1 --from=c:3 /y /y\n", ["a:1", "b:2", "c:3"]),
        ("FROM a:1\nCOPY --from=0 /x /x\n", ["a:1"]),
        ("FROM a:1\nRUN --mount=type=bind,from=b:2,target=/b true\n", ["a:1", "b:2"]),
        ("FROM a:1 AS One\nFROM b:2\nRUN --mount=from=one,target=/b true\n", ["a:1", "b:2"]),
        ("# syntax=docker/dockerfile:1.6\nFROM a:1\n", ["docker/dockerfile:1.6", "a:1"]),
        ("#syntax = docker/dockerfile:1\n# escape=`\nFROM a:1 `\n  AS x\n", ["docker/dockerfile:1", "a:1"]),
        ("﻿# SYNTAX=f:1\nFROM a:1\n", ["f:1", "a:1"]),
        ("# a comment\n# syntax=f:1\nFROM a:1\n", ["a:1"]),
        ("\n# syntax=f:1\nFROM a:1\n", ["a:1"]),
        ("FROM a:1\nRUN <<EOF\nFROM nothing:1\nEOF\nFROM b:2\n", ["a:1", "b:2"]),
        ("FROM a:1\nRUN <<-'EOF' cat\n\tFROM nothing:1\n\tEOF\nCOPY <<A <<B /x/\nFROM n:1\nA\nFROM n:2\nB\nFROM b:2\n",
         ["a:1", "b:2"]),
        ("FROM a:1\nRUN cat <<< FROM && true\nFROM b:2\n", ["a:1", "b:2"]),
        ("FROM \\\n  # within\n\n  a:1 \\\n  AS x\nFROM x\n", ["a:1"]),
        ("FROM a@sha256:" + "0" * 64, ["a@sha256:" + "0" * 64]),
        ("FROM a:1 AS a\nFROM a\n", ["a:1"]),
        ("ARG ONE=1 TWO=b:2\nFROM ${TWO}\n", ["b:2"]),
        ("FROM a-$TARGETARCH\n", [f"a-{HERE}"]),
        ("FROM a:1\r\nFROM b:2\r\n", ["a:1", "b:2"]),
    ],
)  # fmt: skip
def test_images_are_found(text: str, names: list[str]) -> None:
    assert list(base_images(text)) == names


def test_values_that_are_given_count_before_those_that_are_written() -> None:
    assert base_images("ARG BASE=a:1\nFROM $BASE\n", {"BASE": "b:2"}) == ("b:2",)
    assert base_images("# syntax=f:1\nFROM a:1\n", {"BUILDKIT_SYNTAX": "g:2"}) == ("g:2", "a:1")


def test_an_arg_of_a_stage_does_not_reach_the_next_from() -> None:
    read = read_dockerfile("FROM a:1\nARG BASE=b:2\nFROM $BASE\n")
    assert [each.name for each in read.images] == ["a:1"]
    assert read.unknown == ("line 3: FROM $BASE",)


def test_what_comes_after_the_target_is_not_needed() -> None:
    text = "FROM a:1 AS one\nFROM b:2 AS two\nFROM c:3\n"
    assert [each.name for each in read_dockerfile(text, target="ONE").images] == ["a:1"]
    assert [each.name for each in read_dockerfile(text, target="1").images] == ["a:1", "b:2"]


def test_another_platform_is_reported() -> None:
    other = "linux/s390x"
    needed = read_dockerfile(f"FROM --platform={other} a:1\nFROM a:1\n").images
    assert [(each.name, each.platform) for each in needed] == [("a:1", other), ("a:1", "")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${A}", "1"), ("$A-x", "1-x"), ("${N:-d}", "d"), ("${E:-d}", "d"), ("${E-d}", ""), ("${A:+yes}", "yes"),
        ("${N:+yes}", ""), ("$N", "$N"), ("\\$A", "$A"), ("'$A'", "$A"), ('"$A"', "1"), ("${N:-${A}}", "1"),
        ("${N:?no}", "${N:?no}"),
    ],
)  # fmt: skip
def test_variables(text: str, value: str) -> None:
    assert expand(text, {"A": "1", "E": ""}) == value


def test_lines_are_reported() -> None:
    needed = read_dockerfile("# syntax=f:1\nFROM a:1\n\nFROM b:2\nCOPY --from=c:3 / /\n").images
    assert [(each.kind, each.line) for each in needed] == [("syntax", 1), ("FROM", 2), ("FROM", 4), ("COPY --from", 5)]
