"""Runs a project's own tests on a copy of the workspace, beside nothing of the gate, and prints what became of each.

Standard library only, Python 3.10 or newer. It is started in the sandbox of the code under test, as `python3 -c`, with
a request on standard input:

    kind       pytest, unittest, node, vitest, jest, go or cargo
    files      name -> base64: the project's tests and their set-up, laid over the copy
    delete     names and folders that are taken away first
    given      the names that the project has: anything else that would bend how its tests run is taken away
    targets    the test files
    only       ids of the tests that are run, for pytest and unittest; all of the files where it is left out
    timeout_s  wall time

and prints one line of JSON: `tests` (id -> passed, failed, skipped), `why` (id -> last words), `exit`, `output`.
"""

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

ENV = os.environ.get("ENV_DIR", "/env")
RANK = {"skipped": 0, "passed": 1, "failed": 2}
BENDS = {"conftest.py", "sitecustomize.py", "usercustomize.py", "pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg"}
COMPILED = (".pyc", ".pth", ".so", ".pyd")
NAME_MAX = 1000
"""Ids hold the values that a test is called with, and some are megabytes: such a test is not told of."""

ONLY = r'''
import json, os, sys, pytest
from _pytest.junitxml import bin_xml_escape, mangle_test_address
sys.path.insert(0, os.getcwd())
names = set(json.load(open(sys.argv[1])))

class Selection:
    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config, items):
        kept, gone = [], []
        for item in items:
            *above, last = mangle_test_address(item.nodeid)
            name = (".".join(above) + "::" + bin_xml_escape(last)).strip(":")
            (kept if name in names else gone).append(item)
        config.hook.pytest_deselected(items=gone)
        items[:] = kept

sys.exit(pytest.main(sys.argv[2:], plugins=[Selection()]))
'''

UNITTEST = r'''
import json, os, sys, time, unittest
report, only, targets = sys.argv[1], sys.argv[2], sys.argv[3:]
names = set(json.load(open(only))) if only else None
found = {}

class Result(unittest.TextTestResult):
    def note(self, test, state, why=""):
        name = test.id() if not hasattr(test, "test_case") else test.test_case.id()
        rank = {"skipped": 0, "passed": 1, "failed": 2}
        if rank[state] >= rank.get(found.get(name, ("skipped", ""))[0], 0):
            found[name] = (state, why, round(time.monotonic() - self.begun, 3))
    def startTest(self, test):
        self.begun = time.monotonic()
        super().startTest(test)
    def addSuccess(self, test):
        self.note(test, "passed")
    def addSkip(self, test, reason):
        self.note(test, "skipped")
    def addExpectedFailure(self, test, err):
        self.note(test, "passed")
    def addUnexpectedSuccess(self, test):
        self.note(test, "failed", "unexpected success")
    def bad(self, test, err):
        self.note(test, "failed", f"{err[0].__name__}: {err[1]}"[-600:])
    addError = addFailure = bad
    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.note(test, "failed", f"{err[0].__name__}: {err[1]}"[-600:])

def each(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from each(test)
        elif names is None or test.id() in names or type(test).__module__ == "unittest.loader":
            yield test

suite = unittest.TestSuite()
loader = unittest.TestLoader()
for target in targets:
    folder, name = os.path.split(target[:-3])
    parts = [name]
    while folder and os.path.exists(os.path.join(folder, "__init__.py")):
        folder, part = os.path.split(folder)
        parts.insert(0, part)
    sys.path.insert(0, os.path.abspath(folder or "."))
    suite.addTests(loader.loadTestsFromName(".".join(parts)))
if names is not None:
    suite = unittest.TestSuite(each(suite))
unittest.TextTestRunner(resultclass=Result, verbosity=0).run(suite)
with open(report, "w") as file:
    json.dump(found, file)
'''


def main():
    request = json.load(sys.stdin)
    scratch = Path(tempfile.mkdtemp())
    work, report = scratch / "work", scratch / "report"
    copy(Path(os.environ.get("APP_DIR", "/app")), work)
    lay_over(work, request)
    command, env = command_of(request, work, report)
    output, code = run(command, work, env, request["timeout_s"])
    try:
        tests, why = READERS[request["kind"]](report, output)
    except (OSError, ValueError, ElementTree.ParseError, TypeError, KeyError, AttributeError):
        tests, why = {}, {}
    out = {"tests": short(tests), "why": short(why), "exit": code, "output": output[-3000:]}
    print(json.dumps(out))


def short(found):
    return {name: value for name, value in found.items() if len(name) <= NAME_MAX}


def copy(app, work):
    """The regular files; compiled Python is left behind."""
    for folder, folders, names in os.walk(app):
        folders[:] = [name for name in folders if name not in ("__pycache__", ".git", "node_modules", "target")]
        place = work / Path(folder).relative_to(app)
        place.mkdir(parents=True, exist_ok=True)
        for name in names:
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink() and not name.endswith(".pyc"):
                shutil.copy(path, place / name)
                (place / name).chmod(0o755 if os.access(path, os.X_OK) else 0o644)


def lay_over(work, request):
    given = set(request["given"])
    for path in sorted(work.rglob("*")):
        name = path.relative_to(work).as_posix()
        if path.is_file() and name not in given and bends(Path(name)):
            path.unlink()
    for name in request["delete"]:
        path = work / name
        if path.is_dir():
            shutil.rmtree(path)
        elif path.exists():
            path.unlink()
    for name, content in request["files"].items():
        path = work / name
        for parent in reversed(path.relative_to(work).parents[:-1]):
            if (work / parent).is_file():
                (work / parent).unlink()
        if path.is_dir():
            shutil.rmtree(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(content))


def bends(path):
    """Whether a file that the project does not have would be run, or found in place of other code, unasked."""
    if path.name in BENDS or path.suffix in COMPILED or re.match(r"(jest|vitest|vite|babel)\.config\.", path.name):
        return True
    return path.parts[0].removesuffix(".py") in sys.stdlib_module_names


def command_of(request, work, report):
    kind, targets = request["kind"], request["targets"]
    python = [str(path) for path in (work / "src", work / "lib", work, Path(ENV, "python")) if path.is_dir()]
    home = work.parent / "home"
    home.mkdir()
    env = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "TMPDIR": str(work.parent),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONPATH": ":".join(python),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "CI": "1",
        "NO_COLOR": "1",
    }
    only = str(work.parent / "only.json") if request.get("only") else ""
    if only:
        Path(only).write_text(json.dumps(request["only"]))
    if kind == "pytest":
        words = ["-m", "pytest", "-q", "-o", "addopts=", "-o", "junit_family=xunit1", "-p", "no:cacheprovider"]
        # Rewritten asserts only say more, and nothing of them could be kept from one run to the next.
        words += ["--tb=line", "--assert=plain", f"--junitxml={report}", "--continue-on-collection-errors", *targets]
        return [sys.executable, *(["-c", ONLY, only, *words[2:]] if only else words)], env
    if kind == "unittest":
        return [sys.executable, "-c", UNITTEST, str(report), only, *targets], env
    if kind == "node":
        words = ["--test", "--test-reporter=junit", f"--test-reporter-destination={report}"]
        return ["node", *words, *targets], env
    if kind == "vitest":
        program = "/node_modules/vitest/vitest.mjs"
        return ["node", program, "run", "--reporter=json", f"--outputFile={report}", *targets], env
    if kind == "jest":
        program = "/node_modules/jest/bin/jest.js"
        return ["node", program, "--ci", "--json", f"--outputFile={report}", *targets], env
    if kind == "go":
        env |= {"GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOCACHE": str(home / "cache")}
        if Path(ENV, "go").is_dir():
            env["GOMODCACHE"] = str(Path(ENV, "go"))
        folders = sorted({"./" + os.path.dirname(target) for target in targets})
        return ["go", "test", "-json", "-vet=off", *folders], env
    if kind == "cargo":
        names = sorted({Path(target).stem for target in targets})
        words = [word for name in names for word in ("--test", name)]
        return ["cargo", "test", "--offline", "--target-dir", str(home / "target"), *words], env
    raise ValueError(kind)


def run(command, work, env, timeout_s):
    """What a command printed, and its exit code; None when its time was over or it is not there."""
    with tempfile.TemporaryFile() as printed:
        try:
            process = subprocess.Popen(
                command, cwd=work, env=env, stdin=subprocess.DEVNULL, stdout=printed, stderr=printed, start_new_session=True
            )
        except OSError as error:
            return str(error), None
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            code = None
        printed.seek(0)
        return printed.read(8 << 20).decode("utf-8", "replace"), code


def keep(found, why, name, state, words=""):
    """Of several ends of one name the worst counts."""
    if RANK[state] >= RANK.get(found.get(name, "skipped"), 0):
        found[name] = state
        if state == "failed":
            why[name] = steady(words)


def steady(words):
    """The same failure says the same each time: without addresses and the name of the copy."""
    return re.sub(r"\b0x[0-9a-f]{6,}", "0x", re.sub(r"/tmp/[^\s\"']*?/work\b", ".", " ".join(words.split())))[-300:]


def read_junit(report, output):
    found, why = {}, {}

    def walk(node, above):
        for child in node:
            if child.tag == "testsuite":
                walk(child, above + ([child.get("name", "")] if above is not None else []))
            elif child.tag == "testcase":
                name = "::".join([child.get("file", ""), child.get("classname", ""), *above, child.get("name", "")])
                bad = [part for part in child if part.tag in ("failure", "error")]
                state = "failed" if bad else "skipped" if child.find("skipped") is not None else "passed"
                words = (bad[0].get("message") or bad[0].text or "") if bad else ""
                keep(found, why, name.strip(":"), state, words)

    walk(ElementTree.parse(report).getroot(), [])
    return found, why


def read_pytest(report, output):
    found, why = {}, {}
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        bad = [part for part in case if part.tag in ("failure", "error")]
        state = "failed" if bad else "skipped" if case.find("skipped") is not None else "passed"
        name = f"{case.get('classname', '')}::{case.get('name', '')}".strip(":")
        words = (bad[0].get("message") or "") if bad else ""
        if words == "collection failure":
            # Which error it was stands in the last line of what pytest shows of it.
            words = ([line[1:] for line in (bad[0].text or "").splitlines() if line.startswith("E ")] or [words])[-1]
        keep(found, why, name, state, words)
    return found, why


def read_unittest(report, output):
    found = json.loads(report.read_text())
    return {name: end[0] for name, end in found.items()}, {name: steady(end[1]) for name, end in found.items() if end[1]}


def read_jest(report, output):
    found, why = {}, {}
    for file in json.loads(report.read_text())["testResults"]:
        for test in file["assertionResults"]:
            state = {"passed": "passed", "failed": "failed"}.get(test["status"], "skipped")
            name = " > ".join([*test.get("ancestorTitles", []), test.get("title", "")])
            keep(found, why, name, state, " ".join(map(str, test.get("failureMessages") or [])))
    return found, why


def read_go(report, output):
    found, why = {}, {}
    for line in output.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and event.get("Test") and event.get("Action") in ("pass", "fail", "skip"):
            state = {"pass": "passed", "fail": "failed", "skip": "skipped"}[event["Action"]]
            keep(found, why, f"{event.get('Package', '')}.{event['Test']}", state)
    return found, why


def read_cargo(report, output):
    found, why, where = {}, {}, ""
    for line in output.splitlines():
        if match := re.match(r"\s+Running (\S+)", line):
            where = match[1]
        elif match := re.match(r"test (\S+) \.\.\. (ok|FAILED|ignored)", line):
            state = {"ok": "passed", "FAILED": "failed", "ignored": "skipped"}[match[2]]
            keep(found, why, f"{where}::{match[1]}", state)
    return found, why


READERS = {
    "pytest": read_pytest,
    "unittest": read_unittest,
    "node": read_junit,
    "vitest": read_jest,
    "jest": read_jest,
    "go": read_go,
    "cargo": read_cargo,
}

main()
