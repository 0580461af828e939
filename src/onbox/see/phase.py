"""A contender's look at pictures, from the facts about its server to the last answer, as one phase of a trial."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

from onbox.atomic_files import write_json
from onbox.engines.registry import facts_of
from onbox.engines.served import who_serves
from onbox.errors import BoxError, UsageError
from onbox.evidence.records import SightFacts, SightPlan, StandUp
from onbox.schema.recipe import Recipe
from onbox.see.pictures import require_pillow
from onbox.see.sight_session import Show, SightSession
from onbox.see.sight_subject import SightSubject, command_of, facts_about, speaks_of_sight
from onbox.wire.client import StampedClient

NAME = "see.json"


def facts_now(client: StampedClient, model: str, recipe: Recipe, stand_up: StandUp, weights: Path | None) -> SightFacts:
    """What is known of a running server.

    Args:
        client: a connection to it.
        model: its model's name in requests.
        recipe: that it was started by, or attached by.
        stand_up: the record of its start.
        weights: its files on this box; None of a server that ran already.
    """
    served = who_serves(client, model)
    if recipe.url is None:
        _, _, version = (stand_up.engine_version or "").partition(" ")
        engine, words = facts_of(recipe.engine), stand_up.argv
        subject = SightSubject(engine, version or None, words, {}, recipe, weights, served)
    else:
        engine_seen = served.facts if served else None
        words, environment = command_of(stand_up.pid, engine_seen)
        subject = SightSubject(engine_seen, served.version if served else None, words, environment, None, None, served)
    return facts_about(subject)


def ask_about_pictures(
    client: StampedClient,
    model: str,
    plan: SightPlan,
    facts: SightFacts,
    folder: Path,
    *,
    show: Show = lambda attempt, exchange: None,
    tell: Callable[[str], None] = lambda text: None,
) -> bool:
    """Show pictures to a model of which something says that it sees, or to any where the plan says so.

    Returns:
        Whether it was asked.

    Raises:
        UsageError: the user's own picture is not what it was when the plan was frozen.
    """
    if not plan.always and not speaks_of_sight(facts):
        return False
    try:
        require_pillow()
    except BoxError as error:
        # What an optional part lacks never ends a trial: its other phases go on, and whether it sees stays unknown.
        tell(f"whether it sees was not asked: {error.message}; {error.next_step}")
        return False
    if plan.image:
        check_image(plan)
    if folder.exists():
        shutil.rmtree(folder)
    ended = SightSession(client, model, plan, folder, show).all()
    write_json(folder / NAME, facts.model_copy(update={"ended": ended}))
    return True


def check_image(plan: SightPlan) -> None:
    """
    Raises:
        UsageError: the user's own picture is gone, or another one.
    """
    try:
        now = hashlib.sha256(Path(plan.image).read_bytes()).hexdigest()
    except OSError as error:
        raise UsageError(f"--image {plan.image}: {error.strerror}", "name a picture that is there") from error
    if plan.image_sha256 and now != plan.image_sha256:
        raise UsageError(f"--image {plan.image}: has changed since the plan was frozen", "start again")
