"""Shows pictures to a model, with controls beside them, and keeps what was asked and what came back."""

import base64
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from onbox.atomic_files import write_atomic, write_json
from onbox.evidence.folder import append_line
from onbox.evidence.records import Exchange, SightPlan, SightTry
from onbox.evidence.replies import read_reply
from onbox.evidence.sight_gates import read_by
from onbox.see import pictures
from onbox.see.pictures import Picture
from onbox.wire.client import StampedClient

CHAT = "/chat/completions"
REFUSALS = 2
"""After so many refused pictures in a row no more are sent."""
COMPLETE = "complete"

Show = Callable[[SightTry, Exchange], None]


class SightSession:
    """The questions to one model, each kept in a folder of its own.

    Args:
        client: a connection to the server.
        model: its name in requests.
        plan: how many, of which size.
        folder: `CONTENDER/vision` in the evidence folder.
        show: told after each answer.
    """

    def __init__(
        self,
        client: StampedClient,
        model: str,
        plan: SightPlan,
        folder: Path,
        show: Show = lambda attempt, exchange: None,
    ) -> None:
        self._client = client
        self._model = model
        self._plan = plan
        self._folder = folder
        self._show = show
        self._n = 0
        self._refused = 0
        self._read = 0
        self._until_s = time.monotonic() + plan.seconds

    def all(self) -> str:
        """Ask everything; returns `complete`, or why no further question was asked."""
        larger = list(self._pictures(small=False))
        controlled = list({picture.kind: picture for picture in larger}.values())
        self._text_only(controlled[0])
        for picture in larger:
            if stop := self._stop():
                return stop
            self._picture(picture)
        if stop := self._stop():
            return stop
        for picture in controlled:
            self._ask(pictures.blank(picture), control="blank")
        for picture in controlled[1:]:
            self._text_only(picture)
        # What is not read at the larger size is not read at the smaller one.
        for picture in self._pictures(small=True) if self._read else ():
            if stop := self._stop():
                return stop
            self._picture(picture)
        return COMPLETE

    def _stop(self) -> str:
        if self._refused >= REFUSALS:
            return f"{REFUSALS} pictures in a row were refused"
        if time.monotonic() > self._until_s:
            return f"{self._plan.seconds:.0f} s were over"
        return ""

    def _pictures(self, *, small: bool) -> Iterator[Picture]:
        if self._plan.image:
            own = pictures.from_file(Path(self._plan.image), self._plan.expect)
            yield from [pictures.smaller(own) if small else own] * self._plan.tries
            return
        for number in range(self._plan.tries):
            kind = pictures.KINDS[number % len(pictures.KINDS)]
            seed = f"{self._plan.seed} {number}"
            yield pictures.made(kind, seed, pictures.SMALL if small else pictures.LARGE)

    def _picture(self, picture: Picture) -> None:
        exchange = self._ask(picture)
        self._refused = self._refused + 1 if exchange.status not in (200, None) else 0
        reply = read_reply(exchange)
        text = reply.content or reply.reasoning
        found = read_by(text, picture.expected)
        self._read += found.complete or found.partly

    def _text_only(self, picture: Picture) -> None:
        self._ask(picture, control="text only")

    def _ask(self, picture: Picture, control: str = "") -> Exchange:
        self._n += 1
        shown = control != "text only"
        home, file = self._folder / str(self._n), "image.png" if picture.suffix == "png" else f"image.{picture.suffix}"
        attempt = SightTry(
            n=self._n,
            kind=picture.kind,
            control=control,
            width=picture.size[0] if shown else 0,
            height=picture.size[1] if shown else 0,
            question=picture.question,
            expected=picture.expected,
            decoys=picture.decoys,
            image=file if shown else "",
            image_sha256=picture.sha256 if shown else "",
        )
        if shown:
            write_atomic(home / file, picture.data)
        body = self._body(picture, shown=shown)
        exchange = self._client.post(CHAT, body, purpose="see")
        append_line(home / "wire.jsonl", exchange)
        write_json(home / "run.json", attempt)
        self._show(attempt, exchange)
        return exchange

    def _body(self, picture: Picture, *, shown: bool) -> dict[str, Any]:
        body = request(self._model, picture.question, picture if shown else None, self._plan.tokens)
        if self._plan.image:
            # One picture many times: only sampling makes another try of it.
            return {**body, "seed": self._plan.seed + self._n}
        return {**body, "temperature": 0}


def request(model: str, question: str, picture: Picture | None, tokens: int) -> dict[str, Any]:
    """The body of a streamed chat request that shows a picture, or none."""
    content: Any = question
    if picture is not None:
        url = f"data:{picture.media_type};base64,{base64.b64encode(picture.data).decode()}"
        content = [{"type": "text", "text": question}, {"type": "image_url", "image_url": {"url": url}}]
    return {
        "model": model,
        "messages": [{"role": "user", "content": content}],
        "max_tokens": tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
