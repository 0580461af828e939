"""Processors by the names that images use."""

import platform

MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64", "armv7l": "arm", "ppc64le": "ppc64le",
            "s390x": "s390x", "riscv64": "riscv64"}  # fmt: skip
"""`uname -m` -> the name that images use."""


def machine() -> str:
    """This box's processor by the name that images use."""
    return MACHINES.get(platform.machine(), platform.machine())
