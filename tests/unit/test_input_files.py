"""What a user may name by mistake is one line with a next step: nothing is waited for, and memory is not filled."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from onbox.errors import UsageError
from onbox.evidence.claims_file import read_claims
from onbox.importers.reading import read_document
from onbox.input_files import YAML_BYTES_MAX, input_bytes, input_text
from onbox.recipes.yaml_text import read_yaml
from onbox.weights.reader import LocalReader


@pytest.mark.parametrize(
    "read", [lambda path: input_bytes(path, 100), read_yaml, read_claims, read_document, LocalReader]
)
def test_what_is_no_file_is_named_at_once(read: Callable[[Path], object], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket"))
        for name, word in (("pipe", "a pipe"), (".", "a folder"), ("/dev/zero", "a device"), ("socket", "a socket")):
            with pytest.raises(UsageError, match=f"is {word}, no file") as caught:
                read(tmp_path / name)
            assert caught.value.next_step
    with pytest.raises(UsageError):
        read(tmp_path / "missing")


def test_a_file_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "large.yaml").open("wb") as file:
        file.truncate(5 << 30)
    with pytest.raises(UsageError, match=f"5,368,709,120 bytes; at most {YAML_BYTES_MAX:,} are read"):
        read_yaml(tmp_path / "large.yaml")


@pytest.mark.parametrize("content", [b"\xff\xfen\x00a\x00", b"\x95\x00"])
def test_what_is_no_text_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_bytes(content)
    with pytest.raises(UsageError, match="not a text in UTF-8") as caught:
        read_yaml(tmp_path / "one.yaml")
    assert caught.value.message.startswith(str(tmp_path / "one.yaml"))
    assert caught.value.next_step


def test_a_file_that_grows_past_the_limit_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.json"
    path.write_bytes(b"12345")
    read_facts = os.fstat

    def grows(descriptor: int) -> os.stat_result:
        facts = read_facts(descriptor)
        with path.open("ab") as file:
            file.write(b"67890")
        return facts

    monkeypatch.setattr(os, "fstat", grows)
    assert input_bytes(path, 100) == b"1234567890"
    with pytest.raises(UsageError, match=r"log\.json: 1[1-5] bytes; at most 10 are read"):
        input_bytes(path, 10)


def test_a_file_that_has_no_size_is_read_to_its_end() -> None:
    path = Path("/proc/self/status")
    assert path.stat().st_size == 0
    assert b"\nThreads:" in input_bytes(path, YAML_BYTES_MAX)
    with pytest.raises(UsageError, match="at most 10 are read"):
        input_bytes(path, 10)


def test_line_ends_of_other_systems_are_line_feeds(tmp_path: Path) -> None:
    (tmp_path / "chat.jinja").write_bytes(b"{{ a }}\r\n{{ b }}\r{{ c }}\n")
    assert input_text(tmp_path / "chat.jinja") == "{{ a }}\n{{ b }}\n{{ c }}\n"


def test_a_mark_in_front_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_bytes(b"\xef\xbb\xbfname: a\n")
    assert input_text(tmp_path / "one.yaml") == "name: a\n"
    assert read_yaml(tmp_path / "one.yaml") == {"name": "a"}
