"""A file is one thought: none is longer than 450 lines."""

from pathlib import Path

ROOT = Path(__file__).parents[3]
LINES_MAX = 450


def test_no_file_is_longer() -> None:
    paths = [path for folder in ("src", "tests", "suite", "bench", "tools") for path in (ROOT / folder).rglob("*.py")]
    assert len(paths) > 900
    lines = {str(path.relative_to(ROOT)): len(path.read_bytes().splitlines()) for path in paths}
    assert {name: count for name, count in lines.items() if count > LINES_MAX} == {}
