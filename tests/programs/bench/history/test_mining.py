"""`onbox task from`: commits that came with tests become tasks that pass their audit; nothing else does."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from onbox.app.tasks import tasks_from
from onbox.bench.audit import audit
from onbox.bench.audit.admission import admit
from onbox.bench.gate import grade
from onbox.bench.history import deciding_tests
from onbox.bench.sandbox.choose import VARIABLE, choose
from onbox.bench.tasks import load_task, load_tasks
from onbox.bench.workspace import make_workspace
from onbox.cli.commands.task import command
from onbox.errors import BadSubjectError, UsageError
from tests.programs.bench.history import repositories
from tests.programs.bench.history.repositories import commit, git, new, slugs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], Path, dict[str, object]]:
    folder = tmp_path_factory.mktemp("history")
    repository, names = slugs(folder / "slugs")
    words = ["from", str(repository), "--to", str(folder / "tasks"), "--json"]
    done = CliRunner().invoke(command, words, catch_exceptions=False)
    return repository, names, folder / "tasks", json.loads(done.stdout)


def test_the_one_commit_with_a_deciding_test_is_kept(
    made: tuple[Path, list[str], Path, dict[str, object]],
) -> None:
    _, (first, second, third), folder, message = made
    assert message == {
        "looked_at": 3,
        "kept": [{"name": f"slugs-{third[:8]}-spaces-become-dashes-in-a-slug-12", "commit": third}],
        "dropped": [
            {"commit": second, "why": "changes no tests"},
            {"commit": first, "why": "nothing before it"},
        ],
    }
    assert [task.name for task in load_tasks(folder)] == [message["kept"][0]["name"]]  # type: ignore[index]


def test_the_task_has_the_tree_before_and_hides_the_tests(
    made: tuple[Path, list[str], Path, dict[str, object]],
) -> None:
    _, (_, _, third), folder, _ = made
    task = load_tasks(folder)[0]
    app = task.environment / "app"
    assert (app / "slugs.py").read_text() == repositories.SLUGS
    assert (app / "tests/test_slugs.py").read_text() == repositories.TEST
    assert "test_spaces" in (task.tests / "hidden/tests/test_slugs.py").read_text()
    assert not (app / ".git").exists()
    assert task.committed == "2023-11-14"
    wanted = json.loads((task.tests / "wanted.json").read_text())
    assert wanted["commit"] == third
    assert wanted["fail_to_pass"] == ["tests.test_slugs.Slugs.test_spaces"]
    assert wanted["pass_to_pass"] == ["tests.test_slugs.Slugs.test_lower", "tests.test_slugs.Slugs.test_words"]


def test_the_reference_is_what_the_tests_need_and_no_more(
    made: tuple[Path, list[str], Path, dict[str, object]],
) -> None:
    task = load_tasks(made[2])[0]
    patch = (task.solution / "reference.patch").read_text()
    assert '+    return title.lower().replace(" ", "-")' in patch
    assert "NOTE" not in patch
    assert "README" not in patch
    assert "NOTE" in (task.solution / "files/upstream/slugs.py").read_text()


def test_the_instruction_says_what_and_not_how(made: tuple[Path, list[str], Path, dict[str, object]]) -> None:
    text = load_tasks(made[2])[0].instruction
    assert "Spaces become dashes in a slug\n" in text
    assert "made an address with a space in it" in text
    assert "`slugs.py` (+1 -1 lines)" in text
    assert "`tests.test_slugs.Slugs.test_spaces`" in text
    for hidden in ("replace(", "Signed-off-by", "#12", "```"):
        assert hidden not in text


def test_a_trial_need_not_audit_it_again(made: tuple[Path, list[str], Path, dict[str, object]]) -> None:
    audited: list[str] = []
    admit(load_tasks(made[2]), choose(), audited.append)
    assert audited == []


def test_the_task_passes_its_audit_and_an_easy_gate_would_not(
    made: tuple[Path, list[str], Path, dict[str, object]], tmp_path: Path
) -> None:
    task = load_tasks(made[2])[0]
    found = audit(task, choose())
    assert found.missed == ()
    assert found.open_to_cheating
    assert "in one process" in found.why_open
    kinds = {end.probe.split(":")[0].split("/")[0] for end in found.probes}
    assert {"oracle", "nothing done", "variants", "wrong", "cheat", "attack"} <= kinds

    copy = tmp_path / task.name
    shutil.copytree(task.path, copy)
    wanted = json.loads((copy / "tests/wanted.json").read_text())
    wanted["fail_to_pass"] = []
    (copy / "tests/wanted.json").write_text(json.dumps(wanted))
    assert any(end.probe.startswith("nothing done") for end in audit(load_task(copy), choose()).missed)


FORGED = """
import unittest
def run(self, result=None):
    result.startTest(self)
    result.addSuccess(self)
    result.stopTest(self)
unittest.TestCase.run = run
"""


def test_code_that_knows_the_runner_forges_its_result_which_is_why_the_audit_says_so(
    made: tuple[Path, list[str], Path, dict[str, object]], tmp_path: Path
) -> None:
    task, sandbox = load_tasks(made[2])[0], choose()
    make_workspace(task, tmp_path / "app")
    undone = grade(task, tmp_path / "app", "", sandbox)
    assert undone.exit_code == 1
    code = tmp_path / "app" / "slugs.py"
    code.write_text(FORGED + code.read_text())
    assert grade(task, tmp_path / "app", "", sandbox).reason == "PASS"
    assert task.judges_apart
    assert task.tests_beside_code


def test_under_sandlock_the_same_task_is_made(
    made: tuple[Path, list[str], Path, dict[str, object]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository, names, folder, _ = made
    monkeypatch.setenv(VARIABLE, "sandlock")
    result = tasks_from(repository, tmp_path / "tasks")
    assert [end.commit for end in result.kept] == names[2:]
    for name in ("tests/wanted.json", "solution/reference.patch", "instruction.md"):
        one, other = load_tasks(folder)[0].path / name, load_tasks(tmp_path / "tasks")[0].path / name
        assert one.read_text() == other.read_text()


def test_a_commit_whose_tests_pass_by_chance_is_dropped(tmp_path: Path) -> None:
    repository = new(tmp_path / "flaky")
    test = "import os, unittest\nfrom one import one\n\n\nclass One(unittest.TestCase):\n    def test_one(self):\n"
    commit(repository, "start", {"one.py": "def one():\n    return 0\n", "tests/test_one.py": test + "        one()\n"})
    chance = test + "        self.assertEqual(one(), 1)\n        self.assertLess(os.urandom(1)[0], 100)\n"
    commit(repository, "one is one", {"one.py": "def one():\n    return 1\n", "tests/test_one.py": chance})
    with pytest.raises(BadSubjectError, match="none of 2 commits makes a task"):
        tasks_from(repository, tmp_path / "tasks").check()


@pytest.mark.parametrize("change", ["Tests only", "Nothing that a test sees"])
def test_commits_that_tests_do_not_decide_are_dropped(tmp_path: Path, change: str) -> None:
    repository, _ = slugs(tmp_path / "slugs")
    files = {"tests/test_slugs.py": repositories.TEST + repositories.SPACES + "        slug('')\n"}
    if change == "Nothing that a test sees":
        files["slugs.py"] = (repository / "slugs.py").read_text() + "\nOTHER = 2\n"
    name = commit(repository, change, files)
    result = tasks_from(repository, tmp_path / "tasks", commits=1)
    why = {
        "Tests only": "changes nothing but tests, set-up and words",
        "Nothing that a test sees": "no test that fails before passes after",
    }[change]
    assert [(end.commit, end.why) for end in result.dropped] == [(name, why)]


def test_of_a_slow_suite_the_gate_runs_what_decides(tmp_path: Path) -> None:
    repository = new(tmp_path / "slow")
    test = "import time, unittest\nfrom one import one\n\n\nclass One(unittest.TestCase):\n"
    test += "    def test_slow(self):\n        begun = time.process_time()\n"
    test += "        while time.process_time() < begun + 2:\n            one()\n"
    commit(repository, "start", {"one.py": "def one():\n    return 0\n", "tests/test_one.py": test})
    decides = test + "\n    def test_one(self):\n        self.assertEqual(one(), 1)\n"
    commit(repository, "One is one", {"one.py": "def one():\n    return 1\n", "tests/test_one.py": decides})
    result = tasks_from(repository, tmp_path / "tasks")
    assert [end.fail_to_pass for end in result.kept] == [1], result.dropped
    wanted = json.loads((load_tasks(tmp_path / "tasks")[0].tests / "wanted.json").read_text())
    # The slow one passes before and after, and is left out.
    assert wanted["request"]["only"] == wanted["fail_to_pass"] == ["test_one.One.test_one"]
    assert wanted["pass_to_pass"] == []


def test_a_commit_of_which_one_test_never_ends_before_is_kept_with_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deciding_tests, "BEFORE_MIN_S", 3.0)
    repository = new(tmp_path / "endless")
    test = "import unittest\nfrom one import one\n\n\nclass One(unittest.TestCase):\n"
    commit(
        repository,
        "start",
        {"one.py": "def one(x):\n    while x:\n        pass\n", "tests/test_one.py": test + "    pass\n"},
    )
    test += "    def test_some(self):\n        self.assertEqual(one(1), 1)\n"
    test += "\n    def test_none(self):\n        self.assertEqual(one(0), 1)\n"
    commit(repository, "One is one", {"one.py": "def one(x):\n    return 1\n", "tests/test_one.py": test})
    result = tasks_from(repository, tmp_path / "tasks")
    assert [end.fail_to_pass for end in result.kept] == [1], result.dropped
    task = load_tasks(tmp_path / "tasks")[0]
    wanted = json.loads((task.tests / "wanted.json").read_text())
    assert wanted["request"]["only"] == wanted["fail_to_pass"] == ["test_one.One.test_none"]


def test_a_commit_whose_set_up_of_tests_does_not_load_before_is_kept(tmp_path: Path) -> None:
    repository = new(tmp_path / "begun")
    test = "import pytest\nfrom one import one\n\n\ndef test_one():\n    assert one() == 0\n"
    commit(repository, "start", {"one.py": "def one():\n    return 0\n", "tests/test_one.py": test})
    fixture = "import pytest\nfrom one import start\n\n\n@pytest.fixture\ndef begun():\n    return start(2)\n"
    files = {
        "one.py": "def one():\n    return 0\n\n\ndef start(n):\n    return n + 1\n",
        "tests/conftest.py": fixture,
        "tests/test_one.py": test + "\n\ndef test_begun(begun):\n    assert begun == 3\n",
    }
    commit(repository, "Something can be started", files)
    result = tasks_from(repository, tmp_path / "tasks")
    assert [end.fail_to_pass for end in result.kept] == [2], result.dropped
    text = load_tasks(tmp_path / "tasks")[0].instruction
    assert "`start(n)`" in text
    assert "cannot import name 'start' from 'one'" in text


def test_a_large_commit_makes_a_task_of_each_piece(tmp_path: Path) -> None:
    repository = new(tmp_path / "large")
    old = "".join(f"def f{n}():\n    return 0\n\n\n" for n in range(14))
    test = "import unittest\nimport one\n\n\nclass {}(unittest.TestCase):\n    def test_zero(self):\n        pass\n"
    files = {f"tests/test_{name}.py": test.format(name.title()) for name in ("left", "right")}
    commit(repository, "start", {"one.py": old, "README.md": "One.\n", **files})
    needs = {"left": (3,), "right": (5, 7)}
    for name, numbers in needs.items():
        wanted = "".join(f"        self.assertEqual(one.f{n}(), 1)\n" for n in numbers)
        files[f"tests/test_{name}.py"] += f"\n    def test_{name}(self):\n{wanted}"
    commit(
        repository, "Many things", {"one.py": old.replace("return 0", "return 1"), "README.md": "One, anew.\n", **files}
    )
    result = tasks_from(repository, tmp_path / "tasks")
    assert [end.name.rpartition("-")[2] for end in result.kept] == ["left", "right"], result.dropped
    for task in load_tasks(tmp_path / "tasks"):
        numbers = needs[task.name.rpartition("-")[2]]
        changed = (task.solution / "files/least/one.py").read_text()
        assert [n for n in range(14) if f"def f{n}():\n    return 1\n" in changed] == list(numbers)
        assert "Only a part of it is wanted" in task.instruction


def test_a_commit_whose_pieces_take_long_to_find_gives_what_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onbox.bench.history.commit_tasks.PIECES_S", 0.0)
    repository = new(tmp_path / "long")
    old = "".join(f"def f{n}():\n    return 0\n\n\n" for n in range(14))
    commit(repository, "start", {"one.py": old})
    test = "import unittest\nimport one\n\n\nclass Some(unittest.TestCase):\n    def test_some(self):\n"
    files = {f"tests/test_{n}.py": f"{test}        self.assertEqual(one.f{n}(), 1)\n" for n in (3, 5, 7)}
    commit(repository, "Many things", {"one.py": old.replace("return 0", "return 1"), **files})
    result = tasks_from(repository, tmp_path / "tasks")
    assert [end.name.rpartition("-")[2] for end in result.kept] == ["3"], result.dropped


def test_pieces_that_need_one_new_module_are_one_task(tmp_path: Path) -> None:
    """Each needs a line of its own beside it; three such tasks would count the same work three times."""
    repository = new(tmp_path / "module")
    old = "".join(f"def f{n}():\n    return 0\n\n\n" for n in range(14))
    commit(repository, "start", {"one.py": old})
    test = "import unittest\nimport more\nimport one\n\n\nclass {0}(unittest.TestCase):\n    def test_{0}(self):\n"
    check = "        self.assertEqual((one.f{}(), more.size()), (1, 20))\n"
    files = {f"tests/test_{name}.py": test.format(name) + check.format(n) for name, n in (("left", 3), ("right", 5))}
    more = "PLACES = [\n" + "".join(f"    {n},\n" for n in range(20)) + "]\n\n\ndef size():\n    return len(PLACES)\n"
    commit(repository, "Many things", {"one.py": old.replace("return 0", "return 1"), "more.py": more, **files})
    result = tasks_from(repository, tmp_path / "tasks")
    assert [end.name.rpartition("-")[2] for end in result.kept] == ["left"], result.dropped


@pytest.mark.node
def test_node_runs_its_own_tests(tmp_path: Path) -> None:
    repository = new(tmp_path / "spans")
    test = 'import test from "node:test";\nimport assert from "node:assert";\nimport { size } from "../size.mjs";\n'
    first = test + 'test("one", () => assert.equal(size([1]), 1));\n'
    commit(repository, "start", {"size.mjs": "export const size = (x) => x.length;\n", "test/size.test.mjs": first})
    second = first + 'test("nothing", () => assert.equal(size(null), 0));\n'
    body = "export const size = (x) => (x ? x.length : 0);\n"
    commit(repository, "The size of nothing is zero", {"size.mjs": body, "test/size.test.mjs": second})
    result = tasks_from(repository, tmp_path / "tasks")
    assert [end.fail_to_pass for end in result.kept] == [1]
    task = load_tasks(tmp_path / "tasks")[0]
    assert task.needs == ("node",)


@pytest.mark.skipif(shutil.which("go") is None, reason="needs go (apt install golang-go)")
def test_go_runs_its_own_tests(tmp_path: Path) -> None:
    repository = new(tmp_path / "gosize")
    test = 'package size\n\nimport "testing"\n'
    test += '\nfunc TestOne(t *testing.T) {\n\tif Size("a") != 1 {\n\t\tt.Fatal()\n\t}\n}\n'
    code = "package size\n\nfunc Size(text string) int {\n\treturn len(text)\n}\n"
    commit(repository, "start", {"go.mod": "module size\n\ngo 1.19\n", "size.go": code, "size_test.go": test})
    more = test + '\nfunc TestRunes(t *testing.T) {\n\tif Size("é") != 1 {\n\t\tt.Fatal()\n\t}\n}\n'
    runes = code.replace("len(text)", "len([]rune(text))")
    commit(repository, "Count letters, not bytes", {"size.go": runes, "size_test.go": more})
    result = tasks_from(repository, tmp_path / "tasks")
    assert [end.fail_to_pass for end in result.kept] == [1], result.dropped


def test_a_folder_that_is_there_is_not_written_to(tmp_path: Path) -> None:
    repository, _ = slugs(tmp_path / "slugs")
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "mine").write_text("")
    with pytest.raises(UsageError, match="is there already"):
        tasks_from(repository, tmp_path / "tasks")
    assert git(repository, "status", "--porcelain") == ""
