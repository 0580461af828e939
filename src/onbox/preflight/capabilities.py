"""How far a server reaches: who it is, how long a conversation may be, which APIs it speaks, whether it sees."""

import secrets

from onbox.engines.openai_models import goes_by, served_names
from onbox.errors import BoxError
from onbox.evidence.records import PreflightCase
from onbox.evidence.sight_gates import read_by
from onbox.preflight.agent_room import OpeningSize
from onbox.preflight.remedies import Trouble
from onbox.preflight.session import TOKENS, PreflightSession, short, trouble
from onbox.see.pictures import made
from onbox.see.sight_session import request

NAMES_SHOWN = 3
CONTEXT_MIN = 16_384
"""Other agents open with 8,000 to 20,000 tokens of instructions and tools; the built-in one with 1,000."""


def server(session: PreflightSession) -> PreflightCase:
    """Who it is."""
    served = session.served
    if served is None or served.kind == "unknown":
        return session.case("server", "unknown", "it does not report which server it is, so no flag can be named")
    others = f", and {len(served.models) - 1} more" if len(served.models) > 1 else ""
    first = session.model if session.model in served.models or not served.models else served.models[0]
    return session.case("server", "pass", f"{served} serves {first}{others}")


def model_name(session: PreflightSession) -> PreflightCase:
    """Whether the server lists the model that is asked for: some answer to any name with the one that they have."""
    names = served_names(session.client)
    if not names:
        return session.case("model", "unknown", "it lists no model")
    if goes_by(session.model, names):
        return session.case("model", "pass", f"it lists {session.model}")
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    listed = ", ".join(names[:NAMES_SHOWN]) + more
    case = session.case(
        "model", "warn", f"the server does not list {session.model} and answers all the same: it lists {listed}"
    )
    return case.model_copy(update={"remedy": f"--model {names[0]}, or leave it out"})


def context(session: PreflightSession) -> PreflightCase:
    """How many tokens prompt and answer may have together."""
    tokens = session.served.context_tokens if session.served else None
    if tokens is None:
        return session.case("context", "unknown", "it does not report its context length", Trouble.CONTEXT)
    if tokens < CONTEXT_MIN:
        detail = f"{tokens:,} tokens: enough for the built-in agent on small tasks, too few for most others"
        return session.case("context", "warn", detail, Trouble.CONTEXT)
    return session.case("context", "pass", f"{tokens:,} tokens")


def agent_fits(session: PreflightSession, agent: str, size: OpeningSize | None, turn_tokens: int) -> PreflightCase:
    """Whether the chosen agent's first request and one answer fit into the context.

    Args:
        session: the conversation; who serves says how long it may be.
        agent: its name.
        size: of its first request; None: nobody knows.
        turn_tokens: that an answer may have.
    """
    tokens = session.served.context_tokens if session.served else None
    if tokens is None:
        return session.case("context", "unknown", "the server does not report its context length")
    if size is None:
        return session.case("context", "unknown", f"{tokens:,} tokens; how much {agent} opens with is not known")
    need = size.tokens + turn_tokens
    if tokens < need:
        detail = (
            f"{tokens:,} tokens are short for {agent}: its first request has about {size.tokens:,} and an answer may"
            f" have {turn_tokens:,}; work needs more ({size.how})"
        )
        return session.case("context", "warn", detail, Trouble.CONTEXT)
    return session.case("context", "pass", f"{tokens:,} tokens; {agent} opens with about {size.tokens:,} ({size.how})")


def output_limit(session: PreflightSession) -> PreflightCase:
    """What becomes of a request for more output than fits; agents with a fixed limit do that all the time."""
    tokens = session.served.context_tokens if session.served else None
    if tokens is None:
        return session.case("output_limit", "unknown", "not asked: the context is not known")
    question = [{"role": "user", "content": "Say ok."}]
    exchange, reply = session.chat(question, max_tokens=tokens, stop=[" ", "\n", "."])
    if broken := trouble(exchange, reply):
        detail = f"a limit as large as the context is refused ({broken}): an agent's limit must be smaller"
        return session.case("output_limit", "warn", detail)
    return session.case("output_limit", "pass", "a limit as large as the context is accepted")


def sampling(session: PreflightSession) -> PreflightCase:
    """What it samples by where a request does not say: agents do not say."""
    known = session.served.sampling if session.served else None
    if known is None:
        return session.case("sampling", "unknown", "it does not report its sampling defaults", Trouble.SAMPLING)
    return session.case("sampling", "pass", ", ".join(f"{key} {_figure(value)}" for key, value in known.items()))


def image(session: PreflightSession) -> PreflightCase:
    """Whether a picture is taken, and whether what only it can tell comes back: one look, where `onbox see` has many.

    It says that a model sees, or that pictures are refused; why one is taken and not read is left to `onbox see`.
    """
    try:
        picture = made("digits", str(secrets.randbelow(2**31)))
    except BoxError as error:
        return session.case("image", "unknown", f"not asked: {error.message}; {error.next_step}")
    exchange, reply = session.chat(request(session.model, picture.question, picture, TOKENS)["messages"])
    if broken := trouble(exchange, reply):
        control, answered = session.chat([{"role": "user", "content": picture.question}], max_tokens=16)
        if exchange.status is None or trouble(control, answered):
            return session.case("image", "unknown", f"no answer about a picture came: {broken}")
        session.vision = False
        return session.case("image", "warn", f"images are refused: {broken}; `onbox see` looks for the cause")
    if any(read_by(text, picture.expected).complete for text in (reply.content, reply.reasoning)):
        session.vision = True
        return session.case("image", "pass", f"a number of six digits was read from a picture: {picture.expected[0]}")
    answer = short(reply.content or reply.reasoning)
    detail = f"a picture is accepted, but {picture.expected[0]} in it was not read: {answer}"
    return session.case("image", "unknown", f"{detail}; `onbox see` asks more than once")


def apis(session: PreflightSession) -> PreflightCase:
    """Which APIs it speaks: Codex wants /responses, Claude Code /messages, and each meets a parser of its own."""
    question = [{"role": "user", "content": "Say ok."}]
    answers = {
        "chat/completions": {"messages": question, "max_tokens": 1},
        "responses": {"input": "Say ok.", "max_output_tokens": 16},
        "messages": {"messages": question, "max_tokens": 1},
        "completions": {"prompt": "ok", "max_tokens": 1},
    }
    offered = []
    for name, body in answers.items():
        exchange, reply = session.post(f"/{name}", {"model": session.model, "stream": False, **body})
        if not trouble(exchange, reply):
            offered.append(name)
    if "chat/completions" not in offered:
        return session.case("apis", "fail", f"no chat/completions, which the built-in agent speaks; {_listed(offered)}")
    missing = [name for name in ("responses", "messages") if name not in offered]
    status = "warn" if missing else "pass"
    lacks = {"responses": "Codex", "messages": "Claude Code"}
    out = "".join(f"; without {name} {lacks[name]} cannot use it" for name in missing)
    return session.case("apis", status, f"{_listed(offered)}{out}", *([Trouble.APIS] if missing else []))


def _listed(names: list[str]) -> str:
    return f"it offers {', '.join(names)}" if names else "it offers no known API"


def _figure(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
