"""What a model answered, put together from the pieces that its server sent."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from onbox.protocol.api_formats import CallPiece, Piece
from onbox.protocol.envelopes import Envelope
from onbox.untrusted_json import UntrustedJsonError, parse

SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass
class ToolCall:
    """One call that the server parsed out of the model's text."""

    id: str = ""
    _name: list[str] = field(default_factory=list, repr=False)
    _arguments: list[str] = field(default_factory=list, repr=False)
    _named_again: int = field(default=0, repr=False, compare=False)

    @property
    def name(self) -> str:
        """Of the tool."""
        return _joined(self._name)

    @property
    def arguments(self) -> str:
        """JSON text as it came: it may be pretty-printed, or broken."""
        return _joined(self._arguments)

    def extend(self, arguments: Sequence[str]) -> None:
        """Take in pieces of the arguments."""
        self._arguments.extend(arguments)

    def begins_another(self, name: str, arguments: str, call_id: str) -> bool:
        """Whether a piece with a name, in the place of this call, is the next call: it comes after whole arguments.

        A name that comes again with more of the arguments, or with all of them again, is said twice.
        """
        self._named_again += 1
        if not name or not self._arguments or self._named_again > NAMED_AGAIN_MAX:
            return False
        if name == self.name and call_id and call_id == self.id and self._is_said_again(arguments):
            return False
        return name != self.name or (bool(arguments) and _is_object(self.arguments))

    def is_named_again(self, name: str) -> bool:
        """Whether the name alone comes again after whole arguments: an end, or the next call of the same tool."""
        self._named_again += 1
        may_be = self._arguments and name == self.name and self._named_again <= NAMED_AGAIN_MAX
        return bool(may_be and _is_object(self.arguments))

    def _is_said_again(self, arguments: str) -> bool:
        """Whether these are all arguments of this call once more."""
        may_be = self._arguments and arguments.startswith("{") and self._named_again <= NAMED_AGAIN_MAX
        return bool(may_be and arguments == self.arguments and _is_object(arguments))

    def add(self, name: str, arguments: str) -> None:
        """Take in a piece of each."""
        before = self.name if name else ""
        if name and before and name.startswith(before):
            self._name[:] = [name]  # Said again, or whole after its beginning.
            if self._is_said_again(arguments):
                return
        elif name:
            self._name.append(name)
        if arguments:
            self._arguments.append(arguments)


class Arrival(NamedTuple):
    """One socket read that completed at least one event."""

    t_ns: int
    """Nanoseconds since the request was sent."""
    visible: int
    """Events of this read that carried content, reasoning or a tool call."""
    characters: int = 0
    """Of content, reasoning and arguments that became visible."""
    counted: int | None = None
    """Output tokens up to here, as the server counts them along the stream; None when it does not."""


@dataclass
class Reply:
    """What the model answered, as the server gave it; of several choices the first."""

    reasoning_field: str = ""
    """`reasoning`, `reasoning_content` or `thinking`, whichever the server uses."""
    tool_calls: list[ToolCall] = field(default_factory=list)
    finish_reason: str | None = None
    """In the words of chat completions: `stop`, `length`, `tool_calls`, ..."""
    usage: dict[str, Any] | None = None
    """In the words of chat completions, whatever the API calls them; of several the last word for each name."""
    timings: dict[str, Any] | None = None
    """The engine's account of the request, by an object of this name: counts and milliseconds."""
    metrics: dict[str, Any] | None = None
    """Another engine's: milliseconds of its phases."""
    durations: dict[str, Any] | None = None
    """Of the last JSON line: counts and nanoseconds."""
    error: str | None = None
    """An error that the server put into the stream or the body."""
    done: bool = False
    """The stream ended as its API says that it should, or the body was whole."""
    arrivals: list[Arrival] = field(default_factory=list)
    chunks: int = 0
    """Events with a visible payload."""
    choices: int = 0
    """Answers in one: more than one share the time of this reply."""
    shared_place: bool = False
    """Several calls came with one index, or with none: clients that go by it join them into one."""
    token_ids: int | None = None
    """How many token ids came with the text; None when the server gives none."""
    characters: int = 0
    """Of content, reasoning and arguments."""
    _calls: dict[int, ToolCall] = field(default_factory=dict, repr=False)
    _named_again: dict[int, str] = field(default_factory=dict, repr=False)
    """Place -> id, of whole calls whose name came again alone: more arguments, if any come, are those of another."""
    _content: list[str] = field(default_factory=list, repr=False)
    _reasoning: list[str] = field(default_factory=list, repr=False)

    @property
    def content(self) -> str:
        """What it says, so far."""
        return _joined(self._content)

    @property
    def reasoning(self) -> str:
        """What it thinks before it says it, so far."""
        return _joined(self._reasoning)

    @property
    def completion_tokens(self) -> int | None:
        """Tokens that the server says it generated; None when it does not say."""
        return _token_count((self.usage or {}).get("completion_tokens"))

    @property
    def hidden_tokens(self) -> int:
        """Output tokens that the server counts as reasoning while none of it came: a gateway keeps them back."""
        details = (self.usage or {}).get("completion_tokens_details")
        reasoning = _token_count(details.get("reasoning_tokens")) if isinstance(details, dict) else None
        tokens = self.completion_tokens
        return reasoning if reasoning and not self.reasoning and tokens is not None and reasoning <= tokens else 0

    @property
    def prompt_tokens(self) -> int | None:
        """Tokens of the prompt, cached ones included; None when the server does not say."""
        return _token_count((self.usage or {}).get("prompt_tokens"))

    @property
    def counted(self) -> int | None:
        """Output tokens so far, by token ids where they come, else by the last usage."""
        if self.token_ids is not None:
            return self.token_ids
        return None if self.usage is None else self.completion_tokens

    def add(self, piece: Piece) -> bool:
        """Take in one event or body of any API that onbox reads; True if it showed something."""
        self.error = piece.error or self.error
        self.finish_reason = piece.finish_reason or self.finish_reason
        self.timings = piece.timings or self.timings
        self.metrics = piece.metrics or self.metrics
        self.durations = piece.durations or self.durations
        self.choices = max(self.choices, piece.choices)
        self.done = self.done or piece.done
        if piece.usage is not None:
            self.usage = _later_usage(self.usage or {}, piece.usage)
        if piece.token_ids is not None:
            self.token_ids = (self.token_ids or 0) + piece.token_ids
        return self._show(piece)

    def more(self, envelope: Envelope, texts: Sequence[str]) -> None:
        """Take in events that are one taken in before but for their texts."""
        if envelope.part == "text":
            self._content.extend(texts)
        elif envelope.part == "reasoning":
            self._reasoning.extend(texts)
        elif envelope.index in self._named_again:
            for text in texts:
                self._add_call(CallPiece(index=envelope.index, arguments=text))
        else:
            self._calls[envelope.index].extend(texts)
        self.characters += sum(map(len, texts))
        if envelope.token_ids is not None:
            self.token_ids = (self.token_ids or 0) + envelope.token_ids * len(texts)

    def _show(self, piece: Piece) -> bool:
        if piece.text:
            self._content.append(piece.text)
        if piece.reasoning:
            self._reasoning.append(piece.reasoning)
            self.reasoning_field = piece.reasoning_field
        for call in piece.calls:
            self._add_call(call)
        self.characters += len(piece.text) + len(piece.reasoning)
        self.characters += sum(len(call.name) + len(call.arguments) for call in piece.calls)
        return piece.visible

    def _add_call(self, piece: CallPiece) -> None:
        call, name, call_id = self._calls.get(piece.index), piece.name, piece.id
        # Some servers number every parallel call 0 and tell them apart by id alone.
        other = call is not None and bool(call_id and call.id and call_id != call.id)
        if call is not None and not other and name and not piece.arguments and call.is_named_again(name):
            self._named_again[piece.index] = call_id
            return
        again = piece.index in self._named_again and piece.arguments.lstrip().startswith("{")
        if call is not None and again and not other and not name:
            other, name, call_id = True, call.name, call_id or self._named_again[piece.index]
        if call is None or other or (name and call.begins_another(name, piece.arguments, call_id)):
            self.shared_place = self.shared_place or call is not None
            self._named_again.pop(piece.index, None)
            call = ToolCall()
            self._calls[piece.index] = call
            self.tool_calls.append(call)
        call.id = call_id or call.id
        call.add(name, piece.arguments)


def _joined(parts: list[str]) -> str:
    """The parts as one text, kept as such: appending to a text would copy it for every token.

    Halves of characters that a server escaped into two messages are joined; a lone half is replaced.
    """
    text = "".join(parts)
    if not text.isascii() and SURROGATE.search(text):
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    parts[:] = [text]
    return text


NAMED_AGAIN_MAX = 1000
"""Pieces of one call with its name: beyond them nobody looks whether a new call begins."""


def _is_object(text: str) -> bool:
    """Whether a text is a whole JSON object."""
    try:
        return text.rstrip().endswith("}") and isinstance(parse(text), dict)
    except UntrustedJsonError:
        return False


def _later_usage(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """The last word for each name; a count of output that fell, as gateways end a stream with zeros, is no word."""
    earlier, later = (_token_count(each.get("completion_tokens")) for each in (before, now))
    return {**before, **now} if earlier is None or later is None or later >= earlier else {**now, **before}


COUNT_MAX = 1_000_000_000
"""Tokens of one reply; no server counts so many."""


def _token_count(value: Any) -> int | None:
    """A count of tokens; None for what can be none: negative, not whole, absurd. Some gateways write 128 as 128.0."""
    value = int(value) if isinstance(value, float) and value.is_integer() else value
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= COUNT_MAX else None
