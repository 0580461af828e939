"""No file outside of the folder is ever read, by whatever name it is asked for."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from onbox.atomic_files import write_json
from onbox.errors import UsageError
from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import StandUp
from onbox.report.page import read_page
from onbox.view.inside import inside
from onbox.view.library import Library
from tests.builders import build_trial
from tests.unit.view.serving import Client, served
from tests.verdicts import build_verdict

SECRET = "a secret of this box"


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a trial that is full of links to a folder beside it."""
    base = tmp_path_factory.mktemp("view")
    outside = base / "outside"
    outside.mkdir()
    for name in ("gate.txt", "engine.log", "plan.yaml", "secret", "box.json"):
        (outside / name).write_text(SECRET)
    write_json(outside / "verdict.json", build_verdict(trial=SECRET))
    top = base / "top"
    folder = build_trial(top / "one")
    write_json(folder.path / "verdict.json", build_verdict())
    run = folder.run_folder("small", "rename", "baseline", 1)
    (run / "gate.txt").symlink_to(outside / "gate.txt")
    (run / "workspace.patch").symlink_to("../../../../../../../outside/gate.txt")
    (run / "trajectory.json").symlink_to("/etc/passwd")
    (folder.path / "small" / "standup" / "engine.log").symlink_to(outside / "engine.log")
    (folder.path / "box.json").symlink_to(outside / "box.json")
    (folder.path / "there").symlink_to(outside)
    (folder.path / "up").symlink_to("../..")
    os.mkfifo(folder.path / "pipe")
    (top / "linked").symlink_to(outside)
    (top / "two").mkdir()
    (top / "two" / "plan.yaml").symlink_to(outside / "plan.yaml")
    (top / "two" / "verdict.json").symlink_to(outside / "verdict.json")
    return top


@pytest.fixture(scope="module")
def client(top: Path) -> Iterator[Client]:
    with served(top) as found:
        yield found


@pytest.mark.parametrize(
    "path",
    ["/files/one/there/secret", "/files/one/small/runs/rename/baseline/1/gate.txt", "/files/one/box.json",
     "/files/one/../../outside/secret", "/files/one/%2e%2e/%2e%2e/outside/secret", "/files/..%2Foutside/secret",
     "/files/one%2F..%2F..%2Foutside/secret", "/files/linked/secret", "/files/one/up/outside/secret",
     "/files/one//etc/passwd", "/files/%2Fetc/passwd", "/files/one/%2Fetc%2Fpasswd", "/files/one/..%2F..%2Foutside",
     "/files/one/there/", "/files/one/up/", "/files/one/pipe", "/files/two/plan.yaml", "/files/one/plan.yaml%00.txt",
     "/files/./one/../../outside/secret", "/files//", "/files/", "/trial?at=../outside", "/trial?at=linked",
     "/trial?at=one/../../outside", "/trial?at=/etc", "/trial?at=one%00", "/run?at=one&run=../../outside/x/y/1",
     "/standup?at=one&of=../../outside", "/speed?at=one&of=../..", "/compare?c=../outside//x&c=one//small"],
)  # fmt: skip
def test_no_way_leads_out(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status in (303, 404)
    assert SECRET not in answer.text
    assert "root:" not in answer.text


@pytest.mark.parametrize(
    "path",
    ["/", "/trial?at=one", "/trial?at=two", "/run?at=one&run=small/rename/baseline/1", "/standup?at=one&of=small",
     "/files/one/", "/files/two/", "/files/one/report.html", "/speed?at=one"],
)  # fmt: skip
def test_pages_show_nothing_of_what_links_lead_to(client: Client, path: str) -> None:
    answer = client.get(path)
    assert SECRET not in answer.text
    assert "root:" not in answer.text
    assert "Traceback" not in answer.text


def test_the_list_leaves_links_out_and_names_what_cannot_be_read(client: Client) -> None:
    words = client.get("/").words
    assert "linked" not in words
    assert "2 trials" in words
    assert "two" in words


def test_readers_of_evidence_stay_inside(top: Path) -> None:
    folder = TrialFolder(inside(top) / "one")
    page = read_page(folder, build_verdict())
    assert page.box is None
    assert page.plan is not None
    path = folder.path / "small" / "standup"
    assert not (path / "engine.log").exists()
    assert folder.read(StandUp, path / "phases.json").engine == "llama.cpp"
    for name in ("there/secret", "../../outside/secret", "pipe", "small"):
        with pytest.raises(OSError, match=r"link|outside|regular"):
            (folder.path / name).read_bytes()
    with pytest.raises(OSError, match="written"):
        (folder.path / "new").open("w")
    assert all("secret" not in str(found) for found in folder.path.glob("*/*"))


@pytest.mark.parametrize("at", ["..", ".", "", "one/..", "/", "//", "one/", "nothing", "linked", "one/there", "a\0b"])
def test_names_of_trials_lead_to_folders_below(top: Path, at: str) -> None:
    library = Library(top)
    if at == ".":
        assert library.folder(at).path == top
        return
    with pytest.raises(UsageError):
        library.folder(at)


def test_files_are_sent_as_text_or_to_be_saved(client: Client, top: Path) -> None:
    (top / "one" / "page.html").write_text("<script>alert(1)</script>")
    (top / "one" / "picture.svg").write_text("<svg onload='alert(1)'/>")
    (top / "one" / "bytes").write_bytes(b"\0\1\2")
    (top / "one" / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n\0")
    for name, kind in (
        ("page.html", "text/plain; charset=utf-8"),
        ("picture.svg", "text/plain; charset=utf-8"),
        ("bytes", "application/octet-stream"),
        ("image.png", "image/png"),
    ):
        answer = client.get(f"/files/one/{name}")
        assert answer.headers["content-type"] == kind
        assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.body == (top / "one" / name).read_bytes()
    assert client.get("/files/one/bytes").headers["content-disposition"] == "attachment"


def test_odd_names_are_reached_by_their_links(client: Client, top: Path) -> None:
    for name in (b"caf\xff\xfe", b"100% & #?", b"a b\n", "ü😀".encode(), b"<b>x", b"-rf", b"..."):
        Path(os.fsdecode(bytes(top / "one") + b"/odd-" + name)).write_text("here")
    listing = client.get("/files/one/")
    odd = [link for link in listing.links if "/odd-" in link]
    assert len(odd) == 7
    assert all(client.get(link).body == b"here" for link in odd)
    assert "<b>x" not in listing.text


def test_what_is_found_in_a_folder_is_bound_to_it_too(top: Path) -> None:
    """A record, a run and its files are read by paths of the folder's own kind."""
    bound = inside(top / "one")
    run = TrialFolder(bound).run_folder("small", "rename", "baseline", 1)
    assert type(run) is type(bound)
    with pytest.raises(OSError, match=r"not followed|symbolic"):
        (run / "gate.txt").read_text()
