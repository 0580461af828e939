"""What CI holds the wheel, an installation and the dependencies to can fail."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.parts import ROOT


def check(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "tools" / "packages.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def pip_audit(folder: Path, lines: list[dict[str, Any]] | None) -> Path:
    """A program that answers so, or not at all."""
    program = folder / "pip-audit"
    answers = (
        f"pathlib.Path(sys.argv[sys.argv.index('--output') + 1]).write_text({json.dumps({'dependencies': lines})!r})"
    )
    text = f"import pathlib, sys\n{answers if lines is not None else 'sys.exit(chr(110) + chr(111))'}\n"
    program.write_text(f"#!{sys.executable}\n{text}")
    program.chmod(0o755)
    return program


FAULT = {"id": "PYSEC-1", "fix_versions": ["2.0"]}
SKIPPED = {"name": "b", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("lines", "code", "message"),
    [
        ([{"name": "a", "version": "1", "vulns": []}, SKIPPED], 0, "none in 1 of 2 packages, says pypi"),
        ([{"name": "a", "version": "1", "vulns": [FAULT]}], 1, "a 1: PYSEC-1, mended in 2.0"),
        ([SKIPPED], 0, "not asked, no service answers here (pypi: not found; osv: not found)"),
        (None, 0, "not asked, no service answers here (pypi: no; osv: no)"),
    ],
)
def test_a_known_fault_fails_and_a_silent_service_is_reported(
    lines: list[dict[str, Any]] | None, code: int, message: str, tmp_path: Path
) -> None:
    done = check("faults", pip_audit(tmp_path, lines), sys.executable)
    assert done.returncode == code, done.stderr
    assert message in done.stdout + done.stderr


def test_wheels_that_differ_or_lack_something_are_refused(tmp_path: Path) -> None:
    for name, text in (("one.whl", "a"), ("two.whl", "b"), ("three.whl", "a")):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("onbox/__init__.py", text)
    differs = check("wheels", tmp_path / "one.whl", tmp_path / "two.whl")
    assert (differs.returncode, "another wheel than the clone: ['onbox/__init__.py']" in differs.stderr) == (1, True)
    lacks = check("wheels", tmp_path / "one.whl", tmp_path / "three.whl")
    assert (lacks.returncode, "not in the wheel: ['onbox/__main__.py'" in lacks.stderr) == (1, True)


def test_this_python_is_found_and_one_that_never_was_is_not() -> None:
    found = check("python", f"{sys.version_info[0]}.{sys.version_info[1]}")
    assert Path(found.stdout.strip()).exists()
    assert check("python", "2.99").returncode == 1


def test_an_installation_that_is_of_another_version_is_refused(tmp_path: Path) -> None:
    program = tmp_path / "onbox"
    program.write_text("#!/bin/sh\necho onbox 0.0.0\n")
    program.chmod(0o755)
    done = check("installed", program)
    assert (done.returncode, done.stderr.strip()) == (1, "the version is another")
