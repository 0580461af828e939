"""Tasks in the shapes that are published for Harbor, with what its oracle gets for each: the reference beside onbox.

Each was run in Harbor 0.26 itself (`tests/docker/test_harbor_beside.py`); `rewards` is what Harbor said, None where it
said nothing. All are shell alone, and start from an image that the test makes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

IMAGE = "shell:local"
READY = "ready:local"
"""With the WORKDIR /data and a file `word` in it."""

COPIED = f"FROM {IMAGE}\nWORKDIR /app\nCOPY app/ /app/\n"
SOLVE = "#!/bin/bash\nset -e\nsort names.txt > sorted.txt\n"
GATE = "#!/bin/bash\nif {}; then echo 1; else echo 0; fi > /logs/verifier/reward.txt\n"
SORTED = '[ "$(head -n 1 sorted.txt)" = ada ]'
GIVEN = {"environment/app/names.txt": "grace\nada\nlinus\n"}
WRITES = "#!/bin/bash\n{}\n"


@dataclass(frozen=True)
class Case:
    """One task.

    Args:
        kind: of its shape.
        name: of its folder.
        files: texts by relative path.
        rewards: of the oracle in Harbor; None: the gate left no reward.
        docker: whether only a container can do it.
        refused: what onbox says in its place; empty where it runs.
        skipped: whether Harbor takes it for no task.
        plain: files without the execute bit; scripts have it otherwise.
    """

    kind: str
    name: str
    files: Mapping[str, str]
    rewards: Mapping[str, float] | None
    docker: bool = False
    refused: str = ""
    skipped: bool = False
    plain: tuple[str, ...] = field(default=())

    def write(self, home: Path) -> Path:
        """Write its folder below `home`."""
        for name, text in self.files.items():
            path = home / self.name / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8", newline="")
            if name.endswith(".sh") and name not in self.plain:
                path.chmod(0o755)
        return home / self.name


ONE: Mapping[str, float] = {"reward": 1.0}
NOTHING = {"reward": 0.0}


def _case(
    kind: str,
    name: str,
    rewards: Mapping[str, float] | None = ONE,
    *,
    test: str = GATE.format(SORTED),
    solve: str | None = SOLVE,
    toml: str = "",
    dockerfile: str | None = COPIED,
    files: Mapping[str, str] | None = None,
    docker: bool = False,
    refused: str = "",
    skipped: bool = False,
    plain: tuple[str, ...] = (),
) -> Case:
    texts = {"instruction.md": "Sort the names into sorted.txt.", "task.toml": toml, "tests/test.sh": test}
    if dockerfile is not None:
        texts |= {"environment/Dockerfile": dockerfile, **GIVEN}
    if solve is not None:
        texts["solution/solve.sh"] = solve
    return Case(kind, name, {**texts, **(files or {})}, rewards, docker, refused, skipped, plain)


def _workspace() -> list[Case]:
    kind = "files copied to /app"
    return [
        _case(kind, "sort-names"),
        _case(kind, "by-absolute-path", test=GATE.format("cmp -s /app/sorted.txt /tests/expected"),
              solve="#!/bin/bash\nsort /app/names.txt > /app/sorted.txt\n",
              files={"tests/expected": "ada\ngrace\nlinus\n"}),
        _case(kind, "delete-a-file", test=GATE.format("[ ! -e names.txt ]"), solve="#!/bin/bash\nrm names.txt\n"),
        _case(kind, "make-it-executable", test=GATE.format('[ "$(./run)" = ran ]'),
              solve="#!/bin/bash\nprintf '#!/bin/sh\\necho ran\\n' > run\nchmod +x run\n"),
        _case(kind, "copy-into-folder", dockerfile=f"FROM {IMAGE}\nWORKDIR /app\nCOPY app/names.txt data/\n",
              test=GATE.format("[ -f data/sorted.txt ]"), solve="#!/bin/bash\ncd data && sort *.txt > sorted.txt\n"),
        _case(kind, "copy-all", dockerfile=f"FROM {IMAGE}\nWORKDIR /app\nCOPY . .\n",
              test=GATE.format("[ -f Dockerfile ] && [ -f app/sorted.txt ]"),
              solve="#!/bin/bash\nsort app/names.txt > app/sorted.txt\n"),
        _case(kind, "labels-and-a-command", dockerfile=COPIED + 'LABEL a=b\nEXPOSE 80\nCMD ["sh"]\n'),
        _case(kind, "a-link", solve="#!/bin/bash\nsort names.txt > real.txt\nln -s real.txt sorted.txt\n",
              test=GATE.format("[ -s real.txt ]")),
    ]  # fmt: skip


def _workdir() -> list[Case]:
    kind = "another WORKDIR"
    here = '[ "$PWD" = {} ] && ' + SORTED
    cases = [
        _case(kind, f"in{folder.replace('/', '-')}", test=GATE.format(here.format(folder)),
              dockerfile=f"FROM {IMAGE}\nWORKDIR {folder}\nCOPY app/ {folder}/\n")
        for folder in ("/workspace", "/root", "/srv/deep/project", "/opt/tool", "/home/user")
    ]  # fmt: skip
    relative = f"FROM {IMAGE}\nWORKDIR /work\nWORKDIR project\nCOPY app/ .\n"
    named = '[environment]\nworkdir = "/app/sub"\n'
    return [
        *cases,
        _case(kind, "relative", dockerfile=relative, test=GATE.format(here.format("/work/project"))),
        _case(kind, "named-in-the-toml", toml=named, test=GATE.format(here.format("/app/sub")),
              dockerfile=f"FROM {IMAGE}\nWORKDIR /app\nCOPY app/ /app/sub/\n"),
        _case(kind, "home-is-root", dockerfile=f"FROM {IMAGE}\nWORKDIR /root\nCOPY app/ .\n",
              test=GATE.format("[ -f ~/sorted.txt ]")),
    ]  # fmt: skip


def _built() -> list[Case]:
    kind = "image built by commands"
    run = f"FROM {IMAGE}\nWORKDIR /app\nCOPY app/ /app/\nRUN "
    source = f"FROM {IMAGE}\nWORKDIR /usr/src/app\nCOPY app/ .\n"
    return [
        _case(kind, "run-makes-a-file", dockerfile=run + "seq 3 > numbers\n", docker=True,
              test=GATE.format('[ "$(cat numbers | wc -l)" = 3 ] && ' + SORTED)),
        _case(kind, "run-installs-a-program", docker=True,
              dockerfile=run + "mkdir -p /usr/local/bin && printf '#!/bin/sh\\nsort \"$@\"\\n' > /usr/local/bin/order "
              "&& chmod 755 /usr/local/bin/order\nENV PATH=/usr/local/bin:/bin:/usr/bin\n",
              solve="#!/bin/bash\norder names.txt > sorted.txt\n"),
        _case(kind, "in-usr-src", dockerfile=source, docker=True,
              test=GATE.format('[ "$PWD" = /usr/src/app ] && ' + SORTED)),
        _case(kind, "copied-outside", docker=True, dockerfile=COPIED + "COPY app/names.txt /data/names.txt\n",
              test=GATE.format("[ -f /data/names.txt ] && " + SORTED)),
        _case(kind, "two-stages", docker=True,
              dockerfile=f"FROM {IMAGE} AS one\nRUN echo ada > /made\nFROM {IMAGE}\nWORKDIR /app\n"
              "COPY --from=one /made names.txt\n"),
        _case(kind, "ignored-files", docker=True, dockerfile=f"FROM {IMAGE}\nWORKDIR /app\nCOPY . .\n",
              files={"environment/.dockerignore": "secret\n", "environment/secret": "x"},
              test=GATE.format("[ ! -e secret ] && [ -f app/names.txt ]"), solve="#!/bin/bash\ntrue\n"),
    ]  # fmt: skip


def _ready() -> list[Case]:
    kind = "ready image"
    toml = f'[environment]\ndocker_image = "{READY}"\n'
    word = '[ "$PWD" = /data ] && [ "$(cat word)" = given ] && [ "$(cat out)" = given ]'
    solve = "#!/bin/bash\ncat word > out\n"
    return [
        _case(kind, "image-alone", toml=toml, dockerfile=None, docker=True, test=GATE.format(word), solve=solve),
        _case(kind, "image-before-copies", toml=toml, docker=True, test=GATE.format(word), solve=solve,
              dockerfile=f"FROM {IMAGE}\nWORKDIR /data\nCOPY app/names.txt word\n"),
        _case(kind, "image-and-files", toml=toml, dockerfile=None, docker=True, solve="#!/bin/bash\ncat more > out\n",
              files={"environment/more": "given\n"}, test=GATE.format(word)),
        _case(kind, "image-and-workdir", toml=toml + 'workdir = "/data/sub"\n', dockerfile=None, docker=True,
              files={"environment/names.txt": "b\nada\n"}, test=GATE.format('[ "$PWD" = /data/sub ] && ' + SORTED)),
        _case(kind, "image-before-dockerfile", toml=toml, docker=True, test=GATE.format(word), solve=solve,
              dockerfile=f"FROM {IMAGE}\nWORKDIR /data\nRUN echo built > word\n"),
    ]  # fmt: skip


def _reward_json() -> list[Case]:
    kind = "reward.json"
    written = {
        "json-one": ('{"reward": 1}', ONE),
        "json-partial": ('{"reward": 0.5}', {"reward": 0.5}),
        "json-several": ('{"reward": 0.75, "style": 0.25}', {"reward": 0.75, "style": 0.25}),
        "json-other-name": ('{"accuracy": 0.9}', {"accuracy": 0.9}),
        "json-several-unnamed": ('{"a": 1, "b": 0}', {"a": 1.0, "b": 0.0}),
        "json-true": ('{"reward": true}', ONE),
        "json-false": ('{"reward": false}', NOTHING),
        "json-twice": ('{"reward": 0, "reward": 1}', ONE),
        "json-nan": ('{"reward": NaN}', None),
        "json-too-large": ('{"reward": 1e309}', None),
        "json-text": ('{"reward": "1"}', None),
        "json-null": ('{"reward": null}', None),
        "json-nested": ('{"reward": {"a": 1}}', None),
        "json-one-bad-of-two": ('{"reward": 1, "b": [1]}', None),
        "json-number-alone": ("1", None),
        "json-list": ("[1]", None),
        "json-broken": ('{"reward": 1', None),
        "json-nothing-in-it": ("{}", {}),
    }
    return [
        _case(kind, name, rewards, test=WRITES.format(f"cat > /logs/verifier/reward.json <<'END'\n{text}\nEND"))
        for name, (text, rewards) in written.items()
    ]


def _reward_text() -> list[Case]:
    kind = "reward.txt"
    written: dict[str, tuple[str, Mapping[str, float] | None]] = {
        "text-spaces": ("  1.0 \\n\\t\\n", ONE),
        "text-partial": ("0.5", {"reward": 0.5}),
        "text-exponent": ("5e-1\\n", {"reward": 0.5}),
        "text-negative": ("-1\\n", {"reward": -1.0}),
        "text-carriage-return": ("1\\r\\n", ONE),
        "text-empty": ("", None),
        "text-blank": ("\\n", None),
        "text-word": ("pass\\n", None),
        "text-nan": ("nan\\n", None),
        "text-two": ("1 1\\n", None),
    }
    return [
        _case(kind, name, rewards, test=WRITES.format(f"printf -- '{text}' > /logs/verifier/reward.txt"))
        for name, (text, rewards) in written.items()
    ]


def _which_counts() -> list[Case]:
    kind = "exit code and both files"
    one, zero = "echo 1 > /logs/verifier/reward.txt", "echo 0 > /logs/verifier/reward.txt"
    json = """echo '{"reward": 0.5}' > /logs/verifier/reward.json"""
    return [
        _case(kind, "both-files", {"reward": 0.5}, test=WRITES.format(f"{one}\n{json}")),
        _case(kind, "empty-json-and-text", None, test=WRITES.format(f"{one}\n: > /logs/verifier/reward.json")),
        _case(kind, "nothing-and-exit-0", None, test=WRITES.format("exit 0")),
        _case(kind, "nothing-and-exit-1", None, test=WRITES.format("exit 1")),
        _case(kind, "one-and-exit-1", test=WRITES.format(f"{one}\nexit 1")),
        _case(kind, "zero-and-exit-0", NOTHING, test=WRITES.format(zero)),
        _case(kind, "reward-in-the-workspace", None,
              solve="#!/bin/bash\necho 1 > reward.txt\n", test=WRITES.format("exit 0")),
        _case(kind, "a-link-beside-it", {"reward": 0.25},
              test=WRITES.format("cd /logs/verifier\necho 0.25 > score\nln -s score reward.txt")),
    ]  # fmt: skip


def _scripts() -> list[Case]:
    kind = "how scripts are started"
    gate = GATE.format(SORTED)
    return [
        _case(kind, "gate-not-executable", plain=("tests/test.sh",)),
        _case(kind, "solution-not-executable", plain=("solution/solve.sh",)),
        _case(kind, "gate-with-carriage-returns", None, test=gate.replace("\n", "\r\n")),
        _case(kind, "solution-with-carriage-returns", NOTHING, solve=SOLVE.replace("\n", "\r\n")),
        _case(kind, "gate-without-first-line", test=gate.partition("\n")[2]),
        _case(kind, "gate-for-sh", test=gate.replace("/bin/bash", "/bin/sh")),
        _case(kind, "gate-by-env", test=gate.replace("/bin/bash", "/usr/bin/env bash")),
        _case(kind, "gate-that-stops-early", None, test="#!/bin/bash\nset -e\nfalse\n" + gate),
    ]


def _tests_folder() -> list[Case]:
    kind = "tests folder"
    deep = {"tests/lib/check.sh": 'check() { [ "$(head -n 1 "$1")" = "$(cat /tests/data/deep/first)" ]; }\n',
            "tests/data/deep/first": "ada\n"}  # fmt: skip
    return [
        _case(kind, "subfolders", files=deep,
              test="#!/bin/bash\n. /tests/lib/check.sh\n" + GATE.format("check sorted.txt").partition("\n")[2]),
        _case(kind, "writes-beside-itself", test="#!/bin/bash\nmkdir /tests/out && sort names.txt > /tests/out/s\n"
              + GATE.format("cmp -s /tests/out/s sorted.txt").partition("\n")[2]),
        _case(kind, "spaces-in-names", files={"tests/my data/first name": "ada\n"},
              test=GATE.format('[ "$(head -n 1 sorted.txt)" = "$(cat "/tests/my data/first name")" ]')),
        _case(kind, "changes-the-workspace", test="#!/bin/bash\ncp names.txt gone && rm names.txt\n"
              + GATE.format("[ -f gone ] && " + SORTED).partition("\n")[2]),
    ]  # fmt: skip


def _variables() -> list[Case]:
    kind = "variables"
    check = GATE.format('[ "$WORD $(cat word)" = "a b a b" ]')
    solve = '#!/bin/bash\necho "$WORD" > word\n'
    toml = '[environment.env]\nWORD = "a b"\n'
    return [
        _case(kind, "of-the-environment", toml=toml, test=check, solve=solve),
        _case(kind, "of-the-dockerfile", dockerfile=COPIED + 'ENV WORD="a b"\n', test=check, solve=solve),
        _case(kind, "toml-over-dockerfile", toml=toml, dockerfile=COPIED + "ENV WORD=other\n", test=check, solve=solve),
        _case(kind, "of-the-solution", toml='[solution.env]\nWORD = "s"\n', solve=solve,
              test=GATE.format('[ -z "$WORD" ] && [ "$(cat word)" = s ]')),
        _case(kind, "of-the-gate", toml='[verifier.env]\nWORD = "v"\n', solve=solve,
              test=GATE.format('[ "$WORD" = v ] && [ -z "$(cat word)" ]')),
        _case(kind, "with-a-default", toml='[environment.env]\nWORD = "${ONBOX_NOWHERE:-a b}"\n', test=check,
              solve=solve),
        _case(kind, "filled-in-within", toml='[environment.env]\nWORD = "x$ONBOX_NOWHERE$$y"\n',
              solve=solve, test=GATE.format("""[ "$(cat word)" = 'x$y' ]""")),
        _case(kind, "of-the-gate-as-it-is", toml='[verifier.env]\nWORD = "x$ONE"\n',
              test=GATE.format("""[ "$WORD" = 'x$ONE' ]""")),
    ]  # fmt: skip


def _oracle() -> list[Case]:
    kind = "oracle that fails"
    return [
        _case(kind, "does-nothing", NOTHING, solve="#!/bin/bash\ntrue\n"),
        _case(kind, "fails-after-its-work", solve=SOLVE + "exit 3\n"),
        _case(kind, "fails-before-its-work", NOTHING, solve=SOLVE.replace("sort", "false\nsort", 1)),
        _case(kind, "half-of-it", {"reward": 0.5}, solve="#!/bin/bash\necho 1 > one\n",
              test="#!/bin/bash\nn=0\n[ -f one ] && n=$((n + 1))\n[ -f two ] && n=$((n + 1))\n"
              'case $n in 0) r=0;; 1) r=0.5;; *) r=1;; esac\necho "$r" > /logs/verifier/reward.txt\n'),
    ]  # fmt: skip


def _limits() -> list[Case]:
    kind = "limits"
    late = WRITES.format("echo 1 > /logs/verifier/reward.txt\nsleep 60")
    return [
        _case(kind, "gate-too-slow", None, toml="[verifier]\ntimeout_sec = 4.0\n", test=late),
        _case(kind, "solution-too-slow", toml="[agent]\ntimeout_sec = 4.0\n", solve=SOLVE + "sleep 60\n"),
        _case(kind, "limits-that-hold", toml="[agent]\ntimeout_sec = 100.0\n[verifier]\ntimeout_sec = 100\n"),
    ]


def _toml() -> list[Case]:
    kind = "task.toml"
    return [
        _case(kind, "older-version", toml='version = "1.0"\n[metadata]\ndifficulty = "easy"\ntags = ["a"]\n'),
        _case(kind, "unknown-fields", toml="new = 1\n[environment]\nnewer = true\ncpus = 1\n[newest]\na = 1\n"),
        _case(kind, "name-with-a-slash", toml='[task]\nname = "org/my.task_1"\nversion = "7"\n'),
        _case(kind, "older-sizes", toml='[environment]\nmemory = "1G"\nallow_internet = true\n'),
        _case(kind, "root-by-name", toml='[agent]\nuser = "root"\n[verifier]\nuser = "root"\n'),
    ]


def _logs() -> list[Case]:
    kind = "/logs"
    return [
        _case(kind, "folders-exist", test=GATE.format("[ -d /logs/verifier ] && [ -d /logs/agent ] && " + SORTED)),
        _case(kind, "output-is-there", test="#!/bin/bash\necho told\n"
              + GATE.format("grep -q told /logs/verifier/test-stdout.txt").partition("\n")[2]),
        _case(kind, "more-files", test="#!/bin/bash\nmkdir -p /logs/verifier/x && echo 1 > /logs/verifier/x/y\n"
              + GATE.format(SORTED).partition("\n")[2]),
        _case(kind, "solution-finds-them", solve="#!/bin/bash\nset -e\n[ -d /logs/agent ]\n" + SOLVE),
    ]  # fmt: skip


def _refused() -> list[Case]:
    kind = "refused by name"
    step = {
        "steps/first/instruction.md": "Sort.",
        "steps/first/tests/test.sh": GATE.format(SORTED),
        "steps/first/solution/solve.sh": SOLVE,
    }
    compose = "services:\n  main:\n    environment:\n      A: b\n"
    nobody = '[verifier]\nuser = "nobody"\n'
    return [
        _case(kind, "compose", files={"environment/docker-compose.yaml": compose}, refused="several services"),
        _case(kind, "steps", toml='[[steps]]\nname = "first"\n', files=step, refused="several steps"),
        _case(kind, "another-user", toml=nobody, refused="verifier.user"),
        _case(kind, "separate-verifier", toml='artifacts = ["/app/sorted.txt"]\n[verifier]\n'
              'environment_mode = "separate"\n', refused="verifier.environment_mode"),
        _case(kind, "health-check", toml='[environment.healthcheck]\ncommand = "true"\n',
              refused="environment.healthcheck"),
        _case(kind, "workdir-root", docker=True, dockerfile=f"FROM {IMAGE}\nCOPY app/ /\nWORKDIR /\n",
              refused="its WORKDIR is /"),
    ]  # fmt: skip


def _no_tasks() -> list[Case]:
    kind = "no task in Harbor either"
    return [
        _case(kind, "name-without-slash", None, toml='[task]\nname = "plain"\n', refused="task.name", skipped=True),
        _case(kind, "version-is-a-number", None, toml="version = 1.0\n", refused="schema_version", skipped=True),
        _case(kind, "variable-is-a-number", None, toml="[environment.env]\nA = 1\n", refused="environment.env",
              skipped=True),
        _case(kind, "no-such-system", None, toml='[environment]\nos = "plan9"\n', refused="environment.os",
              skipped=True),
    ]  # fmt: skip


CASES = [
    *(_workspace() + _workdir() + _built() + _ready() + _reward_json() + _reward_text() + _which_counts()),
    *(_scripts() + _tests_folder() + _variables() + _oracle() + _limits() + _toml() + _logs()),
    *(_refused() + _no_tasks()),
]
