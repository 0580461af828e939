"""A verdict written by hand that fits `builders.build_trial`: what the views are tested with."""

from dataclasses import replace
from typing import Any

from onbox.judge.results import (
    Cause,
    Comparison,
    ContenderResult,
    Measurement,
    Outcome,
    RunResult,
    TaskCell,
    Validity,
    Verdict,
    Witness,
)
from onbox.schema.checks import Check, Status
from tests.builders import LARGE, SMALL, Contender

ENDINGS: dict[str, tuple[Outcome, Cause, str, str]] = {
    "P": (Outcome.PASSED, Cause.NONE, "PASS", "The gate said yes."),
    "F": (Outcome.FAILED, Cause.MODEL, "F-GATE", "The gate said no: old_name_left."),
    "M": (Outcome.FAILED, Cause.MODEL, "M-CLAIM", "It says that the work is done and changed nothing."),
    "L": (Outcome.SERVING_FAILURE, Cause.SERVING, "S-LEAK", "A tool call arrived as text: the parser missed it."),
    "I": (Outcome.INVALID, Cause.SANDBOX, "I-SANDBOX", "The sandbox could not start: no user namespaces."),
}


def run_result(letter: str, contender: str, task: str, n: int, **changes: Any) -> RunResult:
    """One judged run by the letter of `builders.scripted_run`."""
    outcome, cause, code, detail = ENDINGS[letter]
    values: dict[str, Any] = {
        "contender": contender,
        "task": task,
        "arm": "baseline",
        "n": n,
        "outcome": outcome,
        "attribution": cause,
        "code": code,
        "detail": detail,
        "tool_calls": 4,
        "turns": 5,
        "prompt_tokens": 4213,
        "completion_tokens": 618,
        "seconds": 31.7,
        "model_s": 27.2,
        "folder": f"{contender}/runs/{task}/baseline/{n}",
    }
    return RunResult.model_validate({**values, **changes})


def check(id: str, status: Status, **more: Any) -> Check:
    """One check with what matters filled in."""
    return replace(Check(id, status, 0.0, 0.0), **more)


def measurement(tok_s: float, **changes: Any) -> Measurement:
    """A valid decode rate whose three witnesses agree."""
    values: dict[str, Any] = {
        "status": Validity.VALID,
        "decode_tok_s": tok_s,
        "interval": (tok_s * 0.98, tok_s * 1.016),
        "witnesses": (
            Witness(name="client_bursts", tok_s=tok_s),
            Witness(name="engine_counters", tok_s=tok_s * 1.006),
            Witness(name="engine_timings", tok_s=tok_s * 0.997),
        ),
        "checks": (
            check("WITNESSES_AGREE", Status.PASS, observed=0.9, threshold=2.0, unit="%"),
            check(
                "TOKEN_RESIDUAL", Status.PASS, threshold=0.0, unit="tokens", evidence="small/speed/1/metrics-after.prom"
            ),
        ),
        "cold_tok_s": tok_s * 0.8,
        "ttft_s": 0.213,
        "requests": 4,
        "tokens": 384,
        "profile": {"engine": "llama.cpp", "tokens": 96, "depth_tokens": 0, "concurrency": 1},
    }
    return Measurement.model_validate({**values, **changes})


REFUSED = measurement(
    12.5,
    status=Validity.INVALID,
    decode_tok_s=None,
    interval=None,
    witnesses=(
        Witness(name="client_bursts", tok_s=12.47),
        Witness(name="engine_counters", tok_s=16.63, detail="counted 128 tokens that no stream showed"),
        Witness(name="engine_timings", tok_s=None, detail="the engine gives none"),
    ),
    checks=(
        check(
            "TOKEN_RESIDUAL",
            Status.FAIL,
            observed=128.0,
            threshold=0.0,
            unit="tokens",
            evidence="large/speed/1/metrics-after.prom",
            hint="The engine counted 128 tokens more than the streams showed: somebody else used it meanwhile. "
            "Stop other clients and measure again.",
        ),
        check("WITNESSES_AGREE", Status.FAIL, observed=33.4, threshold=2.0, unit="%", hint="They disagree."),
        check(
            "CPU_FOREIGN",
            Status.WARN,
            observed=11.2,
            threshold=5.0,
            unit="%",
            evidence="large/speed/1/telemetry.jsonl",
            hint="Other programs used 11 % of the processors while it was measured; on a busy box a rate is too low.",
        ),
        check("CLOCKS", Status.UNKNOWN, observed=None, threshold=None, hint="This box shows no clock rates."),
    ),
)


def contender_result(contender: Contender, speed: Measurement | None, **changes: Any) -> ContenderResult:
    """The counts of a contender's letters; rates and intervals are named by the caller."""
    letters = "".join(contender.runs.values())
    invalid = letters.count("I")
    values: dict[str, Any] = {
        "name": contender.name,
        "role": contender.role.value,
        "passed": letters.count("P"),
        "valid": len(letters) - invalid,
        "invalid": invalid,
        "attempted": len(letters),
        "seconds_to_pass": 76.1,
        "cells": tuple(
            TaskCell(task=task, passed=ends.count("P"), valid=len(ends) - ends.count("I"), invalid=ends.count("I"))
            for task, ends in contender.runs.items()
        ),
        "speed": speed,
        "invalid_reasons": {"I-SANDBOX": invalid} if invalid else {},
    }
    return ContenderResult.model_validate({**values, **changes})


def build_verdict(**changes: Any) -> Verdict:
    """The verdict of `build_trial()`; name what is different."""
    runs = tuple(
        run_result(letter, contender.name, task, n)
        for contender in (SMALL, LARGE)
        for task, letters in contender.runs.items()
        for n, letter in enumerate(letters, start=1)
    )
    values: dict[str, Any] = {
        "trial": "small-against-large",
        "verdict": "switch",
        "headline": "large passes 9 of 11 valid runs where small passes 4 of 12; it takes about as long for a pass.",
        "reasons": (
            "On these tasks the difference is hardly chance (p = 0.024).",
            "Its decode rate could not be established: two checks failed, so speed did not count.",
        ),
        "would_settle": ("Four more tasks, three runs each, would show whether it holds for tasks like these.",),
        "contenders": (
            contender_result(
                SMALL,
                measurement(25.0),
                pass_rate=0.3333,
                interval=(0.138, 0.609),
                population_interval=(0.09, 0.66),
                if_served_correctly=0.3333,
            ),
            contender_result(
                LARGE,
                REFUSED,
                pass_rate=0.8182,
                interval=(0.523, 0.949),
                population_interval=(0.55, 0.98),
                if_served_correctly=0.9091,
                seconds_to_pass=81.4,
            ),
        ),
        "fixed_suite": Comparison(p=0.0241, method="exact test over runs, stratified by task"),
        "population": Comparison(p=0.118, method="permutation of whole tasks", detail="4 tasks are few"),
        "bracket": ("switch", "switch"),
        "checks": (
            check(
                "COVERAGE",
                Status.WARN,
                observed=95.8,
                threshold=100.0,
                unit="%",
                evidence="ledger.jsonl",
                hint="One run of 24 was invalid; run it again with --resume.",
            ),
            check("SAME_SEEDS", Status.PASS, observed="same", threshold="same", evidence="plan.yaml"),
        ),
        "runs": runs,
    }
    return Verdict.model_validate({**values, **changes})
