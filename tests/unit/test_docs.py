"""The project's words against its code: commands parse, examples validate, records and files are told as they are."""

import ast
import importlib
import inspect
import pkgutil
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
from pydantic import BaseModel
from tools import recipe_schema

from onbox import recipes
from onbox.bench.agents.template import read_template
from onbox.bench.assembly import assembled
from onbox.bench.tasks import BUILTIN, QUICK, load_tasks
from onbox.cli.main import COMMANDS, onbox
from onbox.engines import engine_by_name
from onbox.evidence import imported, records
from onbox.evidence.folder import TrialFolder
from onbox.evidence.manifest import NAME as MANIFEST
from onbox.judge import comparison_results, rates, results, speed_results
from onbox.judge.imports import trust
from onbox.judge.rule import RULES, Subject
from onbox.judge.runs.codes import CODES
from onbox.judge.speed.checks import HARD
from onbox.recipes.yaml_text import read_yaml
from onbox.schema import checks
from onbox.schema import recipe as recipe_module
from onbox.schema.recipe import build, container
from onbox.schema.recipe import weights as recipe_weights
from onbox.trial.arms import read_arms
from onbox.trial.plan import make_plan
from onbox.trial.spec import TrialSpec, values_of
from tests.unit.weights.checkpoints import write_gguf

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "onbox"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
WRITTEN_BY = (
    "evidence",
    "trial",
    "see/sight_session.py",
    "see/phase.py",
    "bench/runner.py",
    "speed",
    "launch",
    "app/sealing.py",
    "app/trials.py",
    "bench/workspace_archive.py",
    "app/regrade.py",
)
"""The modules that put files into an evidence folder."""
RECORD_MODULES = tuple(
    importlib.import_module(f"{records.__name__}.{found.name}") for found in pkgutil.iter_modules(records.__path__)
)
RECIPE_MODULES = (recipe_module, recipe_weights, container, build)
METADATA = {
    "general.architecture": "llama",
    "llama.block_count": 1,
    "llama.embedding_length": 64,
    "llama.attention.head_count": 2,
}
EVIDENCE_FILE = re.compile(r"[\w-]+\.(?:png|json|jsonl|yaml|prom|log|txt|patch|html|md|tar\.gz)")


def each_page(pages: list[Path] = PAGES) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in pages])


def text(page: Path) -> str:
    return page.read_text("utf-8")


def blocks(page: Path, *languages: str) -> list[str]:
    """The fenced blocks of a page in one of these languages."""
    return [body for language, body in FENCE.findall(text(page)) if language in languages]


def inline(page: Path) -> list[str]:
    """The code that stands in the lines of a page."""
    return INLINE.findall(FENCE.sub("", text(page)))


def table_rows(body: str) -> list[list[str]]:
    """The cells of each table row, headers and rules left out."""
    lines = [line for line in body.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def sections(page: Path) -> dict[str, str]:
    """The text below each heading whose title is one piece of code, by that code."""
    parts = re.split(r"^#+ (.+)$", text(page), flags=re.MULTILINE)
    titles = zip(parts[1::2], parts[2::2], strict=True)
    return {title.strip("`"): body for title, body in titles if re.fullmatch(r"`\w+`", title)}


NAMES = {(name,) for name in COMMANDS} | {("weights", "fetch"), ("task", "new"), ("task", "render")}


def shown_commands(page: Path) -> Iterator[list[str]]:
    """The words of every `onbox ...` that a page shows; a bare name in a sentence asks for that command's help."""
    shown = [(line.removeprefix("$ "), False) for body in blocks(page, "sh", "") for line in body.splitlines()]
    for line, in_sentence in shown + [(code, True) for code in inline(page)]:
        if line.startswith(("onbox ", ".venv/bin/onbox ")):
            words = shlex.split(line, comments=True)[1:]
            yield [*words, "--help"] if in_sentence and tuple(words) in NAMES else words


def complaint(words: list[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """What the parser says against a command; empty when it takes it. Nothing is done."""
    numbers = [re.sub(r"^(N|P|S|K|L|GB/S|TOK/S)$", "16", word) for word in words]
    with monkeypatch.context() as patch:
        # A group calls this before it goes on to its subcommand, so that all levels are parsed.
        patch.setattr(click.Command, "invoke", lambda self, context: None)
        try:
            onbox.main(numbers, prog_name="onbox", standalone_mode=False)
        except click.ClickException as error:
            return f"onbox {shlex.join(words)}: {error.format_message()}"
    return ""


@each_page()
def test_every_command_parses(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    complaints = [complaint(words, monkeypatch) for words in shown_commands(page)]
    assert [message for message in complaints if message] == []


def test_commands_are_found_and_bad_ones_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {words[0] for words in shown_commands(ROOT / "README.md")}
    assert {"trial", "judge", "fit", "speed", "audit"} <= found
    for words in (["judge", "DIR", "--fast"], ["judge"], ["jugde", "DIR"], ["speed", "URL", "--tokens", "many"]):
        assert complaint(words, monkeypatch)


def test_the_contract_lists_every_command_and_every_option_that_it_names() -> None:
    rows = [row for row in table_rows(text(ROOT / "docs" / "design.md")) if row[0].startswith("`onbox ")]
    now = [row for row in rows if row[0].strip("`").split()[1] in COMMANDS]
    assert {row[0].strip("`").split()[1] for row in now} == set(COMMANDS)
    for what, options, _ in now:
        command: click.Command | None = onbox
        for word in what.strip("`").split()[1:]:
            if isinstance(command, click.Group) and (word in COMMANDS or word in command.commands):
                command = command.get_command(click.Context(command), word)
        if isinstance(command, click.Group):
            command = command.commands["show"]
        assert command is not None
        known = {name for parameter in command.params for name in parameter.opts}
        assert "--json" in known
        assert {option.split()[0] for option in INLINE.findall(options)} <= known, what


@each_page()
def test_every_make_target_is_there(page: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", text(ROOT / "Makefile"), re.MULTILINE))
    lines = inline(page) + [line for body in blocks(page, "sh") for line in body.splitlines()]
    assert {line.split()[1] for line in lines if line.startswith("make ")} <= targets


@each_page()
def test_every_link_and_every_path_of_the_repository_is_there(page: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text(page)) if "://" not in link]
    for link in links:
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        if anchor:
            titles = re.findall(r"^#+ (.+)$", text(target), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}, link
    for path in re.findall(r"\b(?:src/onbox|tests|docs|\.ci)/[\w./-]*\w", text(page)):
        shown_in_a_task = path.startswith("tests/") and page.name == "tasks.md"
        assert shown_in_a_task or (ROOT / path).exists(), path


def test_the_one_test_that_contributing_runs_is_there() -> None:
    command = re.search(r"pytest (tests/\S+) -k (\w+)", text(ROOT / "CONTRIBUTING.md"))
    assert command is not None
    assert re.search(rf"def test_\w*{command[2]}", (ROOT / command[1]).read_text())


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model, a folder of tasks and one of an image, as the examples have them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    write_gguf(tmp_path / "models" / "new.gguf", METADATA, {"blk.0.ffn_up.weight": ("Q8_0", (64, 64))})
    (tmp_path / "llama-image").mkdir()
    (tmp_path / "llama-image" / "Dockerfile").write_text("FROM scratch\n")
    shutil.copytree(assembled(BUILTIN / "fill-json"), tmp_path / "my-tasks" / "fill-json")
    return tmp_path


@each_page()
def test_every_yaml_example_is_valid(page: Path, elsewhere: Path) -> None:
    for number, body in enumerate(blocks(page, "yaml")):
        path = elsewhere / f"{number}.yaml"
        path.write_text(body)
        if "contenders" in read_yaml(path):
            plan, _ = make_plan(TrialSpec(contenders=(str(path),)), sandbox="bubblewrap", read_gb_s=None)
            assert len(plan.contenders) == len(read_yaml(path)["contenders"])
            found = [contender.served for contender in plan.contenders]
        elif "arms" in read_yaml(path):
            assert read_arms(path)
            found = []
        elif "ability_margin" in read_yaml(path):
            assert values_of(path).must_see
            found = []
        elif "command" in read_yaml(path):
            assert read_template(str(path)) is not None
            found = []
        else:
            found = [recipes.load(str(path))]
        for recipe in found:
            assert engine_by_name(recipe.engine).name == recipe.engine


def test_there_are_yaml_examples() -> None:
    assert len(blocks(ROOT / "README.md", "yaml")) == 1
    assert len(blocks(ROOT / "docs" / "recipes.md", "yaml")) == 5


def test_the_library_lines_of_the_readme_run(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (lines,) = blocks(ROOT / "README.md", "python")
    exec(compile(lines, "README.md", "exec"), {})
    rate, verdict = capsys.readouterr().out.split()
    assert float(rate) > 0
    assert verdict in ("impossible", "at_ceiling", "below_ceiling", "not_bandwidth_bound")


def test_the_tasks_page_lists_the_builtin_tasks() -> None:
    rows = {row[0]: row[1] for row in table_rows(text(ROOT / "docs" / "tasks.md"))}
    families: dict[str, set[str]] = {}
    for task in load_tasks("builtin"):
        families.setdefault(task.family, set()).add(task.name)
    for family, names in families.items():
        assert names == {word for word in INLINE.findall(rows[family]) if not word.startswith("--")}
    assert families["small"] == set(QUICK)


def models_of(*modules: ModuleType) -> dict[str, Any]:
    """The models with fields that these modules define, by name."""
    found = [item for module in modules for item in inspect.getmembers(module, inspect.isclass)]
    names = {module.__name__ for module in modules}
    return {
        n: c
        for n, c in found
        if c.__module__ in names and (is_dataclass(c) or (issubclass(c, BaseModel) and c.model_fields))
    }


def fields_of(model: Any) -> list[str]:
    """Its fields by name, in their order."""
    return [each.name for each in fields(model)] if is_dataclass(model) else list(model.model_fields)


@pytest.mark.parametrize(
    ("page", "modules"),
    [
        pytest.param(
            "evidence.md", (*RECORD_MODULES, results, speed_results, rates, comparison_results, checks), id="evidence"
        ),
        pytest.param("recipes.md", RECIPE_MODULES, id="recipes"),
        pytest.param("formats.md", (imported, trust), id="formats"),
    ],
)
def test_every_record_is_documented_field_by_field(page: str, modules: tuple[ModuleType, ...]) -> None:
    result = sections(ROOT / "docs" / page)
    known = models_of(*modules)
    assert set(result) == set(known)
    for name, model in known.items():
        rows = [row for row in table_rows(result[name]) if row[0].startswith("`")]
        assert [row[0].strip("`") for row in rows] == fields_of(model), name
        assert all(row[-1] for row in rows), name


def test_every_default_of_a_recipe_is_documented() -> None:
    for name, body in sections(ROOT / "docs" / "recipes.md").items():
        fields = models_of(*RECIPE_MODULES)[name].model_fields
        for field, result, _ in (row for row in table_rows(body) if row[0].startswith("`")):
            default = fields[field.strip("`")].get_default(call_default_factory=True, validated_data={})
            if fields[field.strip("`")].is_required():
                wanted = "needed"
            elif default is None:
                wanted = "none"
            elif default in ("", {}, ()):
                wanted = "empty"
            elif isinstance(default, BaseModel):
                wanted = "defaults"
            else:
                wanted = f"{default}"
            assert result.strip("`") == wanted, f"{name}.{field}"


def files_that_the_code_writes() -> set[str]:
    """Every file name that stands as a text in the modules that write evidence."""
    found = {MANIFEST}
    for place in WRITTEN_BY:
        path = SOURCE / place
        for module in [path] if path.suffix else sorted(path.glob("*.py")):
            nodes = ast.walk(ast.parse(module.read_text("utf-8")))
            texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
            found |= {text for text in texts if EVIDENCE_FILE.fullmatch(text)}
    return found


def test_the_evidence_page_lists_every_file_that_is_written_and_no_other() -> None:
    page = ROOT / "docs" / "evidence.md"
    drawn = {Path(line.split()[0]).name for line in blocks(page, "")[0].splitlines()[1:] if "." in line.split()[0]}
    assert drawn == files_that_the_code_writes()
    named = {Path(code).name for code in inline(page) if EVIDENCE_FILE.fullmatch(Path(code).name)}
    assert named <= drawn


def test_the_drawn_paths_are_those_of_the_code(tmp_path: Path) -> None:
    folder = TrialFolder(tmp_path)
    run = folder.run_folder("CONTENDER", "TASK", "ARM", 1).relative_to(tmp_path / "CONTENDER").as_posix()
    drawn = blocks(ROOT / "docs" / "evidence.md", "")[0]
    assert f"{run.removesuffix('1')}N/run.json" in drawn


def test_every_failure_code_is_documented() -> None:
    rows = [
        row for row in table_rows(text(ROOT / "docs" / "judging.md")) if row[0].strip("`") in CODES and len(row) == 4
    ]
    record = {code.strip("`"): (outcome, cause, meaning) for code, outcome, cause, meaning in rows}
    assert record == {name: (code.outcome.value, code.cause.value, code.meaning) for name, code in CODES.items()}


def test_every_check_of_a_speed_is_documented() -> None:
    of_a_speed = {word for word, each in RULES.items() if each.subject is not Subject.TRIAL} - {"LEDGER"}
    names = {name for row in table_rows(text(ROOT / "docs" / "judging.md")) for name in row[0].split(", ")}
    assert of_a_speed >= HARD - {"LEDGER"}
    assert of_a_speed <= names


def test_the_published_schema_is_that_of_the_code() -> None:
    assert recipe_schema.PAGE.read_text() == recipe_schema.text(), "run tools/recipe_schema.py"


def test_every_check_of_a_launch_is_documented() -> None:
    files = [SOURCE / "launch" / "launch_checks.py", *SOURCE.glob("engines/*/launch_checks.py")]
    found = {name for path in files for name in re.findall(r'"(launch\.\w+)"', text(path))}
    rows = table_rows(text(ROOT / "docs" / "recipes.md"))
    assert {name for row in rows for name in INLINE.findall(row[0]) if name.startswith("launch.")} == found


def test_every_builtin_recipe_is_documented() -> None:
    rows = table_rows(text(ROOT / "docs" / "recipes.md"))
    names = {name for row in rows for name in INLINE.findall(row[0])}
    assert set(recipes.builtin_names()) <= names


@each_page()
def test_no_code_breaks_over_a_line(page: Path) -> None:
    assert [line for line in FENCE.sub("", text(page)).splitlines() if line.count("`") % 2] == []


@each_page()
def test_tables_have_as_many_cells_as_their_heads(page: Path) -> None:
    for table in re.findall(r"(?:^\|.*\n)+", text(page), re.MULTILINE):
        widths = {len(re.split(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1, table.splitlines()[0]
