"""What the gates of this suite share. Standard library only, Python 3.10 or newer.

A whole task carries a copy in tests/, so that its hash covers all that judges: `onbox.bench.assembly` puts it there.

A gate reads the agent's code with `ast` and never runs it in its own process. `run` and `run_node` have it run: by
onbox in a sandbox of its own, which holds the workspace and nothing of the gate; by Harbor, where there is no onbox to
ask, in a child process of another user. The code is told inputs and never the answers, and the gate compares what comes
back. Python finds the standard library before the workspace, and no site-packages, compiled files or variables.
"""

import ast
import binascii
import json
import os
import sys
from pathlib import Path

# A gate is started for each run; what takes milliseconds and few gates need is imported where it is used.

APP = Path(os.environ.get("APP_DIR", "/app"))
TESTS = Path(os.environ.get("TESTS_DIR", "/tests"))
LOGS = Path(os.environ.get("LOGS_DIR", "/logs"))
CALLS = os.environ.get("CALLS_DIR")
"""Holds the pipes to onbox, which runs the code under test; None where Harbor runs the gate."""

ORIGINAL = TESTS / "original"
"""The workspace as the agent got it."""

BY_PRODUCTS = {"__pycache__", ".pytest_cache"}


COMPILED = {".pyc", ".so"}
"""Files that Python would load where the gate reads a source, or as native code that no fence holds."""


class Fail(Exception):
    """The task was not done."""

    def __init__(self, code, text=""):
        super().__init__(f"{code} {text}".strip())


def judge(gate):
    """Run `gate`, print its reason as the last line, and exit: 0 pass, 1 fail, 2 the gate itself broke.

    onbox is told the verdict with the word that it said first.
    """
    try:
        if sys.version_info < (3, 10):
            raise RuntimeError("Python 3.10 or newer is needed")
        gate()
        code, reason = 0, "PASS"
    except Fail as fail:
        code, reason = 1, str(fail)
    except RecursionError:
        code, reason = 1, "FAIL_SYNTAX code nested too deeply to read"
    except Exception as error:
        import traceback

        traceback.print_exc()
        if _answers and isinstance(error, (TypeError, ValueError, LookupError, ArithmeticError, AttributeError)):
            # Code that answers with something of another kind must not end its gate without a verdict.
            code, reason = 1, f"FAIL_RESULT not what was asked for: {type(error).__name__}: {error}"
        else:
            code, reason = 2, f"GATE_FAULT {type(error).__name__}: {error}"
    sys.stderr.flush()
    print("REASON:", printable(reason))
    if CALLS:
        print("VERDICT", _onbox().nonce, code)
    sys.exit(code)


def printable(text):
    """One line of ASCII, at most 300 characters."""
    return " ".join(text.split()).encode("ascii", "backslashreplace").decode()[:300]


# ---------------------------------------------------------------- files


def files(root):
    """Relative names of the files below `root`, without what running Python leaves behind."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in BY_PRODUCTS]
        found += [Path(folder, name).relative_to(root).as_posix() for name in names]
    return sorted(found)


def python_files():
    """The Python files of the workspace."""
    return [name for name in files(APP) if name.endswith(".py")]


def read(name):
    """A file of the workspace as text; FAIL_FILE_MISSING, FAIL_NOT_TEXT."""
    try:
        return (APP / name).read_bytes().decode("utf-8-sig")
    except OSError:
        raise Fail("FAIL_FILE_MISSING", name) from None
    except UnicodeDecodeError:
        raise Fail("FAIL_NOT_TEXT", name) from None


def parse(name, root=None):
    """The syntax tree of a Python file of the workspace; FAIL_SYNTAX."""
    source = read(name) if root is None else (root / name).read_text("utf-8")
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Fail("FAIL_SYNTAX", f"{name}: {error}") from None


def frame(may_change=(), may_go=()):
    """Nothing but `may_change` was changed, nothing but `may_go` deleted, and no new file bends how Python finds code.

    New files are otherwise let be: a note or a helper script left behind is not a change to the project.
    FRAME_TESTS_CHANGED, FRAME_FILE_DELETED, FRAME_FILE_CHANGED, FRAME_PLANTED.
    """
    original = files(ORIGINAL)
    for name in original:
        there = (APP / name).is_file()
        if there and (name in may_change or (APP / name).read_bytes() == (ORIGINAL / name).read_bytes()):
            continue
        if not there and name in may_go:
            continue
        if Path(name).name.startswith("test_"):
            raise Fail("FRAME_TESTS_CHANGED", name)
        raise Fail("FRAME_FILE_CHANGED" if there else "FRAME_FILE_DELETED", name)
    for name in files(APP):
        if name not in original and _bends_imports(Path(name)):
            raise Fail("FRAME_PLANTED", name)


def _bends_imports(path):
    """Whether a new file would be run, or found in place of other code, without anybody naming it."""
    if path.suffix in COMPILED | {".pth"}:
        return True
    top = path.parts[0].removesuffix(".py") if path.suffix == ".py" else ""
    return path.stem in {"conftest", "sitecustomize", "usercustomize"} or top in sys.stdlib_module_names


# ---------------------------------------------------------------- code


def names(tree):
    """Every identifier of a syntax tree, and the strings of `__all__`."""
    for node in ast.walk(tree):
        for field in ("id", "attr", "name", "asname", "arg"):
            value = getattr(node, field, None)
            if isinstance(value, str):
                yield from value.split(".")
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            yield from node.names
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from node.module.split(".")
        if isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "__all__" for target in node.targets):
            yield from (item.value for item in ast.walk(node.value) if isinstance(item, ast.Constant))


def functions(body):
    """The functions that a module's or class's body defines, by name."""
    return {node.name: node for node in body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}


def methods(body, cls):
    """The methods of a class in a module's body, by name; FAIL_CLASS_MISSING."""
    for node in body:
        if isinstance(node, ast.ClassDef) and node.name == cls:
            return functions(node.body)
    raise Fail("FAIL_CLASS_MISSING", cls)


def bare(node):
    """The code of a node without its docstrings, as a text to compare."""
    import copy

    node = copy.deepcopy(node)
    for inner in ast.walk(node):
        body = getattr(inner, "body", None)
        if isinstance(body, list):
            inner.body = [item for item in body if not _is_docstring(item)]
    return ast.dump(node)


def calls(tree, name):
    """The calls of a function or method of that name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and name in (getattr(node.func, "id", ""), getattr(node.func, "attr", "")):
            yield node


def others_unchanged(name, but=()):
    """The functions and classes of a file are what they were, but for those named; FRAME_CODE_CHANGED."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    new, old = (
        {node.name: bare(node) for node in tree.body if isinstance(node, kinds) and node.name not in but}
        for tree in (parse(name), parse(name, ORIGINAL))
    )
    if new != old:
        raise Fail("FRAME_CODE_CHANGED", f"{name}: more than was asked for changed")


def same_but_renamed(name, new, old):
    """The code of a file is what it was, once `new` is read as `old`; FRAME_CODE_CHANGED.

    Comments, layout, docstrings and the order of imports may differ.
    """
    if _shape(parse(name), new, old) != _shape(parse(name, ORIGINAL), new, old):
        raise Fail("FRAME_CODE_CHANGED", f"{name}: more than the name changed")


def _shape(tree, new, old):
    class Normal(ast.NodeTransformer):
        def generic_visit(self, node):
            super().generic_visit(node)
            for field in ("id", "attr", "name", "asname", "arg"):
                if getattr(node, field, None) == new:
                    setattr(node, field, old)
            body = getattr(node, "body", None)
            if isinstance(body, list):
                node.body = [item for item in body if not _is_docstring(item)]
            return node

        def visit_Assign(self, node):
            if any(getattr(target, "id", "") == "__all__" for target in node.targets):
                listed = {item.value for item in ast.walk(node.value) if isinstance(item, ast.Constant)}
                node.value = ast.Constant(sorted(old if item == new else str(item) for item in listed))
                return node
            return self.generic_visit(node)

    tree = Normal().visit(tree)
    imports = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    rest = [node for node in tree.body if node not in imports]
    split = [(getattr(node, "module", ""), alias.name, alias.asname) for node in imports for alias in node.names]
    return sorted(map(str, split)), [ast.dump(node) for node in rest]


def _is_docstring(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


# ---------------------------------------------------------------- running the agent's code


PYTHON = ["python3", "-I", "-S", "-B", "-X", "pycache_prefix=/nonexistent"]

RUNNER = """
import json, os, sys
request = json.load(sys.stdin)
answer, null = os.dup(1), os.open(os.devnull, os.O_WRONLY)
os.dup2(null, 1)
os.dup2(null, 2)
sys.path.append(os.environ["APP_DIR"])
scope = {"value": request["value"]}
os.write(answer, b"ready\\n")
try:
    exec(request["snippet"], scope)
    data = json.dumps({"error": "", "result": scope["result"]})
except BaseException as error:
    data = json.dumps({"error": f"{type(error).__name__}: {error}"})
os.write(answer, data.encode())
"""
"""Runs a snippet in the sandbox of the code under test; whatever that writes or breaks, it does not know the answers."""


class _Onbox:
    """The pipes to onbox."""

    def __init__(self, folder):
        self._ask = open(Path(folder, "ask"), "wb", buffering=0)
        self._answers = open(Path(folder, "answers"), "rb")
        self.nonce = json.loads(self._answers.readline())["nonce"]

    def run(self, argv, stdin, timeout_s):
        """What a command printed, in a sandbox of its own; None when its time was over."""
        request = json.dumps({"argv": argv, "stdin": stdin, "timeout_s": timeout_s})
        self._ask.write(request.encode() + b"\n")
        answer = json.loads(self._answers.readline())
        if "fault" in answer:
            raise RuntimeError(answer["fault"])
        if answer["exit_code"] is None:
            return None
        return binascii.a2b_base64(answer["output"])


_connected = []
_answers = []
"""Whether code under test has answered: what is read from then on is its own."""


def _onbox():
    if not _connected:
        _connected.append(_Onbox(CALLS))
    return _connected[0]


def run(snippet, value=None, timeout_s=10):
    """Have `snippet` run with the workspace importable and `value` bound, and return what it binds to `result`.

    Both travel as JSON. FAIL_RUN: the code raised or ended the process. FAIL_RUN_TIMEOUT. FRAME_PLANTED: there are
    compiled files.
    """
    for name in files(APP):
        if Path(name).suffix in COMPILED:
            raise Fail("FRAME_PLANTED", name)
    request = json.dumps({"snippet": snippet, "value": value})
    if CALLS:
        output = _onbox().run([*PYTHON, "-c", RUNNER], request, timeout_s)
    else:
        # As text: the folder of this file is closed to the child.
        source = Path(__file__).read_text("utf-8")
        output = _beside([sys.executable, *PYTHON[1:], "-c", source, str(APP), str(TESTS), str(LOGS)], request, timeout_s)
    if output is None:
        raise Fail("FAIL_RUN_TIMEOUT", f"no result within {timeout_s} s")
    ready, _, data = output.partition(b"\n")
    if ready != b"ready":
        raise RuntimeError(f"no process could be started to run the code: {printable(output.decode(errors='replace'))}")
    try:
        answer = json.loads(data)
        error, result = answer["error"], answer.get("result")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Fail("FAIL_RUN", "the code ended the process without a result") from None
    if error:
        raise Fail("FAIL_RUN", error)
    _answers.append(True)
    return result


def run_node(snippet, value=None, timeout_s=20):
    """Have a module of JavaScript run, and return what it prints as JSON behind `RESULT `.

    It gets the folder of the workspace and the JSON text of `value` as its arguments. FAIL_RUN, FAIL_RUN_TIMEOUT.
    """
    words = ["--input-type=module", "-e", snippet, str(APP), json.dumps(value)]
    if CALLS:
        output = _onbox().run(["node", *words], "", timeout_s)
    else:
        import subprocess

        version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
        modern = int(version.strip("v").split(".")[0]) >= 24
        fence = ["--permission" if modern else "--experimental-permission", f"--allow-fs-read={APP}/*"]
        output = _beside(["node", *fence, *words], "", timeout_s)
    if output is None:
        raise Fail("FAIL_RUN_TIMEOUT", f"no result within {timeout_s} s")
    lines = output.decode("utf-8", "replace").splitlines()
    said = [line for line in lines if line.startswith("RESULT ")]
    if not said:
        raise Fail("FAIL_RUN", (lines or ["no result"])[-1])
    _answers.append(True)
    try:
        return json.loads(said[-1].removeprefix("RESULT "))
    except (ValueError, RecursionError):
        raise Fail("FAIL_RUN", "the result is no JSON") from None


# ---------------------------------------------------------------- without onbox: Harbor


NOBODY = 65534


def _beside(command, stdin, timeout_s):
    """What a command printed, as a child of this process; None when its time was over.

    Where this is root, as in Harbor's containers, the child is nobody: it can neither end nor trace the gate, and the
    folders of the gate are closed to it. Elsewhere a fence in the child is all there is, and is no boundary.
    """
    import subprocess

    other = {}
    if os.geteuid() == 0:
        other = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        for folder in (TESTS, LOGS):
            os.chmod(folder, 0o700)
    env = {"PATH": os.environ.get("PATH", os.defpath), "APP_DIR": str(APP)}
    try:
        return subprocess.run(
            command,
            input=stdin.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=env,
            timeout=timeout_s,
            **other,
        ).stdout
    except subprocess.TimeoutExpired:
        return None


def _child():
    """The other end of `run` without onbox."""
    app, *hidden = sys.argv[1:]
    request = json.load(sys.stdin)
    answer_fd = os.dup(1)
    os.dup2(2, 1)
    sys.path.append(app)
    sys.addaudithook(_fence([os.path.realpath(folder) for folder in hidden]))
    scope = {"value": request["value"]}
    os.write(answer_fd, b"ready\n")
    try:
        exec(request["snippet"], scope)
        answer = {"error": "", "result": scope["result"]}
        data = json.dumps(answer)
    except BaseException as error:
        data = json.dumps({"error": f"{type(error).__name__}: {error}"})
    os.write(answer_fd, data.encode())


def _fence(hidden):
    """An audit hook that keeps code from the gate's files, from writing, and from starting processes."""
    denied = {"os", "shutil", "signal", "subprocess", "ctypes", "socket", "gc"}
    harmless = {"os.listdir", "os.scandir", "os.putenv", "os.unsetenv"}

    def hook(event, args):
        if event == "open" and not isinstance(args[0], int):
            path = os.path.realpath(os.fsdecode(args[0]))
            writes = (args[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if writes or any(path == folder or path.startswith(folder + "/") for folder in hidden):
                raise PermissionError(f"not open to the code under test: {path}")
        elif event.split(".")[0] in denied and event not in harmless:
            raise PermissionError(f"not allowed to the code under test: {event}")

    return hook


if __name__ == "__main__":
    _child()
