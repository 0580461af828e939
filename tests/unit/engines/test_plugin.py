"""An engine that a package brings by the entry point alone is known as those of onbox are."""

import sys
from pathlib import Path

import pytest

from onbox.engines import all_facts, engine_by_name, log_lines
from onbox.engines.base import Trouble
from onbox.engines.registry import facts_by_owner, metrics_paths
from onbox.engines.served import RunningServer
from onbox.judge.speed.metrics import difference
from onbox.preflight.remedies import remedy

MODULE = """
from onbox.engines.base import EngineFacts, ProcessSigns, RawRoute
from onbox.engines.llama.server import LlamaServer
from onbox.engines.log_lines import Landmark, LogLines
from onbox.schema.engine_profile import CounterNames, DecodeRate, EngineProfile


class Nova(LlamaServer):
    name = "nova"
    facts = EngineFacts(
        name="Nova",
        owned_by=("nova",),
        profile=EngineProfile(
            "nova", CounterNames(generated=("nova:out_total",), rates=(DecodeRate("nova:out_total", "nova:out_s"),))
        ),
        log=LogLines(landmarks=(Landmark("load", "nova reads"),)),
        signs=ProcessSigns(programs={"nova-serve": ()}),
        raw_completion=lambda client, body: (RawRoute("/raw", {"prompt": "p"}, "Nova, /raw"), []),
        advice=lambda case: f"Nova: --mend {case.trouble.name}",
        metrics_path="/nova/counters",
    )
"""


@pytest.fixture
def nova(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nova_engine.py").write_text(MODULE)
    info = tmp_path / "nova-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: nova\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[onbox.engines]\nnova = nova_engine:Nova\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])


@pytest.mark.usefixtures("nova")
def test_what_its_package_says_is_known_everywhere() -> None:
    assert engine_by_name("nova").name == "nova"
    assert [mark.phase for mark in log_lines("nova").landmarks] == ["load"]
    facts = facts_by_owner("nova")
    assert facts is not None
    assert facts in all_facts()
    assert facts.profile is not None
    assert facts.raw_completion is not None
    found = difference(
        {"nova:out_total": 1.0, "nova:out_s": 1.0}, {"nova:out_total": 65.0, "nova:out_s": 3.0}, [facts.profile]
    )
    assert found is not None
    assert (found.engine, found.decoded, found.decode_s) == ("nova", 64, 2.0)
    served = RunningServer("Nova", "1", ("m",), None, None, None)
    assert served.facts is facts
    assert remedy(Trouble.LEAK, served, "m") == "Nova: --mend LEAK"
    assert metrics_paths()[0] == "/metrics"
    assert "/nova/counters" in metrics_paths()


def test_without_its_package_nothing_is_known_of_it() -> None:
    assert facts_by_owner("nova") is None
    assert "/nova/counters" not in metrics_paths()
    assert remedy(Trouble.LEAK, RunningServer("Nova", "1", ("m",), None, None, None), "m") == ""
