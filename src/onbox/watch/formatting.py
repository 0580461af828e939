"""Sizes, rates and times as people read them."""

SCALE = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
PHRASES = {
    "read": "{} read",
    "write": "{} written",
    "received": "{} received",
    "calls": "{} through calls",
    "memory": "memory moves by {}",
    "gpu memory": "GPU memory moves by {}",
    "cache": "caches grow by {}",
    "work": "{:.1f} s/s of processor that works",
    "births": "{:.1f} new processes/s",
    "bursts": "it computes in bursts",
    "log": "{:.1f} new lines/s",
    "tokens": "{:.1f} tokens/s",
    "gpu": "GPU at {:.0f} W",
}
"""Sign -> what it does, with its rate."""


def size(count: float) -> str:
    """Bytes, in powers of ten: what moves."""
    for scale, unit in SCALE:
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count:.0f} B"


def rate(sign: str, value: float) -> str:
    """A sign of progress with its rate."""
    phrase = PHRASES[sign]
    return phrase.format(value if ":" in phrase else f"{size(value)}/s")


def seconds(count: float) -> str:
    """A span of time."""
    if count < 10:
        return f"{count:.1f} s"
    if count < 120:
        return f"{count:.0f} s"
    if count < 5400:
        return f"{count // 60:.0f} min {count % 60:02.0f} s"
    return f"{count / 3600:.1f} h"
