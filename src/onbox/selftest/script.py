"""All that a server of one shape will send in answer to one request, to the byte, with the moment of each write.

It is worked out before the first byte is sent and needs neither clock nor socket, so that what a server of this shape
does can be tested without one.
"""

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, cycle

from onbox.engines.emulation import JSON_LINES, Message, StreamEnd, TokenChunk
from onbox.selftest.api_emulators import document, emulator_of
from onbox.selftest.shapes import Shape, TokenTiming

PLAIN = (
    " The road went slowly up between the fields and at every turn someone had left a line of stones that was taken"
    " from the ground by hand year after year"
)
"""Each word is one token of common tokenizers, so that a client which counts again counts the same."""
ACCENTS = " Où dînait-îl déjà cet été-là, près de la forêt gelée, à Orléans où été fut fêté"
SPLIT_S = 0.002
"""Between the two halves of a write that is split."""
FIRST_ID = 1000
COMMENT = b": ping\n\n"


@dataclass(frozen=True)
class ScriptedWrite:
    """One write: `at_s` counts from the request."""

    at_s: float
    data: bytes


@dataclass(frozen=True)
class Script:
    """What is sent.

    Args:
        status: of HTTP.
        headers: of the response, those of the transport left out.
        head_s: when the status line is sent.
        beats: the body, before any transfer encoding.
        whole: whether the body ends as HTTP says that it should.
        tokens: output tokens that the server counts.
        decode_s: seconds from the first of them to the last.
    """

    status: int
    headers: dict[str, str]
    head_s: float
    beats: tuple[ScriptedWrite, ...]
    whole: bool
    tokens: int
    decode_s: float


def truth_tok_s(shape: Shape, tokens: int, tempo: TokenTiming) -> float:
    """The decode rate of a request for so many tokens: intervals between tokens over their seconds."""
    made = _made(shape, tokens)
    return (made - 1) / (_at(shape, made, made - 1, tempo) - tempo.prefill_s)


def script(shape: Shape, tokens: int, tempo: TokenTiming, streamed: bool = True) -> Script:
    """Work out the answer to a request for `tokens` output tokens; `streamed` as the request asked."""
    made = _made(shape, tokens)
    sent = made // 2 if shape.fault in ("error", "named error", "cut") else made
    decode_s = _at(shape, made, sent - 1, tempo) - tempo.prefill_s
    plan = Script(200, {}, 0.0, (), shape.fault != "cut", sent * shape.answers, decode_s)
    end_s = tempo.prefill_s + decode_s
    if shape.fault == "status":
        body = json.dumps({"error": {"message": "the server is overloaded"}}).encode()
        return replace(plan, status=503, headers=_type("application/json"), beats=(ScriptedWrite(0.0, body),), tokens=0)
    if shape.framing == "document" or not streamed:
        beat = ScriptedWrite(end_s, document(_text(range(made), PLAIN), made, shape.finish))
        return replace(plan, headers=_type("application/json"), beats=(beat,))
    beats = _encoded(shape, _in_order(_split(shape, _stream(shape, made, sent, tempo))))
    headers = _type(emulator_of(shape).content_type)
    if shape.encoding:
        headers["content-encoding"] = shape.encoding.removeprefix("held ")
    head_s = tempo.prefill_s if shape.late_headers else 0.0
    return replace(plan, headers=headers, head_s=head_s, beats=tuple(beats))


def answer(text: str, tempo: TokenTiming, streamed: bool) -> Script:
    """Work out a reply of /v1/chat/completions that says `text` and ends by itself, a token for each word."""
    words = text.split()
    tokens = len(words) + 1
    decode_s = (tokens - 1) * tempo.token_s
    end_s = tempo.prefill_s + decode_s
    if not streamed:
        beats = [ScriptedWrite(end_s, document(text, tokens, "stop"))]
        return Script(200, _type("application/json"), 0.0, tuple(beats), True, tokens, decode_s)
    plain = Shape("answer", "", finish="stop")
    emulator, end = emulator_of(plain), StreamEnd(tokens, decode_s, tempo.token_s)
    beats = [ScriptedWrite(tempo.prefill_s, _frames(plain, emulator.open()))]
    for n, word in enumerate(words):
        chunk = TokenChunk("content", word if n == 0 else f" {word}", range(n, n + 1), n + 1, n == 0)
        beats.append(ScriptedWrite(tempo.prefill_s + n * tempo.token_s, _frames(plain, emulator.write(chunk))))
    beats.append(ScriptedWrite(end_s, _frames(plain, [*emulator.close(end), *emulator.usage(end), *emulator.done()])))
    return Script(200, _type(emulator.content_type), 0.0, tuple(beats), True, tokens, decode_s)


# ---------------------------------------------------------------- which tokens are sent, and when


def _made(shape: Shape, tokens: int) -> int:
    return max(2, round(tokens * shape.made))


def _at(shape: Shape, made: int, token: int, tempo: TokenTiming) -> float:
    stalled = shape.stall and token >= made // 2
    return tempo.prefill_s + token * tempo.token_s + (tempo.stall_s if stalled else 0.0)


def _stream(shape: Shape, made: int, sent: int, tempo: TokenTiming) -> Iterator[ScriptedWrite]:
    emulator = emulator_of(shape)
    decode_s = _at(shape, made, sent - 1, tempo) - tempo.prefill_s
    end_s, end = tempo.prefill_s + decode_s, StreamEnd(made * shape.answers, decode_s, tempo.token_s)
    yield ScriptedWrite(0.0 if shape.role_first else tempo.prefill_s, _frames(shape, emulator.open()))
    chunks = [(_at(shape, made, last, tempo), emulator.write(chunk)) for last, chunk in _tokens(shape, made, sent)]
    for first in range(0, len(chunks), shape.flush):
        flushed = chunks[first : first + shape.flush]
        # What sends every so many together sends what is left at the end of the stream.
        at_s = flushed[-1][0] if len(flushed) == shape.flush else end_s
        yield ScriptedWrite(at_s, _frames(shape, chain.from_iterable(messages for _, messages in flushed)))
        if shape.comments:
            yield ScriptedWrite(at_s + tempo.token_s / 2, COMMENT)
    if shape.fault == "cut":
        return
    if shape.fault == "error":
        yield ScriptedWrite(end_s, _frames(shape, [{"error": {"message": "out of memory", "code": 500}}, "[DONE]"]))
    elif shape.fault == "named error":
        yield ScriptedWrite(
            end_s, b'event: error\ndata: {"message": "out of memory"}\n\n' + _frames(shape, emulator.done())
        )
    elif shape.fault == "no end":
        yield ScriptedWrite(end_s, _frames(shape, emulator.usage(end)))
    else:
        late_s = tempo.late_s if shape.usage == "late" else 0.0
        yield ScriptedWrite(end_s, _frames(shape, emulator.close(end)))
        yield ScriptedWrite(end_s + late_s, _frames(shape, [*emulator.usage(end), *emulator.done()]))


def _tokens(shape: Shape, made: int, sent: int) -> Iterator[tuple[int, TokenChunk]]:
    """(index of its last token, what it says) for each chunk that is sent."""
    sizes = cycle(shape.chunk or (made,))
    source = ACCENTS if shape.split else PLAIN
    spoken: set[str] = set()
    first = unsent = 0
    while first < sent:
        last = min(first + next(sizes), sent) - 1
        shown = [token for token in range(first, last + 1) if _is_shown(shape, token, made)]
        if shown:
            part = _part(shape, shown[0], made)
            text = "" if shape.blank and shown[0] % 3 == 1 else _text(shown, source)
            ids = range(FIRST_ID + unsent, FIRST_ID + last + 1)
            yield last, TokenChunk(part, text, ids, last + 1, part not in spoken)
            spoken.add(part)
            unsent = last + 1
        first = last + 1


def _is_shown(shape: Shape, token: int, made: int) -> bool:
    swallowed = shape.hidden and token % 3 == 1
    ends = shape.finish == "stop" and token == made - 1
    return token >= shape.opening and not swallowed and not ends


def _part(shape: Shape, token: int, made: int) -> str:
    parts = shape.parts
    return parts[token % len(parts)] if shape.in_turn else parts[token * len(parts) // made]


def _text(tokens: Sequence[int], source: str) -> str:
    words = source.split(" ")[1:]
    return "".join(f" {words[token % len(words)]}" for token in tokens)


# ---------------------------------------------------------------- how it is put into bytes


def _type(content_type: str) -> dict[str, str]:
    return {"content-type": content_type}


def _frames(shape: Shape, messages: Iterator[Message] | Sequence[Message]) -> bytes:
    return b"".join(_frame(shape, message) for message in messages)


def _frame(shape: Shape, message: Message) -> bytes:
    if isinstance(message, str):
        text = message
    else:
        text = json.dumps(message, ensure_ascii=shape.split != "utf-8", indent=1 if shape.framing == "lines" else None)
    if emulator_of(shape).content_type == JSON_LINES:
        return f"{text}\n".encode()
    kind = message.get("type") if isinstance(message, dict) else None
    lines = [f"event: {kind}"] if kind else []
    lines += [f"data: {line}" for line in text.splitlines()]
    end = "\r\n" if shape.framing == "crlf" else "\n"
    return "".join(f"{line}{end}" for line in [*lines, ""]).encode()


def _split(shape: Shape, beats: Iterator[ScriptedWrite]) -> Iterator[ScriptedWrite]:
    """Each write in two, the cut inside the first character that has an inside."""
    for beat in beats:
        if shape.split == "utf-8":
            place = next((n + 1 for n, byte in enumerate(beat.data) if byte >= 0xC0), 0)
        else:
            place = beat.data.find(b"\\u") + 3
        if not shape.split or place < 3:
            yield beat
        else:
            yield ScriptedWrite(beat.at_s, beat.data[:place])
            yield ScriptedWrite(beat.at_s + SPLIT_S, beat.data[place:])


def _in_order(beats: Iterator[ScriptedWrite]) -> Iterator[ScriptedWrite]:
    """No write before the one that precedes it: what was split is whole before anything follows."""
    at_s = 0.0
    for beat in beats:
        at_s = max(at_s, beat.at_s)
        yield ScriptedWrite(at_s, beat.data)


def _encoded(shape: Shape, beats: Iterator[ScriptedWrite]) -> Iterator[ScriptedWrite]:
    if "gzip" not in shape.encoding:
        yield from beats
        return
    packer, at_s = zlib.compressobj(wbits=zlib.MAX_WBITS | 16), 0.0
    for beat in beats:
        at_s = beat.at_s
        packed = packer.compress(beat.data)
        held = shape.encoding.startswith("held")
        yield ScriptedWrite(at_s, packed if held else packed + packer.flush(zlib.Z_SYNC_FLUSH))
    yield ScriptedWrite(at_s, packer.flush())
