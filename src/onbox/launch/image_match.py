"""Whether an image fits this box: its architecture, and the chips that its kernels were built for."""

import platform

MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
"""`uname -m` -> the name that images use."""


def machine() -> str:
    """This box's architecture by the name that images use."""
    return MACHINES.get(platform.machine(), platform.machine())


def runs_on(kernels: tuple[str, ...], chip: str) -> bool:
    """Whether kernels for one of these chips run on `chip` (like `12.1`): its own, or PTX of an older one."""
    at = _number(chip)
    for each in kernels:
        bare = each.removesuffix("+PTX")
        if _number(bare) == at or (each.endswith("+PTX") and _number(bare) <= at and bare[-1:].isdigit()):
            return True
        # Binary code runs on later chips of the same generation, unless it is of the kind bound to one chip (a).
        if _number(bare)[0] == at[0] and _number(bare) <= at and not bare.endswith("a"):
            return True
    return False


def _number(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    return int(major or 0), int("".join(char for char in minor if char.isdigit()) or 0)
