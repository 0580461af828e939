"""A server that sees what is in made pictures, because it makes the same ones; and the ways in which others do not."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from onbox.evidence.records import SightPlan
from onbox.see import pictures
from tests.doubles.server import ReceivedRequest, Server, Wire, serving
from tests.exchanges import delta, event

MODELS = {"data": [{"id": "m", "owned_by": "me"}]}
Answer = Callable[[str, pictures.Picture | None], "str | Reply"]
"""(question, the picture as it was made; None for none or an empty one) -> what is answered."""


class Reply:
    """An answer that is more than text."""

    def __init__(self, *events: str, status: int = 200, body: Any = None) -> None:
        self.events, self.status, self.body = events, status, body


@cache
def album(plan: SightPlan) -> dict[str, pictures.Picture]:
    """The pictures of a plan by the hash of their bytes."""
    found = {}
    for number in range(plan.tries):
        kind = pictures.KINDS[number % len(pictures.KINDS)]
        for size in (pictures.LARGE, pictures.SMALL):
            picture = pictures.made(kind, f"{plan.seed} {number}", size)
            found[picture.sha256] = picture
    return found


def reads(question: str, picture: pictures.Picture | None) -> str:
    """A model that sees."""
    return "It is " + ", ".join(picture.expected).upper() + "." if picture else "I see nothing."


def blind(question: str, picture: pictures.Picture | None) -> str:
    """A model that makes something up."""
    return "alpha, beta, gamma"


@contextmanager
def sighted(
    plan: SightPlan,
    answer: Answer,
    gets: Mapping[str, Any] | None = None,
    image_tokens: int | None = 100,
    sense: str = "Paris",
) -> Iterator[Server]:
    """Serve a model that answers so.

    Args:
        plan: whose pictures it knows.
        answer: to each question.
        gets: more of what it says of itself, by path.
        image_tokens: by which a picture lengthens the prompt; None: usage is not told.
        sense: what it answers to a question that is not about a picture.
    """
    known = album(plan)
    table = {"/v1/models": MODELS, **(gets or {})}

    def script(request: ReceivedRequest, wire: Wire) -> None:
        if request.method == "GET":
            wire.whole(200 if request.path in table else 404, table.get(request.path, {}))
            return
        content = request.json()["messages"][-1]["content"]
        if isinstance(content, str) and "picture" not in content:
            wire.stream([(delta(content=sense) + event("[DONE]")).encode()])
            return
        shown = isinstance(content, list)
        question = content[0]["text"] if shown else content
        data = base64.b64decode(content[1]["image_url"]["url"].partition(",")[2]) if shown else b""
        reply = answer(question, known.get(hashlib.sha256(data).hexdigest()) if shown else None)
        if isinstance(reply, Reply) and reply.status != 200:
            if shown or reply.body is None:
                wire.whole(reply.status, reply.body or {"error": {"message": "boom"}})
                return
            reply = "I see nothing."
        events = reply.events if isinstance(reply, Reply) else (delta(content=reply),)
        tokens = 20 + (image_tokens or 0) * shown
        usage = event({"choices": [], "usage": {"prompt_tokens": tokens, "completion_tokens": 3}})
        wire.stream([("".join(events) + (usage if image_tokens is not None else "") + event("[DONE]")).encode()])

    with serving(script) as server:
        yield server


def refusal(message: str, status: int = 500) -> Reply:
    """A server that turns pictures down, and answers without one."""
    return Reply(status=status, body=json.loads(json.dumps({"error": {"code": status, "message": message}})))
