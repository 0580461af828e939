"""The shapes: each a way in which servers, and what stands before them, really send a stream.

Every shape decodes at a rate that is known exactly; it differs from the clean one by the few words of its definition.
Where the evidence is an issue of another project its number stands beside it.
"""

from dataclasses import dataclass
from types import MappingProxyType

from onbox.engines import all_facts

VALID, SUSPECT, INVALID = "valid", "suspect", "invalid"


@dataclass(frozen=True)
class TokenTiming:
    """When tokens are made.

    Args:
        prefill_s: from the request to the first token.
        token_s: from one token to the next.
        stall_s: the pause of shapes that have one.
        late_s: how long after the last token the usage comes, where it comes late.
    """

    prefill_s: float = 0.2
    token_s: float = 0.01
    stall_s: float = 5.0
    late_s: float = 0.5


@dataclass(frozen=True)
class Shape:
    """One way to send a stream, and what a good client makes of it.

    Args:
        name: also the name of the model that has this shape.
        says: what is odd about it.
        expected: the status that the measurement must get.
        checks: the checks that must refuse it (`invalid`) or doubt it (`suspect`), and no other.
        api: of `onbox.speed.api_requests.APIS`.
        chunk: tokens a chunk, in turn; empty for all in one.
        parts: where the text goes, an equal share of the tokens each: `content`, `reasoning`, `reasoning_content` or
            `call N`.
        in_turn: the parts take turns token by token.
        hidden: no chunk for every third token.
        blank: an empty chunk for every third token.
        opening: so many tokens are made before the first that is shown.
        made: share of the asked tokens that is made; then the model stops.
        finish: the finish reason; empty for none. `stop` ends in a token that is counted and never shown.
        role_first: the chunk with the role comes before the prompt is read.
        flush: so many chunks are held back and sent together.
        comments: keep-alive comments between the events.
        stall: a pause in the middle.
        answers: answers to one request.
        usage: `end`, `choice` (on the last choice), `twice`, `every` (chunk, cumulative), `late`, `none`, `one` (says
            1), `summed` (adds up what is cumulative).
        token_ids: token ids come with the text.
        account: the engine's own account of the request: `timings`, `metrics`, or none.
        fault: `error`, `named error`, `cut`, `no end`, `status` or none.
        counters: `exact`, `none`, `stray` (someone else is served), `reset` (restarted after each request).
        framing: `lf`, `crlf`, `lines` (each event in several data lines), `document` (not streamed at all).
        split: writes that end inside a character: `utf-8`, `escape`, or none.
        encoding: `gzip`, `held gzip` (nothing is flushed), `br`, or none.
        http: `1.1`, or `1.0` whose body ends with the connection.
        late_headers: even the status line comes with the first token.
    """

    name: str
    says: str
    expected: str = VALID
    checks: tuple[str, ...] = ()
    api: str = "chat"
    chunk: tuple[int, ...] = (1,)
    parts: tuple[str, ...] = ("content",)
    in_turn: bool = False
    hidden: bool = False
    blank: bool = False
    opening: int = 0
    made: float = 1.0
    finish: str = "length"
    role_first: bool = False
    flush: int = 1
    comments: bool = False
    stall: bool = False
    answers: int = 1
    usage: str = "end"
    token_ids: bool = False
    account: str = ""
    fault: str = ""
    counters: str = "exact"
    framing: str = "lf"
    split: str = ""
    encoding: str = ""
    http: str = "1.1"
    late_headers: bool = False


NO_USAGE = ("OUTPUT_LENGTH", "STEADY", "TOKEN_RESIDUAL", "USAGE", "WITNESSES_AGREE")
THIRDS = ("reasoning_content", "reasoning_content", "content")

_ALL = (
    # What a client must measure right.
    Shape("clean", "one token a chunk, usage at the end"),
    Shape("completions", "raw completions in place of chat", api="completions"),
    Shape("responses", "the events of /v1/responses", api="responses"),
    Shape("messages", "the events of Anthropic's /v1/messages", api="messages"),
    *(Shape(name, api.says, api=name) for facts in all_facts() for name, api in facts.emulated.items()),
    Shape("role-first", "the chunk with the role comes before the prompt is read", role_first=True),
    Shape("comments", "keep-alive comments between the events", comments=True),
    Shape("crlf", "lines end in CR LF", framing="crlf"),
    Shape("data-lines", "each event is spread over several data lines", framing="lines"),
    Shape("reasoning-content", "two thirds are delta.reasoning_content", parts=THIRDS),
    Shape("reasoning", "two thirds are delta.reasoning", parts=("reasoning", "reasoning", "content")),
    Shape("reasoning-only", "nothing but reasoning", parts=("reasoning_content",)),
    Shape("reasoning-after", "reasoning after content", parts=("content", "reasoning")),
    Shape("tool-call", "the answer is a tool call, spelled in deltas", parts=("call 0",), finish="tool_calls"),
    Shape(
        "parallel-calls",
        "two tool calls whose deltas take turns",
        parts=("call 0", "call 1"),
        in_turn=True,
        finish="tool_calls",
    ),
    Shape("four-a-chunk", "four tokens a chunk, as under speculative decoding", chunk=(4,)),
    Shape("ragged", "1, 2, 4 and 8 tokens a chunk in turn", chunk=(1, 2, 4, 8)),
    Shape("first-alone", "one token first, then three to five a chunk", chunk=(1, 3, 5, 4, 3, 5, 4, 3, 5, 4, 3, 5, 4)),
    Shape("counted", "ragged chunks with usage in every one", chunk=(8, 1, 1), usage="every", opening=5),
    Shape("token-ids", "an opening that is never shown, and token ids", opening=8, token_ids=True, chunk=(3,)),
    Shape("hidden-thirds", "every third token is swallowed", hidden=True),
    Shape("blank-thirds", "every third chunk is empty", blank=True),
    Shape("natural-end", "the last token ends the reply and is never shown", finish="stop"),
    Shape("usage-on-choice", "usage stands on the last choice", usage="choice"),
    Shape("reasoning-usage-on-choice", "both of these", parts=THIRDS, usage="choice"),
    Shape("usage-twice", "usage on the last choice and again by itself", usage="twice"),
    Shape("usage-late", "usage comes half a second after the last token", usage="late"),
    Shape("timings", "an object `timings` at the end", account="timings"),
    Shape("request-metrics", "an object `metrics` at the end", account="metrics"),
    Shape("split-utf-8", "writes end inside a character", split="utf-8"),
    Shape("split-escape", "writes end inside a JSON escape", split="escape"),
    Shape("gzip", "compressed though identity was asked, flushed chunk by chunk", encoding="gzip"),
    Shape("http-1.0", "HTTP/1.0: the body ends with the connection", http="1.0"),
    Shape("late-headers", "even the status line comes with the first token", late_headers=True),
    Shape("stall", "a pause of 5 s in the middle: a lower rate, and a true one", stall=True),
    # What it may show, and must doubt.
    Shape("proxy-16", "a proxy sends every 16 chunks together", SUSPECT, ("COALESCED",), flush=16),
    Shape("no-usage", "no usage", SUSPECT, NO_USAGE, usage="none"),
    Shape(
        "no-counters",
        "no /metrics",
        SUSPECT,
        ("COUNTER_RESET", "IDLE_AFTER", "IDLE_BEFORE", "PREEMPTIONS", "STRAY_TRAFFIC", "TOKEN_RESIDUAL"),
        counters="none",
        account="timings",
    ),
    Shape("hidden-opening", "sixteen tokens before the first shown", SUSPECT, ("WITNESSES_AGREE",), opening=16),
    # What it must refuse.
    Shape("one-shot", "the whole answer in one event", INVALID, ("BURSTS", "ONE_SHOT"), chunk=()),
    Shape("not-streamed", "one JSON document", INVALID, ("BURSTS", "ONE_SHOT"), framing="document"),
    Shape("held-gzip", "compressed, and flushed at the end", INVALID, ("BURSTS", "ONE_SHOT"), encoding="held gzip"),
    Shape("proxy-32", "a proxy sends every 32 chunks together", INVALID, ("BURSTS",), flush=32),
    Shape("short", "the model stops after an eighth", INVALID, ("OUTPUT_LENGTH",), made=1 / 8, finish="stop"),
    Shape("error", "an error in mid-stream, then [DONE]", INVALID, ("STREAM_ERROR",), fault="error"),
    Shape("named-error", "an event named error", INVALID, ("STREAM_ERROR",), fault="named error"),
    Shape("cut", "the connection breaks in mid-stream", INVALID, ("COMPLETE", "STREAM_ERROR"), fault="cut"),
    Shape("no-end", "neither finish reason nor [DONE]", INVALID, ("STREAM_ERROR",), fault="no end"),
    Shape("no-finish", "[DONE] without a finish reason", INVALID, ("STREAM_ERROR",), finish=""),
    Shape("refused", "status 503", INVALID, ("BURSTS", "COMPLETE", "STREAM_ERROR"), fault="status"),
    Shape("brotli", "compressed with br", INVALID, ("BURSTS", "COMPLETE", "STREAM_ERROR"), encoding="br"),
    Shape("usage-one", "usage says 1 (smg#282)", INVALID, ("OUTPUT_LENGTH", "TOKEN_RESIDUAL", "USAGE"), usage="one"),
    Shape(
        "usage-summed",
        "usage adds up what was cumulative",
        INVALID,
        ("TOKEN_RESIDUAL", "USAGE"),
        usage="summed",
    ),
    Shape("two-answers", "two choices to one request", INVALID, ("ONE_ANSWER",), answers=2),
    Shape("stray", "someone else is served meanwhile", INVALID, ("STRAY_TRAFFIC", "TOKEN_RESIDUAL"), counters="stray"),
    Shape("restarted", "the server starts anew after each request", INVALID, ("COUNTER_RESET",), counters="reset"),
)

SHAPES = MappingProxyType({shape.name: shape for shape in _ALL})
"""By name, in the order in which they are told."""
