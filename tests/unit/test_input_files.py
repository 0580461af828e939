"""What a user may name by mistake is one line with a next step: nothing is waited for, and memory is not filled."""

import os
import socket
from pathlib import Path

import pytest

from onbox.errors import UsageError
from onbox.evidence.claims import read_claims
from onbox.importers.reading import read_document
from onbox.input_files import YAML_BYTES_MAX, input_bytes, input_text, parse_yaml
from onbox.recipes.yaml_text import read_yaml
from onbox.weights.reader import LocalReader

BOMB = "\n".join([f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10 if n else ['x'] * 10)}]" for n in range(9)])
"""Nine lines that stand for a billion values."""


@pytest.mark.parametrize(
    "read", [lambda path: input_bytes(path, 100), read_yaml, read_claims, read_document, LocalReader]
)
def test_what_is_no_file_is_named_at_once(read: object, tmp_path: Path) -> None:
    assert callable(read)
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket"))
        for name, word in (
            ("pipe", "is a pipe"),
            (".", "is a folder"),
            ("/dev/zero", "is a device"),
            ("socket", "socket"),
        ):
            with pytest.raises(UsageError, match=word) as caught:
                read(tmp_path / name)
            assert caught.value.next_step
            assert "\n" not in caught.value.message
    with pytest.raises(UsageError):
        read(tmp_path / "missing")


def test_a_file_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "large.yaml").open("wb") as file:
        file.truncate(5 << 30)
    with pytest.raises(UsageError, match=f"5,368,709,120 bytes; at most {YAML_BYTES_MAX:,} are read"):
        read_yaml(tmp_path / "large.yaml")


@pytest.mark.parametrize(
    ("content", "word"),
    [(b"\xff\xfen\x00a\x00", "not a text in UTF-8"), (b"\x95\x00", "not a text in UTF-8"), (b"[" * 20000, "too deeply"),
     (BOMB.encode(), "more than 200,000 values"), (b"a: &x [*x]", "more than 200,000 values"),
     (b"a: [1", "not YAML"), (b"a: 2026-13-45", "not YAML"), (b"\x00" * 10, "not YAML")],
)  # fmt: skip
def test_what_is_no_yaml_to_work_with(content: bytes, word: str, tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_bytes(content)
    with pytest.raises(UsageError, match=word) as caught:
        read_yaml(tmp_path / "one.yaml")
    assert caught.value.message.startswith(str(tmp_path / "one.yaml"))
    assert caught.value.next_step


def test_a_mark_in_front_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_bytes(b"\xef\xbb\xbfname: a\n")
    assert input_text(tmp_path / "one.yaml") == "name: a\n"
    assert read_yaml(tmp_path / "one.yaml") == {"name": "a"}


def test_aliases_are_values_like_others() -> None:
    assert parse_yaml("a: &a [1, 2]\nb: *a\n", "here") == {"a": [1, 2], "b": [1, 2]}
