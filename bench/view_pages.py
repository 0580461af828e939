"""How long the pages of `onbox view` take: 1,000 trials, one of them with 10,000 runs. On a quiet box.

PYTHONPATH=src:. .venv/bin/python bench/view_pages.py
"""

import resource
import statistics
import tempfile
import time
from pathlib import Path

from tests.builders import build_trial
from tests.unit.view.serving import Client, served
from tests.verdicts import build_verdict, run_result

from onbox.atomic_files import write_json

TRIALS = 1000
AGAIN = 10


def make(top: Path) -> None:
    """The folder."""
    first = build_trial(top / "t0")
    write_json(first.path / "verdict.json", build_verdict())
    for n in range(1, TRIALS):
        (top / f"t{n}").mkdir()
        for name in ("verdict.json", "plan.yaml", "ledger.jsonl"):
            (top / f"t{n}" / name).write_bytes((first.path / name).read_bytes())
    runs = tuple(
        run_result("PFMLI"[n % 5], ("small", "large")[n % 2], ("rename", "explain")[n // 2 % 2], n // 4 + 1)
        for n in range(10_000)
    )
    write_json(top / "t7" / "verdict.json", build_verdict(runs=runs))


def took_ms(client: Client, path: str) -> float:
    """Of one request, to its last byte."""
    began = time.monotonic()
    assert client.get(path).status == 200
    return 1000 * (time.monotonic() - began)


def main() -> None:
    """Print a line a page: the first time, and the median of the next ten."""
    with tempfile.TemporaryDirectory() as place:
        make(Path(place) / "top")
        with served(Path(place) / "top") as client:
            for path in ("/", "/?q=large", "/trial?at=t7", "/runs?at=t7&page=50", "/speed?at=t0&of=small"):
                first = took_ms(client, path)
                again = statistics.median(took_ms(client, path) for _ in range(AGAIN))
                print(f"{path:24} {first:6.0f} ms, then {again:5.0f} ms")
        print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000:.0f} MB")


if __name__ == "__main__":
    main()
