"""Fetching a pinned file: from the cache, from a hub on loopback, and by pip from a folder of wheels."""

import hashlib
import os
import shutil
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from onbox.errors import BoxError, FetchError, UsageError
from onbox.fetch import hashing, packaged_parts, pinned, transfer
from onbox.fetch.growth import folder_bytes, watched
from onbox.fetch.named import fetch_with_named
from onbox.schema.recipe import HubSource, PartsSource, Recipe, Weights
from tests.doubles.server import closed_port
from tests.doubles.wheels import wheel
from tests.unit.fetch.pinned import BY_PARTS, NAMES, PARTS, PIECES, WHOLE, pinned_weights
from tests.unit.weights.hub_server import serving as serving_hub

HUB = HubSource(repo="org/name", file="tiny.gguf")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache; the folder of this file in it."""
    monkeypatch.setenv("ONBOX_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "weights" / BY_PARTS.sha256[:16]


@pytest.fixture
def no_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts that come at once: for tests of what surrounds them."""

    def bring(source: PartsSource, folder: Path, target: Path, on_bytes: Callable[[int], None]) -> str:
        target.write_bytes(WHOLE)
        return hashlib.sha256(WHOLE).hexdigest()

    monkeypatch.setattr(packaged_parts, "bring", bring)


@pytest.mark.usefixtures("no_pip")
class TestCache:
    def test_a_hit_is_not_hashed_again(self, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        first, record = pinned.fetch(BY_PARTS)
        assert (record.source, record.first_source) == ("parts", "")

        def never(*_: Any) -> Any:
            raise AssertionError

        monkeypatch.setattr(hashing, "sha256_of", never)
        monkeypatch.setattr(packaged_parts, "bring", never)
        observations: list[tuple[int, int, str]] = []
        second, record = pinned.fetch(BY_PARTS, lambda *report: observations.append(report))
        assert second == first
        assert (record.source, record.first_source) == ("cache", "parts")
        assert observations == [(len(WHOLE), len(WHOLE), "cache")]

    @pytest.mark.parametrize("touch", ["content", "size", "note", "gone"])
    def test_what_was_touched_is_fetched_again(self, cache: Path, touch: str) -> None:
        path, _ = pinned.fetch(BY_PARTS)
        if touch == "content":
            path.write_bytes(WHOLE[::-1])
            os.utime(path, (1, 1))  # the clock of a file system may stand still for milliseconds
        elif touch == "size":
            path.write_bytes(b"")
        elif touch == "note":
            path.with_name("tiny.gguf.json").write_text("{")
        else:
            path.unlink()
        assert pinned.download_bytes(BY_PARTS) == len(WHOLE)
        path, record = pinned.fetch(BY_PARTS)
        assert record.source == "parts"
        assert path.read_bytes() == WHOLE
        assert pinned.download_bytes(BY_PARTS) == 0

    def test_a_disk_that_is_too_small_is_reported_before_the_first_byte(
        self, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        usage = shutil.disk_usage(cache.parents[2])
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100 * 2**20))
        with pytest.raises(BoxError, match=r"0\.10 GiB free, 0\.50 GiB needed for tiny\.gguf"):
            pinned.fetch(BY_PARTS)
        assert list(cache.iterdir()) == []


class TestLocal:
    def test_a_path_is_hashed_where_it_lies(self, tmp_path: Path) -> None:
        (tmp_path / "m.gguf").write_bytes(WHOLE)
        path, record = pinned.fetch(Weights(path=str(tmp_path / "m.gguf")))
        assert path == tmp_path / "m.gguf"
        assert record.model_dump(exclude={"first_source", "seconds"}) == {
            "file": "m.gguf",
            "bytes": len(WHOLE),
            "sha256": BY_PARTS.sha256,
            "source": "path",
            "further": (),
        }
        assert pinned.download_bytes(Weights(path=str(path))) == pinned.download_bytes(None) == 0

    def test_one_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"none\.gguf: no such file"):
            pinned.fetch(Weights(path=str(tmp_path / "none.gguf")))


class TestShapesAlone:
    """A folder with a model's configuration and none of its weights."""

    def recipe(self, folder: Path, **arguments: str) -> Recipe:
        (folder / "config.json").write_text("{}")
        served = {"path": str(folder)}
        return Recipe.model_validate(
            {"name": "shapes", "engine": "vllm", "weights": served, "serve": {"arguments": arguments}}
        )

    def test_is_enough_for_an_engine_that_makes_its_weights_up(self, tmp_path: Path) -> None:
        path, record = fetch_with_named(self.recipe(tmp_path, **{"load-format": "dummy"}))
        assert path == tmp_path
        assert (record.file, record.bytes, record.source) == (tmp_path.name, 2, "path")
        assert record.seconds is not None

    def test_is_not_for_one_that_reads_them(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="holds no safetensors and no GGUF file"):
            fetch_with_named(self.recipe(tmp_path))

    def test_a_part_of_the_weights_is_no_folder_of_shapes(self, tmp_path: Path) -> None:
        (tmp_path / "model.safetensors").write_bytes(b"cut")
        with pytest.raises(UsageError, match=r"model\.safetensors"):
            fetch_with_named(self.recipe(tmp_path, **{"load-format": "dummy"}))


class TestJoin:
    """Wheels that are here already: pip is not asked."""

    def here(self, cache: Path, number: int, files: dict[str, bytes]) -> Path:
        name = NAMES[number - 1]
        place = cache / "incoming" / "wheels" / f"{name}-1.0"
        place.mkdir(parents=True)
        return wheel(place, name, files)

    def bring(self, cache: Path) -> Path:
        target = cache / "out"
        packaged_parts.bring(PARTS, cache, target, lambda done: None)
        return target

    def test_in_the_order_of_the_packages(self, cache: Path, asked_of_pip: list[str]) -> None:
        self.here(cache, 2, {"tiny/part2.bin": PIECES[1]})
        self.here(cache, 1, {"tiny/part1.bin": PIECES[0]})
        assert self.bring(cache).read_bytes() == WHOLE
        assert asked_of_pip == []

    @pytest.mark.parametrize("files", [{"tiny/other.bin": b""}, {"tiny/part1.bin": b"", "tiny/part2.bin": b""}])
    def test_not_one_member_is_named(self, cache: Path, files: dict[str, bytes]) -> None:
        self.here(cache, 1, files)
        self.here(cache, 2, {"tiny/part2.bin": b""})
        with pytest.raises(FetchError, match=r"tiny_part1-1\.0-py3-none-any\.whl: [02] files match .*, not one"):
            self.bring(cache)

    @pytest.mark.parametrize("damage", ["no zip", "cut", "bits", "deflated bits"])
    def test_a_broken_wheel_is_removed_so_that_the_next_fetch_brings_it_anew(self, cache: Path, damage: str) -> None:
        path = self.here(cache, 1, {"tiny/part1.bin": PIECES[0]})
        self.here(cache, 2, {"tiny/part2.bin": PIECES[1]})
        if damage == "deflated bits":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("tiny/part1.bin", PIECES[0])
        raw = bytearray(path.read_bytes())
        if damage == "no zip":
            raw[:] = b"<html>"
        elif damage == "cut":
            del raw[len(raw) // 2 :]
        else:
            raw[50:60] = b"\xff" * 10
        path.write_bytes(raw)
        with pytest.raises(FetchError, match="broken, and removed"):
            self.bring(cache)
        assert not path.exists()

    def test_no_pip(self, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(FetchError, match="pip is not installed"):
            pinned.fetch(BY_PARTS)


@pytest.fixture
def to_hub(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def point(url: str) -> None:
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", url)
        template = url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)

    return point


class TestHub:
    def test_the_publishers_own_file_comes_first(
        self, tmp_path: Path, cache: Path, to_hub: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(packaged_parts, "bring", None)
        (tmp_path / "repository").mkdir()
        (tmp_path / "repository" / "tiny.gguf").write_bytes(WHOLE)
        with serving_hub(tmp_path / "repository") as server:
            to_hub(server.url)
            path, record = pinned.fetch(pinned_weights(hub=HUB, parts=PARTS))
        assert path.read_bytes() == WHOLE
        assert record.source == "hub"
        assert sorted(each.name for each in cache.iterdir()) == ["tiny.gguf", "tiny.gguf.json"]

    @pytest.mark.usefixtures("no_pip")
    def test_a_hub_that_has_no_such_file_is_passed_over(
        self, tmp_path: Path, cache: Path, to_hub: Callable[[str], None]
    ) -> None:
        (tmp_path / "repository").mkdir()
        with serving_hub(tmp_path / "repository") as server:
            to_hub(server.url)
            assert pinned.fetch(pinned_weights(hub=HUB, parts=PARTS))[1].source == "parts"

    @pytest.mark.usefixtures("no_pip")
    def test_a_hub_that_cannot_be_reached_is_passed_over_at_once(
        self, cache: Path, to_hub: Callable[[str], None]
    ) -> None:
        to_hub(f"http://127.0.0.1:{closed_port()}")
        assert pinned.fetch(pinned_weights(hub=HUB, parts=PARTS))[1].source == "parts"

    def test_with_no_other_road_it_says_why(self, cache: Path, to_hub: Callable[[str], None]) -> None:
        to_hub(f"http://127.0.0.1:{closed_port()}")
        with pytest.raises(FetchError, match="no source could serve it: hub: cannot be reached: Connection refused"):
            pinned.fetch(pinned_weights(hub=HUB))

    def test_offline_by_the_users_own_words(
        self, cache: Path, to_hub: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        to_hub("http://127.0.0.1:9")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        with pytest.raises(FetchError, match="hub: HF_HUB_OFFLINE is set"):
            pinned.fetch(pinned_weights(hub=HUB))

    def test_it_goes_on_where_it_was_cut(
        self, tmp_path: Path, cache: Path, to_hub: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "repository").mkdir()
        (tmp_path / "repository" / "tiny.gguf").write_bytes(WHOLE)
        monkeypatch.setattr(transfer, "FRUITLESS_MAX", 0)
        with serving_hub(tmp_path / "repository") as server:
            to_hub(server.url)
            server.cut_file, server.cut_after = "tiny.gguf", len(WHOLE) // 2
            with pytest.raises(FetchError, match="no source could serve it: hub: "):
                pinned.fetch(pinned_weights(hub=HUB))
            assert pinned.fetch(pinned_weights(hub=HUB))[0].read_bytes() == WHOLE
            assert server.sent["tiny.gguf"] == len(WHOLE)

    def test_another_file_than_the_recipe_names_is_passed_over(
        self, tmp_path: Path, cache: Path, to_hub: Callable[[str], None]
    ) -> None:
        (tmp_path / "repository").mkdir()
        (tmp_path / "repository" / "tiny.gguf").write_bytes(WHOLE[:-1] + b"!")
        with serving_hub(tmp_path / "repository") as server:
            to_hub(server.url)
            with pytest.raises(FetchError, match=r"hub: org/name/tiny\.gguf: wrong digest, twice"):
                pinned.fetch(pinned_weights(hub=HUB))

    def test_its_library_is_not_installed(self, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(FetchError, match=r"huggingface_hub is not installed .*onbox\[hub\]"):
            pinned.fetch(pinned_weights(hub=HUB))


class TestGrowth:
    def test_counts_all_files_below(self, tmp_path: Path) -> None:
        (tmp_path / "deep").mkdir()
        (tmp_path / "deep" / "a").write_bytes(b"123")
        (tmp_path / "b").write_bytes(b"4567")
        (tmp_path / "gone").symlink_to(tmp_path / "none")
        assert folder_bytes(tmp_path) == 7
        assert folder_bytes(tmp_path / "none") == 0

    def test_shows_while_the_body_runs_and_not_after(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("onbox.fetch.growth.POLL_S", 0.01)
        (tmp_path / "a").write_bytes(b"123")
        lines, heard = list[int](), threading.Event()

        def on_bytes(count: int) -> None:
            lines.append(count)
            heard.set()

        with watched(tmp_path, on_bytes):
            assert heard.wait(60)
        assert set(lines) == {3}
        assert not [thread for thread in threading.enumerate() if thread.name == "onbox-growth"]
