"""How far a server reaches: who it is, how long a conversation may be, which APIs it speaks, whether it sees."""

import base64
import struct
import zlib

from onbox.evidence.records import PreflightCase
from onbox.preflight.asking import Asking, short, trouble
from onbox.preflight.remedies import Trouble

CONTEXT_MIN = 16_384
"""Other agents open with 8,000 to 20,000 tokens of instructions and tools; the built-in one with 1,000."""
IMAGE_PX = 64


def server(asking: Asking) -> PreflightCase:
    """Who it is."""
    served = asking.served
    if served is None or served.kind == "unknown":
        return asking.case("server", "unknown", "it does not say which server it is, so no flag can be named")
    others = f", and {len(served.models) - 1} more" if len(served.models) > 1 else ""
    return asking.case("server", "pass", f"{served} serves {asking.model}{others}")


def context(asking: Asking) -> PreflightCase:
    """How many tokens prompt and answer may have together."""
    tokens = asking.served.context_tokens if asking.served else None
    if tokens is None:
        return asking.case("context", "unknown", "it does not say how long a conversation may be", Trouble.CONTEXT)
    if tokens < CONTEXT_MIN:
        detail = f"{tokens:,} tokens: enough for the built-in agent on small tasks, too few for most others"
        return asking.case("context", "warn", detail, Trouble.CONTEXT)
    return asking.case("context", "pass", f"{tokens:,} tokens")


def output_limit(asking: Asking) -> PreflightCase:
    """What becomes of a request for more output than fits; agents with a fixed limit do that all the time."""
    tokens = asking.served.context_tokens if asking.served else None
    if tokens is None:
        return asking.case("output_limit", "unknown", "not asked: the context is not known")
    question = [{"role": "user", "content": "Say ok."}]
    exchange, reply = asking.chat(question, max_tokens=tokens, stop=[" ", "\n", "."])
    if broken := trouble(exchange, reply):
        detail = f"a limit as large as the context is refused ({broken}): an agent's limit must be smaller"
        return asking.case("output_limit", "warn", detail)
    return asking.case("output_limit", "pass", "a limit as large as the context is taken")


def sampling(asking: Asking) -> PreflightCase:
    """What it samples by where a request does not say: agents do not say."""
    known = asking.served.sampling if asking.served else None
    if known is None:
        return asking.case("sampling", "unknown", "it does not tell what it samples by", Trouble.SAMPLING)
    return asking.case("sampling", "pass", ", ".join(f"{key} {_figure(value)}" for key, value in known.items()))


def image(asking: Asking) -> PreflightCase:
    """Whether an image is taken, and whether its colour is seen."""
    url = "data:image/png;base64," + base64.b64encode(one_colour(255, 0, 0)).decode()
    question = "Which colour is this image? Answer with one word."
    parts = [{"type": "text", "text": question}, {"type": "image_url", "image_url": {"url": url}}]
    exchange, reply = asking.chat([{"role": "user", "content": parts}], max_tokens=128)
    if broken := trouble(exchange, reply):
        asking.vision = False if exchange.status is not None else None
        return asking.case("image", "warn", f"images are refused: {broken}", Trouble.IMAGE)
    text = reply.content + reply.reasoning
    if "red" in text.lower():
        asking.vision = True
        return asking.case("image", "pass", "an image is taken and its colour named")
    asking.vision = False
    return asking.case("image", "warn", f"an image is taken and not seen: {short(text)}", Trouble.IMAGE)


def apis(asking: Asking) -> PreflightCase:
    """Which APIs it speaks: Codex wants /responses, Claude Code /messages, and each meets a parser of its own."""
    question = [{"role": "user", "content": "Say ok."}]
    asked = {
        "chat/completions": {"messages": question, "max_tokens": 1},
        "responses": {"input": "Say ok.", "max_output_tokens": 16},
        "messages": {"messages": question, "max_tokens": 1},
        "completions": {"prompt": "ok", "max_tokens": 1},
    }
    offered = []
    for name, body in asked.items():
        exchange, reply = asking.post(f"/{name}", {"model": asking.model, "stream": False, **body})
        if not trouble(exchange, reply):
            offered.append(name)
    if "chat/completions" not in offered:
        return asking.case("apis", "fail", f"no chat/completions, which the built-in agent speaks; {_listed(offered)}")
    missing = [name for name in ("responses", "messages") if name not in offered]
    status = "warn" if missing else "pass"
    lacks = {"responses": "Codex", "messages": "Claude Code"}
    out = "".join(f"; without {name} {lacks[name]} cannot use it" for name in missing)
    return asking.case("apis", status, f"{_listed(offered)}{out}", *([Trouble.APIS] if missing else []))


def one_colour(*rgb: int) -> bytes:
    """A small PNG of one colour, by the PNG specification (ISO/IEC 15948)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes(rgb) * IMAGE_PX) * IMAGE_PX
    head = struct.pack(">IIBBBBB", IMAGE_PX, IMAGE_PX, 8, 2, 0, 0, 0)
    pixels = zlib.compress(rows)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def _listed(names: list[str]) -> str:
    return f"it speaks {', '.join(names)}" if names else "it speaks none that is known here"


def _figure(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
