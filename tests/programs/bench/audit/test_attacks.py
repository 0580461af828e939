"""Each attack on a gate against gates of the old forms, where it gets through or is seen not to be possible, and
against those that judge apart, where none gets anywhere.

Old forms: `same`, which imports the code into its own process; `child`, which runs it in a child process, in the same
sandbox; `fenced`, as the builtin gates were: a child held by an audit hook of Python, or by node's permission model.
"""

import os
import shutil
from pathlib import Path

import pytest

from onbox.bench.assembly import assembled
from onbox.bench.audit.admission import missing_programs
from onbox.bench.audit.attacks import ATTACKS, MARK
from onbox.bench.audit.javascript_attacks import JAVASCRIPT
from onbox.bench.audit.probes import attack
from onbox.bench.audit.subject import AuditSubject
from onbox.bench.sandbox import Sandbox, seccomp
from onbox.bench.sandbox.bubblewrap import Bubblewrap
from onbox.bench.sandbox.choose import working
from onbox.bench.sandbox.sandlock import Sandlock
from onbox.bench.tasks import BUILTIN, load_task
from onbox.errors import BoxError
from tests.gates import with_own_gate

PYTHON = [name for name in ATTACKS if name not in JAVASCRIPT]
START = 'cd / && exec timeout 20 python3 -I -S -B "$TESTS_DIR/gate.py"\n'
SAY = """
def said(done):
    marked = [line for line in done.stderr.splitlines() if "ATTACK" in line]
    print("REASON:", (marked or ["FAIL" if done.returncode else "PASS"])[-1])
    sys.exit(1 if done.returncode else 0)
"""
GATES = {
    ("python", "same"): """
import os, sys
sys.path.append(os.environ["APP_DIR"])
def judge(shapes):
    if shapes.area(3, 5) != 15:
        print("REASON: FAIL")
        sys.exit(1)
try:
    import shapes
except Exception as error:
    print("REASON:", error)
    sys.exit(1)
judge(shapes)
print("REASON: PASS")
""",
    ("python", "child"): f"""
import os, subprocess, sys
{SAY}
code = "import sys; sys.path.append(sys.argv[1]); import shapes; sys.exit(shapes.area(3, 5) != 15)"
command = [sys.executable, "-I", "-S", "-c", code, os.environ["APP_DIR"]]
said(subprocess.run(command, capture_output=True, text=True))
""",
    # What it did before: a hook that looks at the events that Python tells.
    ("python", "fenced"): f"""
import os, subprocess, sys
{SAY}
code = '''
import os, sys
sys.path.append(sys.argv[1])
hidden = [os.path.realpath(folder) for folder in sys.argv[2:]]
def hook(event, args):
    if event == "open" and isinstance(args[0], (str, bytes)):
        path = os.path.realpath(os.fsdecode(args[0]))
        if any(path == folder or path.startswith(folder + "/") for folder in hidden):
            raise PermissionError(path)
    elif event.split(".")[0] in ("subprocess", "socket", "ctypes", "shutil") or event in ("os.system", "os.exec",
            "os.posix_spawn", "os.fork", "os.kill", "os.putenv", "os.remove", "os.rename"):
        raise PermissionError(event)
sys.addaudithook(hook)
import shapes
sys.exit(shapes.area(3, 5) != 15)
'''
command = [sys.executable, "-I", "-S", "-c", code, os.environ["APP_DIR"], os.environ["TESTS_DIR"]]
said(subprocess.run(command, capture_output=True, text=True, cwd="/"))
""",
    ("js", "same"): """
import assert from "node:assert/strict";
try {
  const { overlaps } = await import(`file://${process.env.APP_DIR}/src/spans.mjs`);
  assert.equal(overlaps({ start: 1, end: 3 }, { start: 3, end: 5 }), false);
} catch (error) {
  console.log("REASON: " + error.message.split("\\n")[0]);
  process.exit(1);
}
console.log("REASON: PASS");
""",
    ("js", "child"): f"""
import os, subprocess, sys
{SAY}
code = '''
const {{ overlaps }} = await import(`file://${{process.env.APP_DIR}}/src/spans.mjs`);
process.exit(overlaps({{ start: 1, end: 3 }}, {{ start: 3, end: 5 }}) ? 1 : 0);
'''
said(subprocess.run(["node", "--input-type=module", "-e", code], capture_output=True, text=True))
""",
    # As the builtin gate was: what is behind RESULT is compared, so that a word alone does not pass.
    ("js", "fenced"): f"""
import json, os, subprocess, sys
{SAY}
app = os.environ["APP_DIR"]
code = '''
const {{ overlaps }} = await import(`file://${{process.argv[1]}}/src/spans.mjs`);
console.log("RESULT " + JSON.stringify([overlaps({{ start: 1, end: 3 }}, {{ start: 3, end: 5 }})]));
'''
version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
modern = int(version.strip("v").split(".")[0]) >= 24
fence = ["--permission" if modern else "--experimental-permission", f"--allow-fs-read={{app}}/*"]
command = ["node", *fence, "--input-type=module", "-e", code, app]
done = subprocess.run(command, capture_output=True, text=True, cwd="/")
results = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
done.returncode = done.returncode or int(not results or json.loads(results[-1][7:]) != [False])
said(done)
""",
}
TASKS = {"python": "fix-failing-test", "js": "js-fix-failing-test"}

THROUGH = {
    ("python", "same"): {
        "code that reads the gate by a descriptor of /proc": "marked",
        "code that kills the gate from a process started past Python": "fault",
        "code that forges a verdict and exits": "pass",
        "code that forges a verdict at the exit": "pass",
        "code that patches the modules around it": "pass",
    },
    ("python", "child"): {
        "code that reads the gate by a descriptor of /proc": "marked",
        "code that kills the gate from a process started past Python": "fault",
        "code that forges a verdict and exits": "pass",
        "code that forges a verdict at the exit": "pass",
    },
    ("python", "fenced"): {
        "code that reads the gate by a descriptor of /proc": "marked",
        "code that kills the gate from a process started past Python": "fault",
        "code that forges a verdict and exits": "pass",
        "code that forges a verdict at the exit": "pass",
    },
    ("js", "same"): {
        "JavaScript that reads the gate": "marked",
        "JavaScript that kills the gate": "fault",
        "JavaScript that forges a verdict and exits": "pass",
        "JavaScript that forges a verdict at the exit": "pass",
        "JavaScript that patches the modules around it": "pass",
    },
    ("js", "child"): {
        "JavaScript that reads the gate": "marked",
        "JavaScript that kills the gate": "fault",
        "JavaScript that forges a verdict and exits": "pass",
        "JavaScript that forges a verdict at the exit": "pass",
        "JavaScript that patches the modules around it": "pass",
    },
    ("js", "fenced"): {"JavaScript that kills the gate": "fault"},
}
"""What gets through. All others are not possible in that form: the gate says that the task is undone."""
NOT_IN_SANDLOCK = "code that reads the gate by a descriptor of /proc"
"""Its path of another process is closed there; all else is as in bubblewrap."""
in_both_tiers = pytest.mark.parametrize(
    "sandbox", [pytest.param(Bubblewrap, marks=pytest.mark.bwrap), Sandlock], indirect=True
)


@pytest.fixture
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    try:
        return working(request.param)
    except BoxError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"{error.message}: {error.next_step}")


def old_form(folder: Path, language: str, form: str, sandbox: Sandbox) -> AuditSubject:
    shutil.copytree(assembled(BUILTIN / TASKS[language]), folder / "task")
    same = (language, form) == ("js", "same")
    start = 'cd / && exec node "$TESTS_DIR/gate.mjs"\n' if same else START
    task = with_own_gate(folder / "task", start)
    (task / "tests" / ("gate.mjs" if same else "gate.py")).write_text(GATES[language, form])
    loaded = load_task(task)
    assert not loaded.judges_apart
    return AuditSubject(loaded, sandbox, folder / "scratch")


def ends_of(subject: AuditSubject) -> dict[str, str]:
    """What came of each attack: what the gate said, or that the attack said itself that it got through."""
    return {end.probe.removeprefix("attack: "): "marked" if MARK in end.reason else end.got for end in attack(subject)}


def needs_node(sandbox: Sandbox) -> None:
    if missing_programs([load_task(BUILTIN / TASKS["js"])], sandbox):
        pytest.skip("node is not in the sandbox")


@in_both_tiers
@pytest.mark.parametrize(("language", "form"), THROUGH)
def test_attacks_on_gates_of_the_old_forms(language: str, form: str, tmp_path: Path, sandbox: Sandbox) -> None:
    if language == "js":
        needs_node(sandbox)
    names = list(JAVASCRIPT) if language == "js" else PYTHON
    through = {name: THROUGH[language, form].get(name, "fail") for name in names}
    if sandbox.name == "sandlock" and language == "python":
        through[NOT_IN_SANDLOCK] = "fail"
    assert ends_of(old_form(tmp_path, language, form, sandbox)) == through


@pytest.mark.bwrap
@pytest.mark.parametrize("language", TASKS)
def test_tracing_a_gate_of_the_old_form_is_what_the_filter_of_system_calls_ended(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scope = Path("/proc/sys/kernel/yama/ptrace_scope")
    if scope.exists() and scope.read_text().strip() != "0":
        pytest.skip("this kernel lets nobody trace but its own children: /proc/sys/kernel/yama/ptrace_scope")
    sandbox = working(Bubblewrap)
    if language == "js":
        needs_node(sandbox)
    monkeypatch.setattr(seccomp, "WITH_NAMESPACES", ())
    ends = ends_of(old_form(tmp_path, language, "child", sandbox))
    assert [ends[name] for name in ends if "traces" in name] == ["marked"]


@in_both_tiers
@pytest.mark.parametrize("name", [*TASKS.values(), "ts-rename-method"])
def test_no_attack_gets_anywhere_with_a_gate_that_judges_apart(tmp_path: Path, sandbox: Sandbox, name: str) -> None:
    if name.startswith("js-"):
        needs_node(sandbox)
    ends = ends_of(AuditSubject(load_task(BUILTIN / name), sandbox, tmp_path))
    assert set(ends) == set(PYTHON if name == TASKS["python"] else JAVASCRIPT)
    assert set(ends.values()) == {"fail"}
