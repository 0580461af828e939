"""Every command shows what others wrote as text: no markup is read, and nothing but text reaches the terminal.

Each command runs with what its use case really gives, in which every free text was replaced by a hostile one.
"""

import copy
import dataclasses
import enum
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click import Context, Group
from click.testing import CliRunner
from pydantic import BaseModel

from onbox.app import (
    audit,
    bench,
    box,
    doctor,
    exporting,
    fetching,
    fit,
    image_builds,
    images,
    importing,
    judging,
    preflight,
    regrade,
    sealing,
    see,
    selftest,
    serving,
    sources,
    speed,
    tasks,
    trials,
    viewing,
    watching,
)
from onbox.bench.audit import TaskAudit
from onbox.bench.audit.subject import ProbeEnd
from onbox.bench.history.commit_tasks import DroppedCommit, MinedTask
from onbox.bench.tasks import load_tasks
from onbox.cli.main import COMMANDS, onbox, run
from onbox.errors import OnboxError
from onbox.evidence.records import GateEnd, Phase, Preflight, PreflightCase, RegradedRun
from onbox.image.build import BuildResult
from onbox.image.compare import RouteTime
from onbox.image.fetch import ImageProgress
from onbox.image.load import LoadProgress
from onbox.image.routes import DaemonRoute, Setting
from onbox.image.seal import Seal
from onbox.image.store import FetchedImage
from onbox.judge.results import SightRate, SightResult, SightTrial, Verdict
from onbox.launch.started_engines import StopResult, UpEngine, UpRecord
from onbox.schema.checks import Check, Status
from onbox.trial import events
from tests.unit.weights.checkpoints import gpt_oss, write_model
from tests.verdicts import build_verdict, measurement

HOSTILE = "\x1b]0;owned\x07\x1b[5;31m[/bold][red]x[/]\u202e\x9b2J\x00\ud800\r\n\x1b[H"
SHOWN = "[/bold][red]x[/]"
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
URL = "http://127.0.0.1:1/v1"
WATCH = watching.watch_startup
DATA = Path(__file__).parents[1] / "data" / "others"


def poisoned(value: Any, hint: Any = None) -> Any:
    """A copy in which every free text is hostile; words of a closed list stay."""
    options = [each for each in _options(hint) if each is not type(None)]
    if any(typing.get_origin(each) is typing.Literal for each in options) or isinstance(value, enum.Enum):
        return value
    if isinstance(value, str):
        return HOSTILE + value
    if hasattr(value, "_fields"):
        hints = _hints(type(value))
        return type(value)(*(poisoned(each, hints.get(name)) for name, each in zip(value._fields, value, strict=True)))
    if isinstance(value, tuple | list):
        inner = [argument for each in options for argument in typing.get_args(each) if argument is not Ellipsis]
        return type(value)(poisoned(each, inner[0] if inner else None) for each in value)
    if isinstance(value, Mapping):
        inner = [typing.get_args(each)[1] for each in options if len(typing.get_args(each)) == 2]
        return {key: poisoned(each, inner[0] if inner else None) for key, each in value.items()}
    if isinstance(value, BaseModel):
        hints = _hints(type(value))
        changed = {name: poisoned(getattr(value, name), hints.get(name)) for name in type(value).model_fields}
        return value.model_copy(update=changed)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        hints, twin = _hints(type(value)), copy.copy(value)
        for field in dataclasses.fields(value):
            object.__setattr__(twin, field.name, poisoned(getattr(value, field.name), hints.get(field.name)))
        return twin
    return value


def _options(hint: Any) -> list[Any]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return [option for each in typing.get_args(hint) for option in _options(each)]
    return [hint]


def _hints(kind: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(kind)
    except NameError:
        return {}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_model(tmp_path_factory.mktemp("model"), *gpt_oss(24, 32), shards=2))


def verdict() -> Verdict:
    found: Verdict = poisoned(build_verdict())
    return found


def up_engine() -> UpEngine:
    phase = Phase(name="load", seconds=1.0)
    record = UpRecord.model_construct(
        name="mine", url=URL, host="127.0.0.1", port=1, engine="vllm", folder="/x", started_at="2026-01-01T00:00:00Z",
        again=(), phases=(phase,), backend={}, container=None, reserve_bytes=1, plan_bytes=1,
    )  # fmt: skip
    return UpEngine(poisoned(record), {"state": "serving", "how": HOSTILE})


def trial_events(show: Callable[[events.Event], None]) -> None:
    """One of each."""
    plan = events.PlanShown("t", ("c",), ("k",), ("baseline",), 1, 1.0, 1, 1, "basis")
    for event in (
        plan,
        events.ContenderStarted("c", "incumbent", 1, 1),
        events.PhaseStarted("c", "load"),
        events.PhaseEnded("c", "load", 1.0),
        events.FetchProgress("n", 1, 2, "s"),
        events.SpeedMeasured("c", 1.0, "valid"),
        events.RunStarted("c", "k", "baseline", 1, 1),
        events.RunEnded("c", "k", "baseline", 1, "passed", "PASS", 1.0),
        events.ContenderFailed("c", "why"),
        events.ContenderStopped("c", "how"),
        events.Note("text"),
    ):
        show(poisoned(event))


def stood_up(*_: Any, show: Callable[[events.Event], None], **__: Any) -> UpEngine:
    trial_events(show)
    return up_engine()


def trial_result(*_: Any, show: Callable[[events.Event], None], **__: Any) -> trials.TrialResult:
    trial_events(show)
    return trials.TrialResult(Path("trials/x"), verdict(), ())


def speed_result(*_: Any, show: Callable[[events.Event], None], **__: Any) -> speed.SpeedResult:
    trial_events(show)
    return speed.SpeedResult(Path("trials/x"), poisoned(measurement(25.0)))


def preflight_result(*_: Any, show: Callable[[PreflightCase], None], **__: Any) -> preflight.PreflightResult:
    case = PreflightCase(name="tool_call", status="fail", detail="no call", remedy="--jinja")
    show(poisoned(case))
    return preflight.PreflightResult(
        Path("x"), HOSTILE, Preflight(cases=(poisoned(case),), tools=False, requests=1, seconds=1.0)
    )


def audited(*_: Any, tell: Callable[[str], None], **__: Any) -> list[TaskAudit]:
    tell(HOSTILE)
    end = ProbeEnd(HOSTILE, "pass", "fail", HOSTILE)
    return [TaskAudit(HOSTILE, True, (end,), True, HOSTILE), TaskAudit(HOSTILE, False, (end,))]


def regraded(*_: Any, tell: Callable[[str], None], **__: Any) -> regrade.RegradeResult:
    tell(HOSTILE)
    gate = GateEnd.model_construct(exit_code=0, reason=HOSTILE, seconds=1.0, sha256="x")
    run = RegradedRun.model_construct(
        contender=HOSTILE,
        task=HOSTILE,
        arm=HOSTILE,
        n=1,
        was=gate,
        now=None,
        why=HOSTILE,
        code_was="PASS",
        code_now="X",
    )
    return regrade.RegradeResult(Path("x"), (run,))


def sight_result(*_: Any, show: Callable[[events.Event], None], **__: Any) -> see.SeeResult:
    trial_events(show)
    trial = SightTrial(
        n=1, kind="digits", control="", width=768, height=512, expected=("4711",), found=0, outcome="not read",
        answer="no", note="note", prompt_tokens=19, image="vision/1/image.png",
    )  # fmt: skip
    rate = SightRate(width=768, height=512, read=0, valid=1, interval=(0.0, 0.9))
    found = SightResult(
        sees=False, reason="ignored", detail="detail", advice="advice", missing=("what",), rates=(rate,),
        controls="controls", trials=(trial,),
    )  # fmt: skip
    return see.SeeResult(Path("trials/x"), poisoned(found), unfixed=HOSTILE)


def seal() -> Seal:
    found: Seal = poisoned(
        Seal(
            recipe="r", reference="i:1", sealed="i:2", inputs={}, inputs_sha256="0", image_id="sha256:0",
            arch=("sm_121",), digest="sha256:1", program="docker",
        )
    )  # fmt: skip
    return found


def fetched_image(*_: Any, tell: Callable[[str], None], on_progress: Callable[..., None], **__: Any) -> FetchedImage:
    tell(HOSTILE)
    on_progress(ImageProgress(HOSTILE, 1, 2, 1.0, 1.0, HOSTILE))
    found = FetchedImage(reference="i:1", digest="d", index_digest="", config_digest="c", platform="p", size_bytes=1)
    return found.model_copy(update={"local_name": HOSTILE, "loaded_into": HOSTILE, "route": HOSTILE})


def built_image(*_: Any, tell: Callable[[str], None], on_progress: Callable[..., None], **__: Any) -> BuildResult:
    tell(HOSTILE)
    on_progress(ImageProgress(HOSTILE, 1, 2, 1.0, 1.0, HOSTILE))
    return BuildResult(seal(), False, (HOSTILE,), 1.0, None)


def loaded_image(*_: Any, on_loading: Callable[[LoadProgress], None], **__: Any) -> Seal:
    on_loading(LoadProgress(1, True, HOSTILE))
    return seal()


def diagnosis() -> images.Diagnosis:
    setting = Setting(where="w", variable="v", value="x", decides=True, note="n")
    route = DaemonRoute("docker", "http://p:1", "", "", (setting,), {9050: HOSTILE}, {"curl": HOSTILE})
    measured = (RouteTime("direct", 1, 1.0, 1.0), RouteTime("p", 0, 1.0, None, "problem"))
    found: images.Diagnosis = poisoned(images.Diagnosis(route, "i:1", measured, "p", "would", "privacy"))
    return found


def mined(*_: Any, tell: Callable[[str], None], **__: Any) -> tasks.MinedTasks:
    tell(HOSTILE)
    kept = MinedTask.__new__(MinedTask)
    for field in dataclasses.fields(MinedTask):
        object.__setattr__(kept, field.name, HOSTILE)
    return tasks.MinedTasks(Path("x"), 2, (kept,), (DroppedCommit(HOSTILE, HOSTILE),))


class Listening:
    """In the place of a server of pages."""

    url = HOSTILE

    def serve(self) -> None:
        raise KeyboardInterrupt


def frames(_: watching.WatchSpec) -> Iterator[watching.WatchFrame]:
    for number, frame in enumerate(WATCH(watching.WatchSpec(replay=Path("deadlock")))):
        if number > 30:
            return
        yield dataclasses.replace(poisoned(frame), echo=True, lines=(HOSTILE,))


Patch = tuple[Any, str, Callable[..., Any]]
Cases = dict[str, list[tuple[list[str], list[Patch]]]]


def give(value: Any) -> Callable[..., Any]:
    return lambda *_, **__: value


def poisoned_trial(folder: Any) -> Any:
    return types.SimpleNamespace(path=folder)


def cases(model: str, tmp: Path) -> Cases:
    """For each command: arguments, and what stands in the place of its use cases."""
    doubt = Check("x", Status.WARN, "seen", None, "unit", "evidence", "hint")
    described = dataclasses.replace(box.describe_box(measure=False), checks=(doubt,))
    fitted = fit.fit_weights(model, nominal_gb_s=273, measured_tok_s=59.5)
    (task,) = load_tasks("builtin", ["fill-json"])
    (shape,) = selftest.run_selftest(["refused"])
    imported = importing.import_records("llama-benchy", [DATA / "llama-benchy.json"], tmp / "imported")
    finding = Check("sandbox", Status.FAIL, "none", None, hint="install one")
    gone = StopResult.__new__(StopResult)
    for field in dataclasses.fields(StopResult):
        object.__setattr__(gone, field.name, (HOSTILE,) if field.name == "shared_memory" else True)
    plan = (trials, "plan_trial", give(poisoned_trial(Path("x"))))
    observation = poisoned(images.verify_container_image("/bin/true"))
    folder = Path(HOSTILE.replace("\x00", ""))
    listed = poisoned(image_builds.ListedImage("n", "sealed", 1, ("a",), "2026", True, ("u",), "r"))
    (tmp / "x.tar").write_bytes(b"")
    two = (poisoned(task), poisoned(task))
    return {
        "trial": [(["trial", URL], [plan, (trials, "run_trial", trial_result)])],
        "box": [(["box", "--no-measure"], [(box, "describe_box", give(poisoned(described)))])],
        "weights": [
            (["weights", "show", model], [(sources, "read_weights", give(poisoned(sources.read_weights(model))))]),
            (
                ["weights", "fetch", model, "--to", "x"],
                [(fetching, "fetch_weights", give(poisoned(fetching.fetch_weights(model, model))))],
            ),
        ],
        "fit": [(["fit", model], [(fit, "fit_weights", give(poisoned(fitted)))])],
        "speed": [(["speed", URL], [(speed, "measure_speed", speed_result)])],
        "doctor": [(["doctor"], [(doctor, "examine_box", give((poisoned(finding),)))])],
        "see": [(["see", URL], [(see, "see_model", sight_result)])],
        "view": [(["view", "x"], [(viewing, "open_view", give(Listening()))])],
        "selftest": [(["selftest"], [(selftest, "run_selftest", give([poisoned(shape)]))])],
        "preflight": [(["preflight", URL], [(preflight, "check_server", preflight_result)])],
        "bench": [(["bench", URL], [(bench, "run_bench", trial_result)])],
        "image": [
            (["image", "verify", "x"], [(images, "verify_container_image", give(observation))]),
            (["image", "diagnose", "x"], [(images, "diagnose_images", give(diagnosis()))]),
            (["image", "fetch", "x"], [(images, "fetch_container_image", fetched_image)]),
            (["image", "build", "x"], [(image_builds, "build_container_image", built_image)]),
            (["image", "list"], [(image_builds, "list_container_images", give((listed,)))]),
            (["image", "export", "x", str(tmp / "x.tar")], [(image_builds, "export_container_image", give(seal()))]),
            (["image", "import", "x"], [(image_builds, "import_container_image", loaded_image)]),
        ],
        "up": [(["up", "smollm2-135m"], [(serving, "stand_up", stood_up)])],
        "down": [(["down", "x"], [(serving, "stop_engine", give((up_engine(), gone)))])],
        "ps": [(["ps"], [(serving, "running_engines", give([up_engine()]))])],
        "watch": [(["watch", "--pid", "1"], [(watching, "watch_startup", frames)])],
        "audit": [(["audit"], [(audit, "audit_tasks", audited)])],
        "task": [
            (["task", "render", "x"], [(tasks, "render_task", give(two))]),
            (["task", "new", HOSTILE.replace("\x00", "").replace("\ud800", "")], [(tasks, "new_task", give(two[0]))]),
            (["task", "from", "x", "--to", "y"], [(tasks, "tasks_from", mined)]),
        ],
        "regrade": [(["regrade", "x"], [(regrade, "regrade_trial", regraded)])],
        "judge": [
            (
                ["judge", "x"],
                [
                    (judging, "judge_trial", give(verdict())),
                    (sealing, "changes_since_sealed", give([(HOSTILE, HOSTILE)])),
                ],
            )
        ],
        "report": [(["report", "x"], [(sealing, "rewrite_reports", give(folder))])],
        "verify": [
            (
                ["verify", HOSTILE.replace("\x00", "").encode("utf-8", "replace").decode()],
                [(judging, "verify_trial", give(judging.Verification(folder, ())))],
            )
        ],
        "import": [(["import", "k", "f", "--out", "x"], [(importing, "import_records", give(poisoned(imported)))])],
        "export": [
            (
                ["export", "x", "--to", "csv"],
                [(exporting, "export_trial", give(exporting.ExportResult(folder, (HOSTILE,))))],
            )
        ],
    }


@pytest.fixture(scope="module")
def walked(model: str, tmp_path_factory: pytest.TempPathFactory) -> Cases:
    return cases(model, tmp_path_factory.mktemp("walked"))


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Each command that does something, by its words."""
    if not isinstance(command, Group):
        yield path
        return
    context = Context(command)
    for name in command.list_commands(context):
        yield from leaves(command.get_command(context, name), (*path, name))


def test_every_command_is_walked(walked: Cases) -> None:
    assert set(walked) == set(COMMANDS)
    ways = [tuple(arguments) for each in walked.values() for arguments, _ in each]
    missed = [words for words in leaves(onbox) if not any(way[: len(words)] == words for way in ways)]
    assert missed == []


@pytest.mark.parametrize("command", COMMANDS)
def test_what_others_wrote_is_shown_as_text(command: str, walked: Cases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "2000")
    for arguments, patches in walked[command]:
        with monkeypatch.context() as patched:
            for module, name, replacement in patches:
                patched.setattr(module, name, replacement)
            done = CliRunner().invoke(onbox, arguments)
        assert done.exception is None or isinstance(done.exception, OnboxError | SystemExit), done.exc_info
        assert FORBIDDEN.search(done.output) is None, repr(FORBIDDEN.search(done.output))
        assert SHOWN in done.output, done.output


def test_an_error_is_shown_as_text(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise OnboxError(HOSTILE, HOSTILE)

    monkeypatch.setattr(judging, "judge_trial", fails)
    with pytest.raises(SystemExit):
        run(["judge", "x"])
    error = capsys.readouterr().err
    assert FORBIDDEN.search(error) is None
    assert error.count(SHOWN) == 2


@pytest.mark.parametrize("name", ["[/bold]", "[red]x", "\x1b[31mx", ":smile:"])
def test_an_architecture_with_markup_in_its_name(name: str, tmp_path: Path) -> None:
    """It ended in a traceback."""
    shapes, config = gpt_oss(24, 32)
    folder = write_model(tmp_path / "model", shapes, {**config, "model_type": name})
    for arguments in (["weights", str(folder)], ["fit", str(folder), "--bandwidth", "100"]):
        done = CliRunner().invoke(onbox, arguments)
        assert done.exception is None or isinstance(done.exception, OnboxError | SystemExit), done.exc_info
        assert FORBIDDEN.search(done.output) is None
    done = CliRunner().invoke(onbox, ["weights", str(folder)])
    assert name.replace("\x1b", "⟨ESC⟩") in done.output
