"""How long a trial is expected to take; rough on purpose, and printed as an estimate with its basis."""

from pathlib import Path

from onbox.errors import UsageError
from onbox.evidence.records import ExpectedCost, SpeedPlan
from onbox.fetch.growth import folder_bytes
from onbox.fetch.named import named_download_bytes, named_memory
from onbox.fetch.pinned import download_bytes
from onbox.image.prepare import expected_image
from onbox.recipes import Recipe, Weights

STANDUP_S = 6.0
RUN_TOKENS = 180
RUN_PREFILL_S = 6.0
REPLAY_S = 60.0
"""PreflightSession ambiguous runs again, of one contender: half of the time that may go into it."""
DOWNLOAD_BYTES_S = 30e6
SHARE_OF_BANDWIDTH = 0.8


def expected_of(
    found: list[Recipe], runs: int, speed: SpeedPlan | None, read_gb_s: float | None, parallel: int
) -> ExpectedCost | None:
    """Seconds from bytes and bandwidth; None where a contender's weights are not known.

    What several runs at a time save is the engine's affair and not known before: none of it is taken off.
    """
    sizes = [_size(recipe.weights, recipe.name) for recipe in found if recipe.weights]
    if len(sizes) != len(found) or not all(sizes) or not read_gb_s:
        return None
    download = sum(download_bytes(recipe.weights) + named_download_bytes(recipe) for recipe in found)
    named = [named_memory(recipe) for recipe in found]
    held = max(size + (others or 0) for size, (others, _) in zip(sizes, named, strict=True))
    unknown = [names for others, names in named if others is None]
    seconds = download / DOWNLOAD_BYTES_S
    for size in sizes:
        tok_s = SHARE_OF_BANDWIDTH * read_gb_s * 1e9 / size
        seconds += STANDUP_S + (_measured_s(speed, tok_s) if speed else 0.0)
        seconds += runs * (RUN_PREFILL_S + RUN_TOKENS / tok_s) + (REPLAY_S if runs else 0.0)
    images = [expected for recipe in found if (expected := expected_image(recipe)).phase]
    seconds += sum(each.seconds or 0.0 for each in images)
    return ExpectedCost(
        seconds=round(seconds),
        download_bytes=download,
        memory_bytes=round(held * 1.4),
        basis=f"{SHARE_OF_BANDWIDTH:.0%} of {read_gb_s:.0f} GB/s measured, {RUN_TOKENS} tokens a run"
        + (", as if run one at a time" if parallel > 1 else "")
        + "".join(f"; {each.basis}" for each in images)
        + (f"; download and memory without {'; '.join(unknown)}, whose size is not known" if unknown else ""),
    )


def _measured_s(speed: SpeedPlan, tok_s: float) -> float:
    request_s = speed.tokens / tok_s
    whole_s = max(speed.requests * request_s, speed.at_least_s) + (1 + speed.warmup_requests_max) * request_s
    if speed.budget_s is None:
        return whole_s
    return min(whole_s, max(speed.budget_s, speed.least_requests * speed.least_tokens / tok_s))


def _size(weights: Weights, name: str) -> int:
    """Bytes of the weights; 0 where nobody tells before they are here."""
    if weights.path is None:
        return weights.bytes or (weights.repository.bytes if weights.repository else 0)
    path = Path(weights.path)
    try:
        return folder_bytes(path) if path.is_dir() else path.stat().st_size
    except OSError as error:
        raise UsageError(f"{name}: weights.path: {path}: {error.strerror}", "name a GGUF file or a folder") from error
