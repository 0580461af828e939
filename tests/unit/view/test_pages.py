"""What the pages show: the judge's words and numbers, whatever state a folder is in."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from onbox.app.sealing import seal
from onbox.atomic_files import write_json
from onbox.evidence.folder import TrialFolder, append_line
from onbox.evidence.records import LedgerKind, Phase, StandUp
from onbox.judge.results import Verdict
from onbox.report import formatting
from onbox.view.library import FRESH_S, Library
from onbox.view.pages import Pages
from onbox.view.query import Query
from tests.builders import build_trial
from tests.exchanges import call_reply, text_reply
from tests.unit.report.trials import HOSTILE, Elements, saying, trajectory
from tests.unit.view.serving import Client, served
from tests.verdicts import build_verdict, run_result

PAGES = [
    "/trial?at=one",
    "/runs?at=one",
    "/run?at=one&run=small/rename/baseline/1",
    "/speed?at=one&of=small",
    "/standup?at=one&of=small",
    "/compare?c=one//small&c=one//large",
    "/files/one/",
    "/files/one/small/",
]


@pytest.fixture
def folder(tmp_path: Path) -> TrialFolder:
    """A trial with the verdict that was written by hand."""
    found = build_trial(tmp_path / "top" / "one")
    write_json(found.path / "verdict.json", build_verdict())
    return found


@pytest.fixture
def client(folder: TrialFolder) -> Iterator[Client]:
    with served(folder.path.parent) as found:
        yield found


@pytest.mark.parametrize("path", ["/", *PAGES])
def test_every_page_is_whole_and_loads_nothing_from_elsewhere(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status == 200
    found = Elements(answer.text)
    assert not found.broken
    assert not found.open
    scripts = [attributes for tag, attributes in found.elements if tag == "script"]
    assert scripts == [{"src": "/static/view.js", "defer": None}]
    assert not [name for _, attributes in found.elements for name in attributes if name.startswith("on")]
    assert not [attributes for _, attributes in found.elements if "style" in attributes]
    targets = [a[name] or "" for _, a in found.elements for name in ("href", "src", "action") if name in a]
    assert not [target for target in targets if not re.match(r"/(?!/)|#", target)]


def test_every_link_of_every_page_is_answered(client: Client) -> None:
    todo, observations = ["/"], set()
    while todo:
        path = todo.pop()
        answer = client.get(path)
        assert answer.status == 200, path
        observations.add(path)
        if "text/html" in answer.headers["content-type"] and not path.endswith("report.html"):
            kinds = {re.sub(r"\d+", "", each) for each in (*observations, *todo)}
            links = {link.partition("#")[0] for link in answer.links} - {""}
            todo += [link for link in sorted(links) if re.sub(r"\d+", "", link) not in kinds]
    assert len(observations) > 60


def test_the_list_says_what_the_verdict_says(client: Client) -> None:
    page = client.get("/").words
    verdict = build_verdict()
    for message in (
        "1 trial",
        "Switch",
        verdict.headline,
        "33 % 4 of 12",
        "82 % 9 of 11",
        "25.0 tok/s",
        "no valid number",
    ):
        assert message in page


def test_a_search_finds_by_words_of_all_that_is_shown(client: Client, folder: TrialFolder) -> None:
    other = build_trial(folder.path.parent / "deep" / "er" / "other-name")
    write_json(other.path / "verdict.json", build_verdict(verdict="keep", headline="nothing is better"))
    time.sleep(FRESH_S + 0.1)
    for query, found in (
        ("q=OTHER-name", ["other-name"]),
        ("q=large+switch", ["one"]),
        ("kind=keep", ["other-name"]),
        ("q=nothing+better&kind=keep", ["other-name"]),
        ("q=nowhere", []),
        ("", ["one", "other-name"]),
    ):
        links = [link for link in client.get(f"/?{query}").links if link.startswith("/trial")]
        assert sorted(link.rpartition("/")[2].partition("at=")[2] or link.rpartition("/")[2] for link in links) == found


def test_one_trial_as_the_folder_is_opened_at_once(folder: TrialFolder) -> None:
    with served(folder.path) as client:
        answer = client.get("/")
        assert answer.headers["location"] == "/trial?at=."
        assert "Switch" in client.get("/trial?at=.").words


def test_a_trial_shows_the_judges_numbers(client: Client, folder: TrialFolder) -> None:
    other = build_verdict().contenders[0].model_copy(update={"pass_rate": 0.4242, "passed": 91})
    verdict = build_verdict()
    write_json(folder.path / "verdict.json", verdict.model_copy(update={"contenders": (other, verdict.contenders[1])}))
    page = client.get("/trial?at=one").words
    assert "42 % 91 of 12" in page
    assert "TOKEN_RESIDUAL" in page
    assert "PASS 13" in page


def test_runs_are_picked_and_lead_to_the_next_of_their_code(client: Client) -> None:
    assert "24 runs" in client.get("/runs?at=one").words
    page = client.get("/runs?at=one&code=F-GATE")
    verdict = build_verdict()
    failed = [run for run in verdict.runs if run.code == "F-GATE"]
    assert f"{len(failed)} runs F-GATE" in page.words
    rows = [link for link in page.links if link.startswith("/run?")]
    assert len(rows) == len(failed)
    assert all("code=F-GATE" in link for link in rows)
    first = client.get(rows[0])
    assert f"1 of {len(failed)} runs that ended F-GATE" in first.words
    onwards = [link for link in first.links if link.startswith("/run?") and "code=F-GATE" in link]
    assert rows[1] in onwards
    for query, count in (("of=large", 12), ("task=rename", 6), ("outcome=invalid", 1), ("q=sandbox", 1), ("code=X", 0)):
        assert f"{count} run" in client.get(f"/runs?at=one&{query}").words


def test_a_run_shows_all_that_it_left(client: Client, folder: TrialFolder) -> None:
    trajectory(folder, "what was said", "small/runs/rename/baseline/2")
    run = folder.run_folder("small", "rename", "baseline", 2)
    (run / "gate.txt").write_text("looking\nREASON: old_name_left\n")
    patch = "diff --git a/m.py b/m.py\n--- a/m.py\n+++ b/m.py\n@@ -1 +1 @@\n--- foo\n+++ bar\n"
    (run / "workspace.patch").write_text(patch)
    append_line(run / "replay.jsonl", text_reply("Words alone.", id=1).model_copy(update={"purpose": "replay"}))
    append_line(run / "replay.jsonl", call_reply("ls -la", id=2).model_copy(update={"purpose": "replay-flipped"}))
    page = client.get("/run?at=one&run=small/rename/baseline/2")
    for message in (
        "F-GATE",
        "The gate said no: old_name_left.",
        "what was said",
        "REASON: old_name_left",
        "m.py +1 −1",
        "asked again, unchanged",
        "Words alone.",
        "sent again, with streaming switched",
        "ls -la",
        "1 call",
    ):
        assert message in page.words
    assert '<span class="d-del">--- foo\n' in page.text
    assert '<span class="d-add">+++ bar\n' in page.text


def test_long_transcripts_come_in_pages(client: Client, folder: TrialFolder) -> None:
    steps = [{"role": "assistant", "content": f"step {n}."} for n in range(1, 151)]
    (folder.run_folder("small", "rename", "baseline", 1) / "trajectory.json").write_text(json.dumps({"steps": steps}))
    page = client.get("/run?at=one&run=small/rename/baseline/1")
    assert "step 60." in page.words
    assert "step 61." not in page.words
    assert "steps 1 to 60 of 150" in page.words
    last = client.get("/run?at=one&run=small/rename/baseline/1&steps=3")
    assert "step 150." in last.words
    assert 'id="s121"' in last.text


def test_arrivals_are_those_of_the_request_and_zoom_by_links(client: Client) -> None:
    page = client.get("/speed?at=one&of=small")
    assert "100 reads of the socket; 96 bursts as the judge counts them, 96 tokens by usage" in page.words
    assert page.text.count('class="a-seen"') == 97  # and one in the legend
    closer = next(link for link in page.links if "from=1.0" in link or "from=0.99" in link or "from=" in link)
    zoomed = client.get(closer)
    assert zoomed.status == 200
    half = client.get("/speed?at=one&of=small&from=2000&to=3000")
    assert half.text.count('class="a-seen"') == 26 + 1  # of 25 tok/s, from 2 to 3 s, both ends in
    for odd in ("from=nan&to=inf", "from=-5&to=1e99", "from=x", "from=9&to=3", "request=999", "at_a_time=7"):
        assert client.get(f"/speed?at=one&of=small&{odd}").status == 200


def test_two_contenders_of_one_trial_by_the_judges_own_numbers(tmp_path: Path) -> None:
    folder = build_trial(tmp_path / "top" / "real")
    verdict = seal(folder)
    with served(tmp_path / "top") as client:
        page = client.get("/compare?c=real//small&c=real//large").words
        assert verdict.difference is not None
        assert verdict.tasks is not None
        for p in (verdict.fixed_suite.p, verdict.population.p):
            assert formatting.p_value(p) in page
        assert f"{100 * verdict.difference.value:+.0f} points" in page
        assert f"{100 * verdict.difference.interval[0]:+.0f} to {100 * verdict.difference.interval[1]:+.0f}" in page
        tally = f"better on {verdict.tasks.better}, equal on {verdict.tasks.equal}, worse on {verdict.tasks.worse}"
        assert tally in page
        assert tally in client.get("/trial?at=real").words
        assert "Conditions" not in page


def test_two_trials_compare_on_tasks_with_the_same_files_alone(tmp_path: Path) -> None:
    for name in ("a", "b"):
        seal(build_trial(tmp_path / "top" / name))
    text = (tmp_path / "top" / "b" / "plan.yaml").read_text()
    assert text.count("parallel: 1") == 1
    (tmp_path / "top" / "b" / "plan.yaml").write_text(text.replace("parallel: 1", "parallel: 2"))
    with served(tmp_path / "top") as client:
        page = client.get("/compare?c=a//small&c=b//large").words
        assert "1 condition differ" in page
        assert "the 4 tasks that both ran" in page
        plan = tmp_path / "top" / "b" / "plan.yaml"
        plan.write_text(re.sub(r"(name: rename\n\s+sha256: ')?\w{8}", lambda m: m[0], plan.read_text()))
        plan.write_text(re.sub(r"(name: rename\s+sha256: )\w+", rf"\g<1>{'f' * 64}", plan.read_text()))
        page = client.get("/compare?c=a//small&c=b//large").words
        assert "the 3 tasks that both ran" in page
        assert "1 task left out" in page


@pytest.mark.parametrize(
    "query", ["", "c=one//small", "c=one//small&c=one//nobody", "c=x&c=y", "c=one//small&c=nothing//small",
              "c=one//small&c=one//large&c=one//small"],
)  # fmt: skip
def test_what_cannot_be_compared_is_reported(client: Client, query: str) -> None:
    answer = client.get(f"/compare?{query}")
    assert answer.status == 404
    assert "Not shown" in answer.words


# ---------------------------------------------------------------- hostile and broken


@pytest.mark.parametrize("message", HOSTILE)
def test_hostile_text_changes_nothing_but_text(client: Client, folder: TrialFolder, message: str) -> None:
    def shapes(text: str) -> list[list[tuple[str, tuple[str, ...]]]]:
        trajectory(folder, text)
        for run in folder.path.glob("*/runs/*/*/*"):
            reply = text_reply("calm", id=1).model_copy(update={"purpose": "replay"})
            body = json.dumps({"choices": [{"delta": {"content": text}}]})
            raw = reply.model_copy(update={"chunks": ((1, f"data: {body}\n\n"),)})
            (run / "replay.jsonl").write_text(json.dumps(raw.model_dump(mode="json")) + "\n")
        (folder.path / "small" / "standup" / "engine.log").write_bytes(text.encode("utf-8", "surrogatepass"))
        up = StandUp(launch_id="1", engine=text, url=text, phases=(Phase(name=text, seconds=1.0, detail=text),))
        (folder.path / "small" / "standup" / "phases.json").write_text(json.dumps(up.model_dump(mode="python")))
        (folder.path / "verdict.json").write_text(json.dumps(saying(text).model_dump(mode="json")))
        return [Elements(client.get(path).text).shape() for path in ("/", *PAGES)]

    calm, loud = shapes("harmless\n" * (message.count("\n")) + "harmless"), shapes(message)
    differ = [path for path, a, b in zip(("/", *PAGES), calm, loud, strict=True) if a != b]
    assert differ == []


def test_hostile_names_are_names(tmp_path: Path) -> None:
    top = tmp_path / "top"
    for name in ('"><script>alert(1)</script>', "a&b=c#d?e%2F", "{{ 7*7 }}", "\udcff\udcfe", "x\u202egnp"):
        folder = build_trial(top / name)
        write_json(folder.path / "verdict.json", build_verdict())
    with served(top) as client:
        page = client.get("/")
        assert "5 trials" in page.words
        assert "<script>alert" not in page.text
        trials = [link for link in page.links if link.startswith("/trial?")]
        assert len(trials) == 5
        for link in trials:
            inner = client.get(link)
            assert inner.status == 200
            assert all(client.get(each).status == 200 for each in inner.links if each.startswith(("/run", "/files")))


BREAKS = {
    "verdict of other fields": ("verdict.json", '{"trial": 7}'),
    "verdict that is no JSON": ("verdict.json", '{"trial": '),
    "verdict of NaN": ("verdict.json", '{"trial": NaN}'),
    "verdict that is a list": ("verdict.json", "[1, 2]"),
    "verdict of nothing": ("verdict.json", ""),
    "verdict without end": ("verdict.json", "[" * 100_000),
    "plan": ("plan.yaml", "contenders: 7"),
    "plan of aliases": ("plan.yaml", "a: &a [1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b]"),
    "ledger": ("ledger.jsonl", '{"at": 1}\nnonsense\n'),
    "box": ("box.json", "{"),
    "stand-up": ("small/standup/phases.json", '{"launch_id": 1}'),
    "samples": ("small/standup/samples.jsonl", '{"onbox_recording": 1}\n{"t_ns": "x"}\n{"t_ns": 5, "machine": [1]}\n'),
    "requests": ("small/speed/1/requests.jsonl", '{"id": 1}\n'),
    "requests that are bytes": ("small/speed/1/requests.jsonl", "\x00\xff\n"),
    "record": ("small/runs/rename/baseline/1/run.json", "{}"),
    "transcript": ("small/runs/rename/baseline/1/trajectory.json", '{"steps": [7, {"role": {}, "tool_calls": 5}]}'),
    "replay": ("small/runs/rename/baseline/1/replay.jsonl", '{"id": 1}\n'),
}


@pytest.mark.parametrize("name", BREAKS)
def test_broken_evidence_is_named_and_breaks_nothing_else(client: Client, folder: TrialFolder, name: str) -> None:
    file, content = BREAKS[name]
    (folder.path / file).write_text(content)
    for path in ("/", *PAGES):
        answer = client.get(path)
        assert answer.status in (200, 404), path
        assert not Elements(answer.text).broken
        assert "could not be made" not in answer.words, path
    if file == "verdict.json":
        assert "cannot be read" in client.get("/").words
        assert "verdict.json" in client.get("/trial?at=one").words


def test_a_folder_without_trials_says_so(tmp_path: Path) -> None:
    with served(tmp_path) as client:
        assert "There is no trial in this folder." in client.get("/").words


# ---------------------------------------------------------------- many


def test_a_thousand_trials_within_300_ms_and_10_000_runs(tmp_path: Path) -> None:
    top = tmp_path / "top"
    first = build_trial(top / "t0")
    write_json(first.path / "verdict.json", build_verdict())
    for n in range(1, 1000):
        (top / f"t{n}").mkdir()
        for name in ("verdict.json", "plan.yaml", "ledger.jsonl"):
            (top / f"t{n}" / name).write_bytes((first.path / name).read_bytes())
    runs = tuple(
        run_result("PFMLI"[n % 5], ("small", "large")[n % 2], ("rename", "explain")[n // 2 % 2], n // 4 + 1)
        for n in range(10_000)
    )
    write_json(top / "t7" / "verdict.json", build_verdict(runs=runs))
    pages = Pages(Library(top))
    began_s = time.thread_time()
    assert "1,000 trials" in bytes(pages.trials(Query([])).body).decode()
    assert time.thread_time() - began_s < 0.3
    with served(top) as client:
        page = client.get("/")
        assert "1,000 trials" in page.words
        assert len(page.body) < 300_000
        trial = client.get("/trial?at=t7")
        assert "PASS 2,000" in trial.words
        assert len(trial.body) < 300_000
        runs_page = client.get("/runs?at=t7&page=40")
        assert "3,901 to 4,000 of 10,000" in runs_page.words
        assert len(runs_page.body) < 300_000
        assert "1,000 trials found" in client.get("/?q=large").words


def test_the_verdict_without_its_runs_is_the_same_verdict(folder: TrialFolder, tmp_path: Path) -> None:
    from onbox.view.summary import read_verdict

    path = folder.path / "verdict.json"
    whole = build_verdict(headline='tricky\n  "runs": [\n  ]')
    write_json(path, whole)
    assert read_verdict(path) == whole
    assert read_verdict(path, runs=False) == whole.model_copy(update={"runs": ()})
    path.write_text(json.dumps(whole.model_dump(mode="json")))  # on one line
    assert read_verdict(path, runs=False) == whole.model_copy(update={"runs": ()})
    assert Verdict.model_validate_json(path.read_bytes()) == whole


def test_what_is_kept_is_bounded(folder: TrialFolder) -> None:
    from onbox.view.library import TrialSummary

    kept: TrialSummary[int, str] = TrialSummary(10)
    made: list[int] = []

    def make(n: int) -> str:
        made.append(n)
        return str(n)

    for n in (1, 2, 1, 3, 1):
        assert kept.get(n, "stamp", 4, lambda n=n: make(n)) == str(n)  # type: ignore[misc]
    assert made == [1, 2, 3]
    assert kept.get(2, "stamp", 4, lambda: make(2)) == "2"
    assert made == [1, 2, 3, 2]
    assert kept.get(2, "changed", 4, lambda: make(22)) == "22"
    assert Library(folder.path.parent).trials()[0].at == "one"
    assert LedgerKind.PLANNED.value == "planned"
