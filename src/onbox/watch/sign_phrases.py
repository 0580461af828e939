"""What a sign of progress does, with its rate, as people read it."""

from onbox.schema.units import byte_rate

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


def rate(sign: str, value: float) -> str:
    """A sign of progress with its rate."""
    phrase = PHRASES[sign]
    return phrase.format(value if ":" in phrase else byte_rate(value))
