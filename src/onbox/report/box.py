"""What a page says of the box in a few lines; the whole fingerprint is folded below them."""

from collections.abc import Iterator, Mapping
from typing import Any

from onbox.report import formatting

Line = tuple[str, str]
"""(what, its value), for people."""


def lines(box: Mapping[str, Any]) -> list[Line]:
    """The lines for the parts that the fingerprint has; what is missing in it or has another form is left out.

    Args:
        box: `box.json` as it lies, of any version of onbox.
    """
    return [(what, text) for what, text in _lines(box) if text]


def _lines(box: Mapping[str, Any]) -> Iterator[Line]:
    system, cpu, memory, disk = (_part(box, name) for name in ("system", "cpu", "memory", "disk"))
    yield "system", _joined(_text(system, "product"), _text(system, "os"), _text(system, "kernel", "kernel {}"))
    yield "processor", _joined(_text(cpu, "model"), _text(cpu, "cores", "{} cores"), _text(cpu, "arch"))
    shared = "shared with the accelerator" if memory.get("unified") is True else ""
    yield (
        "memory",
        _joined(_text(memory, "total_bytes"), _text(memory, "available_bytes", "{} available before"), shared),
    )
    accelerators = _parts(box, "accelerators")
    for device in accelerators:
        yield (
            "accelerator",
            _joined(
                _text(device, "name"),
                _text(device, "memory_total_bytes"),
                _text(device, "compute_capability", "compute capability {}"),
                _text(device, "driver", "driver {}"),
            ),
        )
    if box.get("accelerators") == []:
        yield "accelerator", "none was found"
    for read in _parts(box, "bandwidths") or [_part(box, "bandwidth")]:
        yield (
            _text(read, "device", "memory reads, {}") or "memory reads",
            _joined(
                _text(read, "read_gb_s"),
                _text(read, "nominal_gb_s", "of {} by its maker"),
                _text(read, "method"),
            ),
        )
    yield "disk", _joined(_text(disk, "free_bytes", "{} free"), _text(disk, "total_bytes", "of {}"), sep=" ")


def _part(box: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = box.get(name)
    return found if isinstance(found, Mapping) else {}


def _parts(box: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = box.get(name)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def _text(part: Mapping[str, Any], key: str, form: str = "{}") -> str:
    value = part.get(key)
    return form.format(formatting.fact(key, value)) if isinstance(value, str | int | float) and value != "" else ""


def _joined(*texts: str, sep: str = ", ") -> str:
    return sep.join(text for text in texts if text)
