"""A recorded trial in which a file is not as it was: every command over it ends in an outcome, in time, and in words.

`ONBOX_FUZZ=500` asks for so many seeds instead of the few that CI takes, `ONBOX_FUZZ_FROM=40` for those from 40 on.
"""

import os
import re
import shutil
import time
from pathlib import Path
from random import Random

import pytest

from tests.e2e.cli import onbox_here
from tests.fuzz.mutations import mutate
from tests.recorded import NAMES, unpack

SEEDS, FIRST = (int(os.environ.get(name, usual)) for name, usual in (("ONBOX_FUZZ", "10"), ("ONBOX_FUZZ_FROM", "0")))
EACH_S = 60.0
NOT_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("judge", "DIR"),
    ("judge", "DIR", "--json"),
    ("report", "DIR"),
    ("verify", "DIR"),
    *(("export", "DIR", "--to", kind, "--out", "OUT") for kind in ("csv", "inspect", "atif", "harbor", "aiperf")),
)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: unpack(name, tmp_path_factory.mktemp(name)) for name in NAMES}


@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_any_file_of_a_trial_may_be_anything(seed: int, recorded: dict[str, Path], tmp_path: Path) -> None:
    source = Random(f"trial {seed}")
    folder = tmp_path / "trial"
    shutil.copytree(recorded[source.choice(NAMES)], folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    done = [mutate(path, source) for path in source.sample(files, source.choice([1, 1, 2]))]
    for number, words in enumerate((source.choice(COMMANDS[:4]), source.choice(COMMANDS[4:]))):
        command = [{"DIR": str(folder), "OUT": str(tmp_path / f"out{number}")}.get(word, word) for word in words]
        began = time.process_time()
        ended = onbox_here(*command)
        output = f"seed {seed}: {done}: {' '.join(words)}: {ended.stdout[-500:]}{ended.stderr[-1500:]}"
        assert ended.returncode in (0, 1, 2, 3), output
        assert "Traceback" not in ended.stdout + ended.stderr, output
        assert not NOT_TEXT.search((ended.stdout + ended.stderr).replace("\n", "")), output
        assert time.process_time() - began < EACH_S, output
