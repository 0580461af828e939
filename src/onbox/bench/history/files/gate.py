"""The project's own tests, as they were after the commit, pass: those that failed before, and those that passed."""

import base64
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import gatelib
from gatelib import CALLS, TESTS, Fail, judge, printable


WANTED = json.loads((TESTS / "wanted.json").read_text("utf-8"))
HIDDEN = TESTS / "hidden"
PYTHON = ["python3", "-I", "-S", "-B"]


def results():
    """What became of each test; the code under test runs in a sandbox of its own."""
    files = {
        path.relative_to(HIDDEN).as_posix(): base64.b64encode(path.read_bytes()).decode()
        for path in sorted(HIDDEN.rglob("*"))
        if path.is_file()
    }
    request = json.dumps({**WANTED["request"], "files": files})
    program, timeout_s = (TESTS / "testrun.py").read_text("utf-8"), WANTED["request"]["timeout_s"] + 10
    if CALLS:
        output = gatelib._onbox().run([*PYTHON, "-c", program], request, timeout_s)
    else:
        output = gatelib._beside([sys.executable, *PYTHON[1:], "-c", program], request, timeout_s)
    if output is None:
        raise Fail("FAIL_TIMEOUT", f"the tests did not end within {timeout_s:g} s")
    try:
        found = json.loads(output.splitlines()[-1])
        return dict(found["tests"]), dict(found["why"]), str(found["output"])
    except (ValueError, KeyError, TypeError, IndexError):
        raise Fail("FAIL_TESTS", "the code ended the run of the tests without a result") from None


def gate():
    tests, why, output = results()
    if not tests:
        raise Fail("FAIL_TESTS", f"no test ran: {printable(output)[-200:]}")
    for code, kind in (("FAIL_TESTS", "fail_to_pass"), ("FAIL_BROKEN", "pass_to_pass")):
        missed = [name for name in WANTED[kind] if tests.get(name) != "passed"]
        if missed:
            first = missed[0]
            words = why.get(first) or tests.get(first, "did not run")
            raise Fail(code, f"{len(missed)} of {len(WANTED[kind])} tests do not pass; {first}: {words}")


judge(gate)
