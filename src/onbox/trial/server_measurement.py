"""What is asked of a contender's server directly, without an agent: preflight, its decode rate, pictures."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from onbox import preflight, weights
from onbox.atomic_files import write_json
from onbox.bench.agents import OPENING_TOKENS
from onbox.bench.agents.opening import AgentOpening
from onbox.bench.tools import DEFINITIONS
from onbox.engines import facts_of
from onbox.errors import OnboxError
from onbox.evidence.folder import TrialFolder, append_line
from onbox.evidence.records import ContenderPlan, LedgerKind, Plan, SpeedRecord
from onbox.launch.lifetime import Lifetime
from onbox.preflight.agent_room import AgentRoom
from onbox.recipes import Recipe
from onbox.see import phase as sight
from onbox.see.sight_subject import speaks_of_sight
from onbox.speed.api_requests import apis_for
from onbox.speed.ceiling import measure_again, write_ceiling
from onbox.speed.measure import SpeedRun
from onbox.trial import events
from onbox.trial.outcome_judge import OutcomeJudge
from onbox.trial.token_counter import TokenCounter


class ServerMeasurement:
    """Measures a contender's server and records what came back.

    Args:
        folder: of the trial.
        plan: says what is asked.
        opening: what the plan's agent sends first; preflight asks whether that fits.
        show: is called with what happens.
        outcome_judge: judges what was measured, for the show.
    """

    def __init__(
        self,
        folder: TrialFolder,
        plan: Plan,
        opening: AgentOpening,
        show: Callable[[events.Event], None],
        outcome_judge: OutcomeJudge,
    ) -> None:
        self.folder = folder
        self.plan = plan
        self._opening = opening
        self._show = show
        self._outcome_judge = outcome_judge

    def is_done(self, contender: ContenderPlan) -> bool:
        """Whether nothing is left for which an engine would have to be started."""
        return self.speed_is_done(contender) and self._sight_is_done(contender)

    def speed_is_done(self, contender: ContenderPlan) -> bool:
        """Whether the rate was measured to its end, or is not asked for."""
        path = self.folder.contender(contender.name) / "speed" / "1" / "run.json"
        record = self.folder.read_if_there(SpeedRecord, path)
        return self.plan.speed is None or (record is not None and record.ended == "complete")

    def weigh(self, contender: ContenderPlan, recipe: Recipe, path: Path) -> None:
        """Write down what bounds the decode rate of these weights here."""
        assert self.plan.speed is not None
        depth_tokens, home = self.plan.speed.depth_tokens, self.folder.contender(contender.name)
        try:
            box, gpus = self.folder.path / "box.json", facts_of(recipe.engine).gpu_use(recipe.serve.arguments)
            write_ceiling(home, weights.read(path), depth_tokens=depth_tokens, box=box, gpus=gpus)
        except OnboxError as error:
            self._show(events.Note(f"{contender.name}: the ceiling is not known: {error.message}"))

    def preflight(self, contender: ContenderPlan, life: Lifetime, recipe: Recipe) -> None:
        """Ask the few questions of preflight and record the answers."""
        home = self.folder.contender(contender.name)
        template = recipe.serve.chat_template_name or "the model's own"
        self._show(events.PhaseStarted(contender.name, "preflight"))
        began = time.monotonic()
        with life.client() as client:
            # Where no agent will work, sense is all that is asked.
            tools, agent = list(DEFINITIONS) if self.plan.tasks else [], self.plan.agent
            size, opening = OPENING_TOKENS.get(agent.name), self._opening.body if tools else None
            room = AgentRoom(agent.name, size, agent.limits.turn_tokens, opening) if tools else None
            record, exchanges = preflight.short(client, life.model, tools, template, room, options=life.options)
        write_json(home / "preflight.json", record)
        (home / "preflight.jsonl").unlink(missing_ok=True)
        for exchange in exchanges:
            append_line(home / "preflight.jsonl", exchange)
        self._show(events.PhaseEnded(contender.name, "preflight", time.monotonic() - began))
        for remark in preflight.remarks(record, without_sense=contender.without_sense):
            self._show(events.Note(f"{contender.name}: {remark}"))

    def measure(self, contender: ContenderPlan, life: Lifetime, counter: TokenCounter, recipe: Recipe) -> None:
        """Measure the decode rate, preflight behind the first request; one that was cut off is measured again."""
        plan = self.plan.speed
        if plan is None:
            self.preflight(contender, life, recipe)
            return
        folder = self.folder.contender(contender.name) / "speed" / "1"
        if folder.exists():
            shutil.rmtree(folder)
            self.folder.note(LedgerKind.DISCARDED, f"{contender.name}/speed/1", "was cut off; measured again")
        self._show(events.PhaseStarted(contender.name, "speed"))
        began = time.monotonic()
        with life.client() as client:
            speed = SpeedRun(
                client,
                life.engine,
                life.model,
                plan,
                folder,
                launch_id=life.launch_id,
                engine_pid=life.engine_pid,
                apis=apis_for(life.props),
                on_tokens=counter.add,
                on_progress=lambda now: self._show(
                    events.MeasurementProgress(contender.name, now.done, now.total, now.left_s, now.note)
                ),
                half_width=self._outcome_judge.half_width,
            )
            speed.cold()
            self.preflight(contender, life, recipe)
            self._show(events.PhaseStarted(contender.name, "speed"))
            record = speed.measure()
        home = self.folder.contender(contender.name)
        measure_again(home, self.folder.path / "box.json", record.opened_accelerator)
        self._show(events.PhaseEnded(contender.name, "speed", time.monotonic() - began))
        kind = LedgerKind.ACCEPTED if record.ended == "complete" else LedgerKind.INVALIDATED
        self.folder.note(kind, f"{contender.name}/speed/1", record.ended)
        found = self._outcome_judge.speed(self.folder, contender.name)
        self._show(events.SpeedMeasured(contender.name, *found, contender.without_sense))
        if kind is LedgerKind.INVALIDATED and self.plan.tasks:
            life.check()

    def see(self, contender: ContenderPlan, life: Lifetime, recipe: Recipe, files: Path | None) -> None:
        """Show pictures to a contender that says it sees, or to any where the plan says so."""
        plan, folder = self.plan.see, self.folder.contender(contender.name) / "vision"
        if plan is None or (folder / sight.NAME).is_file():
            return
        name, began = contender.name, time.monotonic()
        with life.client(read_timeout_s=plan.seconds) as client:
            facts = sight.facts_now(client, life.model, recipe, life.record(), files)
            if (plan.always or speaks_of_sight(facts)) and not (folder.parent / "preflight.json").is_file():
                self.preflight(contender, life, recipe)  # of a server without sense, no answer proves anything
            self._show(events.PhaseStarted(name, "see"))
            answered = sight.ask_about_pictures(
                client, life.model, plan, facts, folder, tell=lambda text: self._show(events.Note(f"{name}: {text}"))
            )
        self._show(events.PhaseEnded(name, "see", time.monotonic() - began))
        if answered:
            self.folder.note(LedgerKind.ACCEPTED, f"{name}/vision")

    def _sight_is_done(self, contender: ContenderPlan) -> bool:
        """Whether there is nothing for which an engine would have to be started: a trial asks while one is up."""
        plan, home = self.plan.see, self.folder.contender(contender.name)
        was_up = (home / "standup" / "phases.json").is_file()
        return plan is None or (was_up and not plan.always) or (home / "vision" / sight.NAME).is_file()
