"""Memory bandwidth as the makers state it: shown beside what was measured, and never instead of it."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Nominal:
    """A stated bandwidth.

    Args:
        gb_s: read bandwidth in GB/s (10^9 bytes).
        source: who states it.
    """

    gb_s: float
    source: str


# Device name pattern, GB/s, source. The first match wins, so longer names stand before their prefixes.
_TABLE: tuple[tuple[str, float, str], ...] = (
    (r"\bGB10\b", 273.0, "NVIDIA DGX Spark hardware overview: LPDDR5X, 256 bit"),
    (r"\bB200\b", 8000.0, "NVIDIA DGX B200 datasheet"),
    (r"\bGH200\b.*144G", 4900.0, "NVIDIA GH200 datasheet, 144 GB HBM3e"),
    (r"\bGH200\b", 4000.0, "NVIDIA GH200 datasheet, 96 GB HBM3"),
    (r"\bH200\b", 4800.0, "NVIDIA H200 datasheet"),
    (r"\bH100 NVL\b", 3900.0, "NVIDIA H100 datasheet, NVL"),
    (r"\bH100 PCIe\b", 2000.0, "NVIDIA H100 datasheet, PCIe"),
    (r"\bH100\b", 3350.0, "NVIDIA H100 datasheet, SXM"),
    (r"\bA100.*80GB", 2039.0, "NVIDIA A100 datasheet, 80 GB SXM"),
    (r"\bA100\b", 1555.0, "NVIDIA A100 datasheet, 40 GB"),
    (r"\bL40S?\b", 864.0, "NVIDIA L40S datasheet"),
    (r"\bL4\b", 300.0, "NVIDIA L4 datasheet"),
    (r"RTX PRO 6000 Blackwell", 1792.0, "NVIDIA RTX PRO 6000 datasheet"),
    (r"RTX 6000 Ada", 960.0, "NVIDIA RTX 6000 Ada datasheet"),
    (r"RTX 5090\b(?! Laptop)", 1792.0, "NVIDIA GeForce RTX 5090 specifications"),
    (r"RTX 5080\b(?! Laptop)", 960.0, "NVIDIA GeForce RTX 5080 specifications"),
    (r"RTX 4090\b(?! Laptop)", 1008.0, "NVIDIA GeForce RTX 4090 specifications"),
    (r"RTX 4080 SUPER", 736.0, "NVIDIA GeForce RTX 4080 SUPER specifications"),
    (r"RTX 4080\b(?! Laptop)", 717.0, "NVIDIA GeForce RTX 4080 specifications"),
    (r"RTX 3090 Ti", 1008.0, "NVIDIA GeForce RTX 3090 Ti specifications"),
    (r"RTX 3090\b", 936.0, "NVIDIA GeForce RTX 3090 specifications"),
    (r"\bThor\b", 273.0, "NVIDIA Jetson AGX Thor specifications"),
    (r"\bOrin\b.*AGX|AGX.*\bOrin\b", 204.8, "NVIDIA Jetson AGX Orin specifications"),
    (r"AI MAX\+? (?:PRO )?39\d", 256.0, "AMD Ryzen AI Max specifications: LPDDR5X-8000, 256 bit"),
    (r"Apple M3 Ultra", 819.0, "Apple Mac Studio specifications"),
    (r"Apple M4 Max", 546.0, "Apple MacBook Pro specifications, 40-core GPU"),
    (r"Apple M4 Pro", 273.0, "Apple Mac mini specifications"),
    (r"Apple M4\b", 120.0, "Apple Mac mini specifications"),
)


def nominal(device: str | None) -> Nominal | None:
    """The stated bandwidth of a device by the name that it gives itself; None when the table does not hold it."""
    if device is None:
        return None
    for pattern, gb_s, source in _TABLE:
        if re.search(pattern, device, re.IGNORECASE):
            return Nominal(gb_s, source)
    return None
