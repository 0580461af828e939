"""What each phase of a stand-up lives by, and for how long it may stand still before that is a hang.

The patience counts from the last sign of progress, not from the start of the phase: a load of an hour that moves is no
hang, and one that stands still is found after minutes.
"""

from dataclasses import dataclass, field

MB = 1e6
HOST = frozenset({"read", "write", "calls", "work", "bursts", "memory", "births", "log", "cache", "received"})
GPU = frozenset({"gpu", "gpu memory"})


@dataclass(frozen=True)
class PhaseRule:
    """One phase.

    Args:
        uses: signs that are progress in this phase; others move without meaning that it gets on.
        patience_s: how long all of them may stand still.
        slow_below: sign -> rate below which progress is called slow, where it is the sign that moves most.
    """

    uses: frozenset[str]
    patience_s: float
    slow_below: dict[str, float] = field(default_factory=dict)


RULES: dict[str, PhaseRule] = {
    "fetch": PhaseRule(frozenset({"received", "read", "write", "calls", "cache", "log"}), 120, {"received": 2 * MB}),
    "unpack": PhaseRule(HOST - {"received"}, 120, {"write": 5 * MB}),
    "build": PhaseRule(HOST, 600),
    "start": PhaseRule(HOST | GPU, 180),
    "load": PhaseRule(HOST | GPU, 180, {"read": 20 * MB}),
    "finalize": PhaseRule(HOST | GPU, 180),
    "compile": PhaseRule(HOST | GPU, 300),
    "kernels": PhaseRule(HOST | GPU, 600),
    "profile": PhaseRule(HOST | GPU, 300),
    "kv": PhaseRule(HOST | GPU, 300),
    "tune": PhaseRule(HOST | GPU, 600),
    "capture": PhaseRule(HOST | GPU, 300),
    "ready": PhaseRule(HOST | GPU, 120),
    "serving": PhaseRule(frozenset({"tokens"}), 120),
}

LONGEST_PATIENCE_S = max(rule.patience_s for rule in RULES.values())
KERNELS = "kernels"
WITH_KERNELS = frozenset({"start", "load", "finalize", "compile", "profile", "kv", "tune", "capture"})
"""Phases in which compilers that work for long are a phase of their own."""

WORDS_OF_COMMANDS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"curl", "wget", "skopeo", "aria2c", "git", "pull", "download"}), "fetch"),
    (frozenset({"tar", "unzip", "zstd", "gzip", "load", "import"}), "unpack"),
    (
        frozenset({"make", "ninja", "cmake", "gcc", "g++", "cc", "c++", "nvcc", "ccache", "cargo", "build", "buildx"}),
        "build",
    ),
)


def phase_of_command(argv: tuple[str, ...]) -> str:
    """The phase that a command is, by its name or by the verb of a container client or hub client; else `start`."""
    words = [part.rpartition("/")[2] for part in argv[:4] if not part.startswith("-")]
    heads = words[:1] + [word for word in words[1:3] if words[:1] and words[0] in ("docker", "podman", "hf", "nerdctl")]
    if words[:2] == ["docker", "image"] or words[:2] == ["podman", "image"]:
        heads = words[2:3]
    for known, phase in WORDS_OF_COMMANDS:
        if any(word in known for word in heads):
            return phase
    return "start"
