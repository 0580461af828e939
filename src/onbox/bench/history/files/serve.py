# Goes after testrun.py: the tests on many states of one workspace, one after the other, in one sandbox.
#
# On standard input comes what testrun.py is told, and `preload`: whether the packages that the tests of a run imported
# are loaded once for those that come after it. CALLS_DIR holds two named pipes: each line of JSON from `ask` has
# `changed` (name -> base64, null for a file that is gone), `targets`, `only`, `timeout_s`, `cpu_s`, `idle_s`, and `turn_s`
# and `all_s` (what one test and all may take; 0: no bound), and is answered in `answers` by what testrun.py prints, with
# `cpu_s`, the `seconds` of each test and `turns`: the test that was `running` at the end, those that were `cut` short or
# had no turn, and how long it `lasted_s` on a box that is idle. What passes here may have been forged by a state before it: the gate is asked again.

ZYGOTE = r'''
import _imp, gc, hashlib, importlib, importlib.machinery, json, marshal, os, resource, select, signal, sys, tempfile, time, traceback, types, unittest
try:
    import pytest
    from _pytest.junitxml import bin_xml_escape, mangle_test_address
except ImportError:
    pass
base = [path for path in sys.path if path]
packages, compiled = sys.argv[1] + "/", sys.argv[2]
compile_source = importlib.machinery.SourceFileLoader.source_to_code

def source_to_code(self, data, path, *, _optimize=-1):
    """Most files of the project are the same in each state, and are compiled once: found by what is in them."""
    place = os.path.join(compiled, hashlib.sha256(data).hexdigest())
    try:
        with open(place, "rb") as file:
            code = marshal.load(file)
        _imp._fix_co_filename(code, path)
        return code
    except (OSError, ValueError, EOFError, TypeError):
        code = compile_source(self, data, path, _optimize=_optimize)
        with tempfile.NamedTemporaryFile(dir=compiled, delete=False) as file:
            marshal.dump(code, file)
        os.replace(file.name, place)
        return code

importlib.machinery.SourceFileLoader.source_to_code = source_to_code
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
IDLE_SHARE = 0.02

class TakesTooLong(BaseException):
    pass

class Turns:
    """Tells in a file which test begins and ends, for when the run is killed, and gives each so many seconds, and all."""

    def __init__(self, job):
        self.file = os.open(job["turns"], os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC)
        self.turn_s, self.all_s, self.first_s, self.name = job["turn_s"], job["all_s"], None, ""

    @staticmethod
    def clock_s():
        """Seconds, without those that this thread waited for a processor."""
        try:
            with open("/proc/thread-self/schedstat") as file:
                return time.monotonic() - int(file.read().split()[1]) / 1e9
        except (OSError, ValueError, IndexError):
            return time.monotonic()

    def tell(self, what, name):
        os.write(self.file, json.dumps([what, name, self.since_s()]).encode() + b"\n")

    def since_s(self):
        """Seconds since the first test began."""
        now_s = self.clock_s()
        self.first_s = now_s if self.first_s is None else self.first_s
        return now_s - self.first_s

    def begin(self, name):
        self.name, self.at_s = name, self.clock_s()
        self.tell("begun", name)
        if self.turn_s:
            self.before = signal.signal(signal.SIGALRM, self.ring)
            signal.setitimer(signal.ITIMER_REAL, self.turn_s, self.turn_s)

    def ring(self, number, frame):
        if self.clock_s() - self.at_s < 0.9 * self.turn_s:
            return
        self.tell("cut", self.name)
        raise TakesTooLong(f"takes more than {self.turn_s:g} s")

    def end(self):
        if self.turn_s:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self.before)
        self.tell("ended", self.name)

    def over(self, name):
        """Whether a test has no turn, because those before it took all of the time."""
        if not self.all_s or self.since_s() < self.all_s:
            return False
        self.tell("cut", name)
        return True

    def in_pytest(self):
        def name_of(nodeid):
            *above, last = mangle_test_address(nodeid)
            return (".".join(above) + "::" + bin_xml_escape(last)).strip(":")

        def set_up(item):
            if self.over(name_of(item.nodeid)):
                pytest.skip("no time is left for it")

        plugin = sys.modules["onbox_turns"] = types.ModuleType("onbox_turns")
        plugin.pytest_runtest_logstart = lambda nodeid, location: self.begin(name_of(nodeid))
        plugin.pytest_runtest_logfinish = lambda nodeid, location: self.end()
        plugin.pytest_runtest_setup = pytest.hookimpl(tryfirst=True)(set_up)

    def in_unittest(self):
        run = unittest.TestCase.run

        def in_turn(test, result=None):
            if self.over(test.id()):
                result.startTest(test)
                result.addSkip(test, "no time is left for it")
                result.stopTest(test)
                return result
            self.begin(test.id())
            try:
                return run(test, result)
            finally:
                self.end()

        unittest.TestCase.run = in_turn

def processor_of(session):
    """Seconds of the processor of all processes of a session, and whether one of them would run now."""
    total, busy = 0, False
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    fields = file.read().rpartition(b")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == session:
                total += int(fields[11]) + int(fields[12]) + int(fields[13]) + int(fields[14])
                busy = busy or fields[0] in (b"R", b"D")
    return total * TICK_S, busy

def ends(fd, pid, timeout_s, idle_s):
    """Wait; whether it ended in its time. One that waits for what never comes is not waited for longer than idle_s."""
    until = time.monotonic() + timeout_s
    since, was_s = time.monotonic(), 0.0
    while (left_s := until - time.monotonic()) > 0:
        if select.select([fd], [], [], min(left_s, idle_s / 6))[0]:
            return True
        now, (now_s, busy) = time.monotonic(), processor_of(pid)
        if busy or now_s - was_s > IDLE_SHARE * idle_s:
            since, was_s = now, now_s
        if now - since >= idle_s:
            return False
    return False

def load(names):
    """Packages of the environment alone, and never the project's own code: that is another in each state."""
    for name in names:
        try:
            importlib.import_module(name)
        except BaseException:
            pass
    # Where the run was whose folder is gone.
    tempfile.tempdir = None

def loaded():
    files = [(name, getattr(module, "__file__", None)) for name, module in list(sys.modules.items())]
    return [name for name, file in files if isinstance(file, str) and file.startswith(packages)]

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
    if "numpy.random" in sys.modules:
        # Chance is to be another in each run; Python's own is.
        sys.modules["numpy.random"].seed()
    turns = Turns(job)
    turns.in_pytest() if job["kind"] == "pytest" else turns.in_unittest()
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
    load(job["load"])
    # Runners collect several times at their end, and need not go through all that was loaded here each time.
    gc.freeze()
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
                with open(job["loaded"], "w") as file:
                    json.dump(loaded(), file)
            finally:
                os._exit(code & 255)
    fd = os.pidfd_open(pid)
    ended = ends(fd, pid, job["timeout_s"], job["idle_s"])
    try:
        os.killpg(pid, signal.SIGKILL)
    except OSError:
        pass
    _, status, used = os.wait4(pid, 0)
    os.close(fd)
    code = os.waitstatus_to_exitcode(status)
    out = code != -signal.SIGXCPU and ended
    print(json.dumps([code if out else None, used.ru_utime + used.ru_stime]), flush=True)
'''


class Zygote:
    """A Python that has pytest loaded, and what tests imported of its packages, and forks for each run.

    What its runs compiled of the project's files is kept for those that come after.
    """

    def __init__(self, env, preload):
        self.preload, self.load = preload, []
        command = [sys.executable, "-c", ZYGOTE, str(Path(ENV, "python")), tempfile.mkdtemp()]
        env = {**env, "PYTHONPATH": str(Path(ENV, "python"))}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=env)

    def run(self, command, work, env, request):
        """As `run` of testrun.py, how many seconds of processor time it took, and what became of the tests' turns."""
        script, words = ("", command[3:]) if command[1] == "-m" else (command[2], command[3:])
        if request["kind"] == "pytest":
            at = words.index("-p")
            words[at:at] = ["-p", "onbox_turns"]
        with tempfile.NamedTemporaryFile() as printed:
            job = {"printed": printed.name, "cwd": str(work), "env": env, "script": script, "words": words}
            job |= {"timeout_s": request["timeout_s"], "cpu_s": request["cpu_s"], "idle_s": request["idle_s"]}
            job |= {"load": self.load, "loaded": printed.name + ".loaded"}
            job |= {name: request[name] for name in ("kind", "turn_s", "all_s")}
            job |= {"turns": printed.name + ".turns"}
            self.process.stdin.write(json.dumps(job).encode() + b"\n")
            self.process.stdin.flush()
            code, cpu_s = json.loads(self.process.stdout.readline())
            self.load = self.loaded(Path(job["loaded"])) if self.preload else []
            turns = self.turns(Path(job["turns"]))
            return printed.read(8 << 20).decode("utf-8", "replace"), code, cpu_s, turns

    @staticmethod
    def turns(path):
        """Which test was running at the end, which were cut short or had no turn, and how long all lasted."""
        running, cut, lasted_s = "", [], 0.0
        try:
            for line in path.read_text("utf-8").splitlines():
                what, name, lasted_s = json.loads(line)
                name = name[:NAME_MAX]
                running = name if what == "begun" else "" if what == "ended" else running
                cut += [name] if what == "cut" else []
        except (OSError, ValueError, TypeError):
            pass
        path.unlink(missing_ok=True)
        return {"running": running, "cut": sorted(set(cut)), "lasted_s": lasted_s}

    @staticmethod
    def loaded(path):
        """The names that a run left; a run that was killed left none."""
        try:
            return [str(name) for name in json.loads(path.read_text())]
        except (OSError, ValueError, TypeError):
            return []
        finally:
            path.unlink(missing_ok=True)


class Base:
    """The workspace with the tests laid over it, made once; a run has it in links.

    A run may write to what it finds, and then the base is made again. One that hides that it did is not looked for: see
    above.
    """

    def __init__(self, request):
        self.folder = Path(tempfile.mkdtemp())
        copy(Path(os.environ.get("APP_DIR", "/app")), self.folder)
        lay_over(self.folder, request)
        self.given, self.laid = set(request["given"]), {*request["delete"], *request["files"]}
        self.names = self.given | self.laid
        self.folders = {folder for name in self.names for folder in above(name)}
        self.facts = self.look()

    def look(self):
        """What can be seen of each file without reading it."""
        found = {}
        for folder, _, names in os.walk(self.folder):
            for name in names:
                facts = os.lstat(os.path.join(folder, name))
                found[os.path.join(folder, name)] = (facts.st_mtime_ns, facts.st_size, facts.st_mode)
        return found

    def takes(self, changed):
        """Whether no name of what is changed is in the way of another file, nor another in its way."""
        return not any(name in self.folders or self.names.intersection(above(name)) for name in changed)

    def place(self, work, changed):
        """As a copy, then `changed`, then `lay_over` would leave it."""
        for folder, _, names in os.walk(self.folder):
            place = os.path.join(work, os.path.relpath(folder, self.folder))
            os.makedirs(place, exist_ok=True)
            for name in names:
                linked(os.path.join(folder, name), os.path.join(place, name))
        changed = {name: data for name, data in changed.items() if name not in self.laid}
        write({name: data for name, data in changed.items() if name in self.given or not bends(Path(name))}, work)


def above(name):
    """The folders that a file lies in."""
    parts = name.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]


def linked(source, target):
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def write(changed, work):
    for name, content in changed.items():
        path = work / name
        path.unlink(missing_ok=True)
        if content is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(base64.b64decode(content))


def laid_out(request, work, bases):
    """Put a state of the files into the new folder `work`."""
    if bases and bases[0].look() != bases[0].facts:
        shutil.rmtree(bases.pop().folder, ignore_errors=True)
    if not bases:
        bases.append(Base(request))
    if bases[0].takes(request["changed"]):
        bases[0].place(work, request["changed"])
    else:
        copy(Path(os.environ.get("APP_DIR", "/app")), work)
        write(request["changed"], work)
        lay_over(work, request)


def answer(request, zygotes, bases):
    scratch = Path(tempfile.mkdtemp())
    try:
        work, report = scratch / "work", scratch / "report"
        laid_out(request, work, bases)
        command, env = command_of(request, work, report)
        if request["kind"] in ("pytest", "unittest"):
            zygotes = zygotes or [Zygote(env, request["preload"])]
            output, code, cpu_s, turns = zygotes[0].run(command, work, env, request)
        else:
            (output, code), cpu_s, turns = run(command, work, env, request["timeout_s"]), None, {}
        try:
            tests, why = READERS[request["kind"]](report, output)
        except (OSError, ValueError, ElementTree.ParseError, TypeError, KeyError, AttributeError):
            tests, why = {}, {}
        out = {"tests": short(tests), "why": short(why), "exit": code, "output": output[-3000:], "cpu_s": cpu_s}
        return {**out, "seconds": short(seconds_of(request["kind"], report)), "turns": turns}, zygotes
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
    request, calls, zygotes, bases = json.load(sys.stdin), Path(os.environ["CALLS_DIR"]), [], []
    with open(calls / "ask", "rb") as ask, open(calls / "answers", "wb", buffering=0) as answers:
        for line in ask:
            result, zygotes = answer({**request, **json.loads(line)}, zygotes, bases)
            answers.write(json.dumps(result).encode() + b"\n")


serve()
