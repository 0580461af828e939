# Goes after testrun.py: the tests on many states of one workspace, one after the other, in one sandbox.
#
# On standard input comes what testrun.py is told. CALLS_DIR holds two named pipes: each line of JSON from `ask` has
# `changed` (name -> base64, null for a file that is gone), `targets`, `only`, `timeout_s` and `cpu_s`, and is answered in
# `answers` by what testrun.py prints, with `cpu_s` and the `seconds` of each test. What passes here may have been forged by a state before it: the gate is asked again.

ZYGOTE = r'''
import json, os, resource, select, signal, sys, traceback, unittest
try:
    import pytest
except ImportError:
    pass
base = [path for path in sys.path if path]

def child(job):
    os.setsid()
    # Of the processor, not of the clock: a busy box stretches the one and not the other.
    resource.setrlimit(resource.RLIMIT_CPU, (job["cpu_s"], job["cpu_s"] + 1))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    printed = os.open(job["printed"], os.O_WRONLY)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    os.chdir(job["cwd"])
    os.environ.clear()
    os.environ.update(job["env"])
    own = [job["cwd"], *job["env"]["PYTHONPATH"].split(":")]
    sys.path[:] = [*own, *(path for path in base if path not in own)]
    if job["script"]:
        sys.argv = ["-c", *job["words"]]
        exec(compile(job["script"], "<string>", "exec"), {"__name__": "__main__"})
        return 0
    sys.argv = ["pytest", *job["words"]]
    return int(pytest.main(job["words"]))

for line in sys.stdin.buffer:
    job = json.loads(line)
    pid = os.fork()
    if not pid:
        code = 1
        try:
            code = child(job)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        except BaseException:
            traceback.print_exc()
        finally:
            try:
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(code & 255)
    fd = os.pidfd_open(pid)
    ended = select.select([fd], [], [], job["timeout_s"])[0]
    try:
        os.killpg(pid, signal.SIGKILL)
    except OSError:
        pass
    _, status, used = os.wait4(pid, 0)
    os.close(fd)
    code = os.waitstatus_to_exitcode(status)
    out = code != -signal.SIGXCPU and bool(ended)
    print(json.dumps([code if out else None, used.ru_utime + used.ru_stime]), flush=True)
'''


class Zygote:
    """A Python that has pytest loaded, and forks for each run."""

    def __init__(self, env):
        command = [sys.executable, "-c", ZYGOTE]
        env = {**env, "PYTHONPATH": str(Path(ENV, "python"))}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=env)

    def run(self, command, work, env, request):
        """As `run` of testrun.py, and how many seconds of processor time it took."""
        script, words = ("", command[3:]) if command[1] == "-m" else (command[2], command[3:])
        with tempfile.NamedTemporaryFile() as printed:
            job = {"printed": printed.name, "cwd": str(work), "env": env, "script": script, "words": words}
            job |= {"timeout_s": request["timeout_s"], "cpu_s": request["cpu_s"]}
            self.process.stdin.write(json.dumps(job).encode() + b"\n")
            self.process.stdin.flush()
            code, cpu_s = json.loads(self.process.stdout.readline())
            return printed.read(8 << 20).decode("utf-8", "replace"), code, cpu_s


def answer(request, zygotes):
    scratch = Path(tempfile.mkdtemp())
    try:
        work, report = scratch / "work", scratch / "report"
        copy(Path(os.environ.get("APP_DIR", "/app")), work)
        for name, content in request["changed"].items():
            path = work / name
            if content is None:
                path.unlink(missing_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(base64.b64decode(content))
        lay_over(work, request)
        command, env = command_of(request, work, report)
        if request["kind"] in ("pytest", "unittest"):
            zygotes = zygotes or [Zygote(env)]
            said, code, cpu_s = zygotes[0].run(command, work, env, request)
        else:
            (said, code), cpu_s = run(command, work, env, request["timeout_s"]), None
        try:
            tests, why = READERS[request["kind"]](report, said)
        except (OSError, ValueError, ElementTree.ParseError, TypeError, KeyError, AttributeError):
            tests, why = {}, {}
        out = {"tests": tests, "why": why, "exit": code, "said": said[-3000:], "cpu_s": cpu_s}
        return {**out, "seconds": seconds_of(request["kind"], report)}, zygotes
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def seconds_of(kind, report):
    """Wall time of each test, where the runner says it."""
    found = {}
    try:
        if kind == "pytest":
            for case in ElementTree.parse(report).getroot().iter("testcase"):
                name = f"{case.get('classname', '')}::{case.get('name', '')}".strip(":")
                found[name] = found.get(name, 0.0) + float(case.get("time") or 0)
        if kind == "unittest":
            found = {name: float(end[2]) for name, end in json.loads(report.read_text()).items()}
    except (OSError, ValueError, ElementTree.ParseError, TypeError, LookupError, AttributeError):
        return {}
    return found


def serve():
    request, calls, zygotes = json.load(sys.stdin), Path(os.environ["CALLS_DIR"]), []
    with open(calls / "ask", "rb") as ask, open(calls / "answers", "wb", buffering=0) as answers:
        for line in ask:
            said, zygotes = answer({**request, **json.loads(line)}, zygotes)
            answers.write(json.dumps(said).encode() + b"\n")


serve()
