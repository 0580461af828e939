"""Names of GPU architectures, and which code runs on which chip.

Rules: CUDA C++ Programming Guide, "Binary compatibility", "PTX compatibility" and "Feature sets": binary code runs on
chips of the same major number with the same or a later minor one; of a name with `a` on that very chip only; of one
with `f` on its family. PTX is compiled at load for any later chip, with `a` and `f` bounding it the same way.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from onbox.errors import UsageError

FAMILIES: dict[int, frozenset[int]] = {
    100: frozenset({100, 103}),
    101: frozenset({101, 110}),
    103: frozenset({103}),
    110: frozenset({101, 110}),
    120: frozenset({120, 121}),
    121: frozenset({121}),
}
"""Number of a name with `f` -> the chips that run it."""
EMBEDDED = frozenset({53, 62, 72, 87, 101, 110})
"""Chips of Tegra: between these and the others of the same major number binary code is not promised to run."""
_NAME = re.compile(r"^(sm|compute)_(\d{2,3})([af]?)$")
_CHIP = re.compile(r"^(?:sm_)?(\d{1,2})\.?(\d)[af]?$")


class ChipSupport(StrEnum):
    """How code gets onto a chip."""

    NATIVE = "native"
    JIT = "jit"
    """Compiled from PTX by the driver when it is first loaded."""
    UNKNOWN = "unknown"
    NOT = "will_not_run"


BEST_FIRST = (ChipSupport.NATIVE, ChipSupport.JIT, ChipSupport.UNKNOWN, ChipSupport.NOT)


@dataclass(frozen=True, order=True)
class Arch:
    """What a piece of code was built for.

    Args:
        number: like 121 for compute capability 12.1.
        suffix: `a` (that chip only), `f` (its family), empty, or `?` where the file does not tell.
        ptx: it is PTX, to be compiled at load.
    """

    number: int
    suffix: str = ""
    ptx: bool = False

    def __str__(self) -> str:
        return f"{'compute' if self.ptx else 'sm'}_{self.number}{self.suffix}"

    @property
    def major(self) -> int:
        """The generation."""
        return self.number // 10

    def on(self, chip: int) -> ChipSupport:
        """How it runs on a chip, given like 121."""
        if self.number == chip:
            return ChipSupport.JIT if self.ptx else ChipSupport.NATIVE
        runs = self._on_another(chip)
        return ChipSupport.JIT if self.ptx and runs is ChipSupport.NATIVE else runs

    def _on_another(self, chip: int) -> ChipSupport:
        if self.suffix == "a":
            return ChipSupport.NOT
        if self.suffix == "f":
            family = FAMILIES.get(self.number)
            if family is None:
                return ChipSupport.UNKNOWN
            return ChipSupport.NATIVE if chip in family else ChipSupport.NOT
        later = self.number < chip
        if self.ptx and not self.suffix:
            return ChipSupport.NATIVE if later else ChipSupport.NOT
        if not later or self.major != chip // 10:
            return ChipSupport.UNKNOWN if self.ptx and later else ChipSupport.NOT
        if self.suffix == "?" or (self.number in EMBEDDED) != (chip in EMBEDDED):
            return ChipSupport.UNKNOWN
        return ChipSupport.NATIVE


def parse_arch(name: str) -> Arch | None:
    """Read `sm_121a` or `compute_80`; None for anything else."""
    match = _NAME.match(name)
    return Arch(int(match[2]), match[3], match[1] == "compute") if match else None


def chip_number(text: str) -> int:
    """Read a compute capability like `12.1`, `121` or `sm_121a`.

    Raises:
        UsageError: it is none.
    """
    match = _CHIP.match(text.strip())
    if match is None:
        raise UsageError(f"chip {text}: not a compute capability", "write 12.1 for GB10, 9.0 for H100")
    return int(match[1]) * 10 + int(match[2])
