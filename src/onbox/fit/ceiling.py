"""Will it fit, how fast can it be at best, is a claimed rate possible."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from onbox.errors import UsageError
from onbox.fit.bound import CeilingBound, bound_of
from onbox.fit.memory_plan import AvailableMemory, MemoryPlan, memory_plan
from onbox.fit.resident import Overrides, Resident, plausible, resident, with_label
from onbox.fit.roofline import (
    Plausibility,
    ceiling_tok_s,
    experts_touched,
    plausibility,
    unknown_plausibility,
)
from onbox.weights.cache import KV_ELEMENT_BYTES
from onbox.weights.facts import Facts


@dataclass(frozen=True)
class Step:
    """What one forward pass of the whole batch reads, in bytes."""

    experts: float
    dense: float
    kv: float
    state: float

    @property
    def total(self) -> float:
        return self.experts + self.dense + self.kv + self.state


@dataclass(frozen=True)
class Scenario:
    """One precision that the weights may be resident in, and the ceilings that follow.

    Ceilings are tokens per second over all sequences together; None where that bandwidth, or what a step reads, is not
    known.
    """

    resident: str
    step_bytes: float
    bytes_per_token: float
    ceiling_nominal_tok_s: float | None
    ceiling_measured_tok_s: float | None
    plausibility: Plausibility | None
    bound: CeilingBound | None = None
    """Instead of the ceilings, where something that a step reads is not known."""


@dataclass(frozen=True)
class Fit:
    """A model on a box at a context and batch. `chosen` is what was asked; the others are what might be instead."""

    context: int
    batch: int
    acceptance: float
    kv_dtype: str
    nominal_gb_s: float | None
    measured_gb_s: float | None
    step: Step
    chosen: Scenario
    scenarios: tuple[Scenario, ...]
    memory: MemoryPlan
    kv: dict[str, Any]
    """What is kept and read at this context, as the command line contract has it."""
    layers: tuple[dict[str, Any], ...]
    """The same, one row a layer."""
    unknown: tuple[str, ...]
    """What is missing; with anything in it there is no ceiling, but a bound."""
    notes: tuple[str, ...]

    @property
    def ceiling_tok_s(self) -> float | None:
        """At measured bandwidth; at nominal where none was measured."""
        measured = self.chosen.ceiling_measured_tok_s
        return measured if measured is not None else self.chosen.ceiling_nominal_tok_s

    @property
    def interval_tok_s(self) -> tuple[float, float] | None:
        """The ceiling over every plausible resident precision; one number twice when the precision is known."""
        ceilings = [
            each.ceiling_measured_tok_s if self.measured_gb_s is not None else each.ceiling_nominal_tok_s
            for each in self.scenarios
        ]
        known = [each for each in ceilings if each is not None]
        return (min(known), max(known)) if known else None

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON, with the keys of the command line contract."""
        judged = self.chosen.plausibility
        return {
            "ceiling_tok_s": self.ceiling_tok_s,
            "ceiling": {
                "nominal_tok_s": self.chosen.ceiling_nominal_tok_s,
                "measured_tok_s": self.chosen.ceiling_measured_tok_s,
                "interval_tok_s": self.interval_tok_s,
                "nominal_gb_s": self.nominal_gb_s,
                "measured_gb_s": self.measured_gb_s,
                "resident": self.chosen.resident,
                "bound": dataclasses.asdict(self.chosen.bound) if self.chosen.bound else None,
            },
            "bytes_per_token": self.chosen.bytes_per_token,
            "step_bytes": {**dataclasses.asdict(self.step), "total": self.step.total},
            "context": self.context,
            "batch": self.batch,
            "acceptance": self.acceptance,
            "kv_dtype": self.kv_dtype,
            "memory": dataclasses.asdict(self.memory),
            "kv": self.kv,
            "unknown": list(self.unknown),
            "plausibility": dataclasses.asdict(judged) if judged else None,
            "scenarios": [dataclasses.asdict(each) for each in self.scenarios],
            "notes": list(self.notes),
        }


def fit(
    facts: Facts,
    *,
    context: int = 0,
    batch: int = 1,
    kv_dtype: str = "bf16",
    overrides: Overrides | None = None,
    acceptance: float = 1.0,
    nominal_gb_s: float | None = None,
    measured_gb_s: float | None = None,
    rate_tok_s: float | None = None,
    place: AvailableMemory | None = None,
    exact: bool = False,
    devices: int = 1,
    note: str = "",
) -> Fit:
    """Plan memory and compute the decode ceiling.

    Args:
        facts: of the model, from `onbox.weights.read`.
        context: tokens in each sequence.
        batch: sequences decoded together; of routed experts it reads N(1 - (1 - k/N)^B).
        kv_dtype: of the KV cache.
        overrides: resident types by part; without them every plausible one gives an interval.
        acceptance: mean tokens that a pass yields for a sequence with speculation, 1 without.
        nominal_gb_s, measured_gb_s: read bandwidth of the box, GB of 10^9 bytes; of several devices the sum.
        rate_tok_s: a claimed rate over all sequences together, to be judged.
        place: what the box can give.
        exact: `measured_gb_s` is what memory can do, by the word of its owner: a rate above it is impossible.
        devices: that hold the model together, each a share of every layer (tensor parallel).
        note: what is to be said of the box.

    Raises:
        UsageError: a number out of range, an unknown KV type, or a rate with no bandwidth to compare it with.
    """
    _check(facts, context, batch, kv_dtype, acceptance, nominal_gb_s, measured_gb_s, rate_tok_s)
    draft = acceptance > 1
    weighed = resident(facts, overrides, draft=draft)
    others = [
        with_label(resident(facts, each, draft=draft), label) for label, each in ([] if overrides else plausible(facts))
    ]

    missing = facts.all_unknown
    known: dict[str, Any] = {"nominal_gb_s": nominal_gb_s, "measured_gb_s": measured_gb_s, "exact": exact}

    def judge(total: float, one: Resident, bound: CeilingBound | None) -> Plausibility | None:
        if rate_tok_s is None:
            return None
        if bound is not None:
            return unknown_plausibility(rate_tok_s, missing, bound.text)
        judged = plausibility(rate_tok_s, total, **known, batch=batch, acceptance=acceptance)
        if judged.verdict == "impossible" and batch > 1 and facts.experts:
            # Sequences that agree on their experts read less: only what even they cannot reach is impossible.
            least = step_bytes(facts, one, context=context, batch=batch, kv_dtype=kv_dtype, agreeing=True).total
            judged = plausibility(rate_tok_s, least, **known, batch=batch, acceptance=acceptance)
        return judged

    def scenario(one: Resident) -> Scenario:
        total = step_bytes(facts, one, context=context, batch=batch, kv_dtype=kv_dtype).total
        ceilings = [
            None if each is None else ceiling_tok_s(each, total, batch=batch, acceptance=acceptance)
            for each in (nominal_gb_s, measured_gb_s)
        ]
        bound = None
        if missing:
            bound = bound_of(facts, total, next((each for each in reversed(ceilings) if each is not None), None))
            ceilings = [None, None]
        return Scenario(
            one.label, total, total / batch / acceptance, ceilings[0], ceilings[1], judge(total, one, bound), bound
        )

    chosen = scenario(weighed)
    return Fit(
        context=context,
        batch=batch,
        acceptance=acceptance,
        kv_dtype=kv_dtype,
        nominal_gb_s=nominal_gb_s,
        measured_gb_s=measured_gb_s,
        step=step_bytes(facts, weighed, context=context, batch=batch, kv_dtype=kv_dtype),
        chosen=chosen,
        scenarios=tuple(scenario(each) for each in others) or (chosen,),
        memory=memory_plan(
            facts, weighed, context=context, concurrency=batch, kv_dtype=kv_dtype, place=place, devices=devices
        ),
        kv=facts.cache.as_dict(context, kv_dtype),
        layers=tuple(facts.cache.table(context, kv_dtype)),
        unknown=missing,
        notes=((note,) if note else ()) + _notes(facts, batch, acceptance, len(others), devices),
    )


def step_bytes(
    facts: Facts, weighed: Resident, *, context: int, batch: int, kv_dtype: str, agreeing: bool = False
) -> Step:
    """What one pass reads: experts that the batch touches, the rest of the weights once, cache and state of each.

    Args:
        agreeing: all sequences choose the same experts, the least that can be read; else they choose independently.
    """
    experts = weighed.experts_bytes
    if facts.experts and facts.top_k and batch > 1 and not agreeing:
        experts *= experts_touched(facts.experts, facts.top_k, batch) / facts.top_k
    return Step(
        experts=experts,
        dense=weighed.dense_bytes + weighed.row_bytes * batch,
        kv=facts.cache.read_bytes(context, kv_dtype) * batch,
        state=float(facts.state.traffic_bytes * batch) if facts.state else 0.0,
    )


def _notes(facts: Facts, batch: int, acceptance: float, precisions: int, devices: int) -> tuple[str, ...]:
    notes = list(facts.notes)
    if devices > 1:
        notes.append(
            f"the ceiling is a bound: the bandwidths of {devices} devices added up; communication between them at each"
            " layer, and what each reads for itself, is left out"
        )
    if precisions > 1:
        notes.append("resident precision not stated: the ceiling is an interval; name it with --resident")
    if facts.experts and batch > 1:
        notes.append("experts touched by a batch assume independent routing: real text touches fewer")
    if acceptance > 1:
        notes.append("speculation also reads the draft and further experts: the ceiling is generous")
    if facts.context_length is None:
        notes.append("the configuration does not state the longest context")
    return tuple(notes)


def _check(
    facts: Facts,
    context: int,
    batch: int,
    kv_dtype: str,
    acceptance: float,
    nominal: float | None,
    measured: float | None,
    rate: float | None,
) -> None:
    if context < 0 or batch < 1 or acceptance < 1:
        raise UsageError("context must be 0 or more, batch and acceptance 1 or more")
    if facts.context_length is not None and context > facts.context_length:
        raise UsageError(f"--context {context}: the model ends at {facts.context_length} tokens")
    if kv_dtype not in KV_ELEMENT_BYTES:
        raise UsageError(f"--kv-dtype {kv_dtype}: unknown", f"types are {', '.join(KV_ELEMENT_BYTES)}")
    for name, value in (("--bandwidth", measured), ("--nominal", nominal), ("--measured", rate)):
        if value is not None and not 0 < value < float("inf"):
            raise UsageError(f"{name} {value}: must be a positive number")
    if rate is not None and nominal is None and measured is None:
        raise UsageError(
            "--measured: no bandwidth to compare it with", "add --bandwidth GB/S, or run it on the box itself"
        )
