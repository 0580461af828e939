"""Can it see, and if not, who hides it? Of a running server, or of a recipe that is stood up for it."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onbox.app.trials import plan_trial, run_trial
from onbox.atomic_files import write_atomic
from onbox.errors import BoxError, UsageError
from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import SightFacts
from onbox.judge.results import SightResult
from onbox.recipes.unhide import UnhiddenRecipe, recipe_source, unhidden
from onbox.schema.sight import SightReason
from onbox.see import phase
from onbox.see.pictures import from_file, require_pillow
from onbox.trial import events
from onbox.trial.plan import sight_plan
from onbox.trial.spec import TrialSpec

TRIES, TOKENS = 4, 1024


@dataclass(frozen=True)
class FixedRecipe:
    """A recipe that lets pictures through.

    Args:
        path: where it was written.
        changes: in words.
        comments_kept: whether the comments of the old one are in it.
    """

    path: Path
    changes: tuple[str, ...]
    comments_kept: bool


@dataclass(frozen=True)
class SeeResult:
    """Whether it sees, the folder of the evidence, and the recipe that was written for it.

    Args:
        folder: a trial folder of its own.
        sight: judged.
        fixed: None where none was asked for, or `unfixed` says why.
        unfixed: why no recipe was written.
    """

    folder: Path
    sight: SightResult
    fixed: FixedRecipe | None = None
    unfixed: str = ""


def see_model(
    subject: str,
    *,
    model: str | None = None,
    api_key_env: str = "",
    tries: int = TRIES,
    tokens: int = TOKENS,
    image: Path | str | None = None,
    expect: str = "",
    fix: bool = False,
    fix_to: Path | str | None = None,
    out: Path | str | None = None,
    reserve_bytes: int | None = None,
    show: Callable[[events.Event], None] = lambda event: None,
) -> SeeResult:
    """Show pictures that nobody can guess, with controls beside them, and look for what hides the tower.

    Args:
        subject: URL of an OpenAI-compatible server, a recipe, its file, or a GGUF file.
        model: its name in requests to a URL; the server is asked if left out.
        api_key_env: environment variable with the key that a URL's server wants.
        tries: pictures of each size.
        tokens: of an answer at most.
        image: a picture of your own, in place of made ones.
        expect: what an answer about it must hold.
        fix: write the recipe without what hides the tower, to a new file.
        fix_to: that file; it may be the recipe itself.
        out: the evidence folder; `trials/see-DATE-TIME` if left out.
        reserve_bytes: what the guard keeps available.
        show: called with each event.

    Raises:
        UsageError: the subject or a file is none.
        BoxError: this box cannot do it: no engine, no server, no Pillow.
    """
    require_pillow()
    is_url = subject.startswith(("http://", "https://"))
    target = _fix_target(subject, fix_to, is_url=is_url) if fix or fix_to is not None else None
    given = _own_picture(image, expect)
    plan = sight_plan(tries=tries, tokens=tokens, always=True, **given)
    spec = TrialSpec(
        contenders=(subject,),
        model=model if is_url else None,
        api_key_env=api_key_env if is_url else "",
        speed=None,
        bench=False,
        kind="see",
        see=plan,
        reserve_bytes=reserve_bytes,
    )
    folder = plan_trial(spec, out)
    result = run_trial(folder, show=show)
    result.check()
    (contender,) = result.verdict.contenders
    if contender.sight is None:
        raise BoxError(f"{subject}: no question about a picture was completed", f"look into {folder.path}")
    if target is None:
        return SeeResult(folder.path, contender.sight)
    return _fixed(SeeResult(folder.path, contender.sight), folder, contender.name, subject, target)


def _own_picture(image: Path | str | None, expect: str) -> dict[str, Any]:
    if (image is None) != (not expect.strip()):
        raise UsageError(
            "--image and --expect must be given together", "name a picture, and what an answer about it must contain"
        )
    if image is None:
        return {}
    path = Path(image).resolve()
    from_file(path, expect)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"image": str(path), "image_sha256": digest, "expect": expect}


# ---------------------------------------------------------------- the recipe without the flag


def _fix_target(subject: str, fix_to: Path | str | None, *, is_url: bool) -> Path:
    """Where the changed recipe goes: beside the old one, under a new name, unless another is asked for.

    Raises:
        UsageError: there is no recipe to change, or the file is there already.
    """
    if is_url:
        raise UsageError("--fix: a running server has no recipe to change", "give the recipe with which it was started")
    _, path = recipe_source(subject)
    if fix_to is None:
        new = (path.parent if path else Path()) / f"{path.stem if path else subject}-sees.yaml"
        if new.exists():
            raise UsageError(f"{new}: is there already", "name another file with --fix-to")
        return new
    new = Path(fix_to)
    if path is not None and new.resolve().parent != path.resolve().parent:
        raise UsageError(f"--fix-to {new}: the recipe's paths start at its own folder", f"write into {path.parent}")
    if new.exists() and (path is None or new.resolve() != path.resolve()):
        raise UsageError(f"--fix-to {new}: is there already", "name a new file, or the recipe itself")
    return new


def _fixed(result: SeeResult, folder: TrialFolder, contender: str, subject: str, target: Path) -> SeeResult:
    facts = folder.read(SightFacts, folder.contender(contender) / "vision" / phase.NAME)
    reason = result.sight.reason
    if reason not in (SightReason.HIDDEN_BY_FLAG, SightReason.NO_PROJECTOR_GIVEN) or not facts.tower:
        return SeeResult(result.folder, result.sight, unfixed=_why_not(reason, facts))
    text, path = recipe_source(subject)
    arguments = [flag.option.lstrip("-").split(" ")[0].partition(".")[0] for flag in facts.flags or ()]
    projector = facts.projector_beside or "" if facts.projector_needed and not facts.projector_given else ""
    changed: UnhiddenRecipe = unhidden(text, arguments, projector, subject, path.parent if path else None)
    write_atomic(target, changed.text.encode())
    fixed = FixedRecipe(target, changed.changes, changed.comments_kept)
    return SeeResult(result.folder, result.sight, fixed)


def _why_not(reason: SightReason, facts: SightFacts) -> str:
    match reason:
        case SightReason.SEES | SightReason.SEEN_BADLY:
            return "pictures arrive: no setting of the recipe hides them"
        case SightReason.NO_TOWER:
            return "a text model: no option makes it see"
        case SightReason.HIDDEN_BY_FLAG:
            return "it is not known whether the weights contain a vision tower, so no option is changed"
        case _:
            return f"{reason}: no setting of the recipe is known to be the cause"
