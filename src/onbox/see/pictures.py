"""Pictures made on the spot, with what nobody can guess in them: words, digits, a status page, a chart.

Drawn by Pillow with the font that it brings (Aileron); the answer is known because it was drawn.
"""

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onbox.errors import BoxError, UsageError, install_extra
from onbox.input_files import input_bytes
from onbox.see.word_list import WORDS

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

LARGE = (768, 512)
SMALL = (240, 160)
"""The same picture at less than a third: where the letters get lost, so does the model's resolution."""
FILE_BYTES_MAX = 20 << 20
FILE_PIXELS_MAX = 40_000_000
WORDS_ASK = "Three words are written in this picture. Which? Answer with the three words alone."
DIGITS_ASK = "A number is written in this picture. Which? Answer with its digits alone."
STATUS_ASK = (
    "This picture is a status page. Answer with the code in its header line, and with the name of the one service "
    "that has a red dot. Nothing else."
)
CHART_ASK = "This picture is a bar chart. Which bar is the tallest? Answer with the label below it alone."
FILE_ASK = "What does this picture show, and what is written in it? Answer in one short sentence."
INK, PAPER = "#101418", "#ffffff"
GREEN, RED = "#1a9c46", "#d62222"
SERVICES = 4
BARS = 5


@dataclass(frozen=True)
class Picture:
    """A picture, what is asked about it, and what an answer must hold.

    Args:
        kind: `words`, `digits`, `status`, `chart` or `file`.
        data: the file, PNG unless it is the user's own.
        media_type: of it.
        size: width and height in pixels.
        question: what is asked.
        expected: what must stand in the answer.
        decoys: what must not.
    """

    kind: str
    data: bytes
    media_type: str
    size: tuple[int, int]
    question: str
    expected: tuple[str, ...]
    decoys: tuple[str, ...] = ()

    @property
    def suffix(self) -> str:
        """Of a file's name."""
        return {"image/jpeg": "jpg", "image/webp": "webp", "image/gif": "gif"}.get(self.media_type, "png")

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def made(kind: str, seed: str, size: tuple[int, int] = LARGE) -> Picture:
    """A picture of a kind; the same seed makes the same content at every size.

    Raises:
        BoxError: Pillow is not installed.
    """
    require_pillow()
    return MAKERS[kind](random.Random(f"{seed} {kind}"), size)


def blank(like: Picture) -> Picture:
    """An empty picture of the same size: a control."""
    image = _paper(like.size)
    return replace(like, data=_png(image), media_type="image/png")


def from_file(path: Path, expect: str) -> Picture:
    """The user's own picture, as it is.

    Raises:
        UsageError: it is no picture, or too large.
        BoxError: Pillow is not installed.
    """
    require_pillow()
    from PIL import Image, UnidentifiedImageError

    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise UsageError(f"--image {path}: more than {FILE_BYTES_MAX >> 20} MiB", "give a smaller picture")
        data = input_bytes(path, FILE_BYTES_MAX)
        with Image.open(BytesIO(data)) as image:
            kind, size = image.format or "", image.size
            if size[0] * size[1] > FILE_PIXELS_MAX:
                raise UsageError(f"--image {path}: {size[0]} x {size[1]} pixels are too many", "give a smaller picture")
            image.load()
            if kind not in ("PNG", "JPEG", "WEBP", "GIF"):
                data, kind = _png(image.convert("RGB")), "PNG"
    except OSError as error:
        why = "no picture that can be read" if isinstance(error, UnidentifiedImageError) else error.strerror or error
        raise UsageError(f"--image {path}: {why}", "give a PNG, JPEG or WebP file") from error
    except (ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UsageError(f"--image {path}: cannot be read as a picture: {error}") from error
    return Picture("file", data, f"image/{kind.lower()}", size, FILE_ASK, (expect,))


def smaller(picture: Picture) -> Picture:
    """The user's own picture at a third of its size."""
    from PIL import Image

    size = (max(1, picture.size[0] * SMALL[0] // LARGE[0]), max(1, picture.size[1] * SMALL[0] // LARGE[0]))
    with Image.open(BytesIO(picture.data)) as image:
        return replace(picture, data=_png(image.convert("RGB").resize(size)), media_type="image/png", size=size)


def require_pillow() -> None:
    """
    Raises:
        BoxError: Pillow is not installed.
    """
    try:
        import PIL  # noqa: F401
    except ImportError:
        raise BoxError("pictures are drawn by Pillow, which is not installed", install_extra("see")) from None


# ---------------------------------------------------------------- kinds


def _words(chance: random.Random, size: tuple[int, int]) -> Picture:
    chosen = chance.sample(WORDS, 3)
    image, draw = _canvas(size)
    for line, word in enumerate(chosen):
        _centred(draw, size, (line + 1) / 4, word.upper(), 0.17)
    return Picture("words", _png(image), "image/png", size, WORDS_ASK, tuple(chosen))


def _digits(chance: random.Random, size: tuple[int, int]) -> Picture:
    number = str(chance.randrange(100_000, 1_000_000))
    image, draw = _canvas(size)
    _centred(draw, size, 0.5, number, 0.26)
    return Picture("digits", _png(image), "image/png", size, DIGITS_ASK, (number,))


def _status(chance: random.Random, size: tuple[int, int]) -> Picture:
    width, height = size
    code = str(chance.randrange(10_000, 100_000))
    services = chance.sample(WORDS, SERVICES)
    down = chance.randrange(SERVICES)
    image, draw = _canvas(size)
    draw.rectangle((0, 0, width, height * 0.2), fill="#22303c")
    _text(draw, (0.05 * width, 0.1 * height), f"STATUS  {code}", 0.11 * height, "#ffffff", "lm")
    for row, service in enumerate(services):
        y, radius = height * (0.32 + 0.18 * row), height * 0.055
        x = 0.1 * width
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=RED if row == down else GREEN)
        _text(draw, (0.2 * width, y), service, 0.12 * height, INK, "lm")
    others = tuple(service for row, service in enumerate(services) if row != down)
    return Picture("status", _png(image), "image/png", size, STATUS_ASK, (code, services[down]), others)


def _chart(chance: random.Random, size: tuple[int, int]) -> Picture:
    width, height = size
    labels = chance.sample([word for word in WORDS if len(word) <= 6], BARS)
    heights = chance.sample([0.25, 0.33, 0.41, 0.49, 0.8], BARS)
    tallest = heights.index(max(heights))
    image, draw = _canvas(size)
    base, step = 0.86 * height, width / BARS
    for bar, (label, share) in enumerate(zip(labels, heights, strict=True)):
        left = step * bar + 0.2 * step
        draw.rectangle((left, base - share * 0.95 * base, left + 0.6 * step, base), fill="#3b6ea8")
        _text(draw, (step * (bar + 0.5), 0.93 * height), label, 0.085 * height, INK, "mm")
    draw.line((0, base, width, base), fill=INK, width=max(1, height // 200))
    others = tuple(label for bar, label in enumerate(labels) if bar != tallest)
    return Picture("chart", _png(image), "image/png", size, CHART_ASK, (labels[tallest],), others)


MAKERS: dict[str, Callable[[random.Random, tuple[int, int]], Picture]] = {
    "words": _words,
    "digits": _digits,
    "status": _status,
    "chart": _chart,
}
KINDS = tuple(MAKERS)


# ---------------------------------------------------------------- drawing


def _paper(size: tuple[int, int]) -> "Image":
    from PIL import Image

    return Image.new("RGB", size, PAPER)


def _canvas(size: tuple[int, int]) -> "tuple[Image, ImageDraw]":
    from PIL import ImageDraw

    image = _paper(size)
    return image, ImageDraw.Draw(image)


def _centred(draw: "ImageDraw", size: tuple[int, int], share: float, text: str, letters: float) -> None:
    _text(draw, (size[0] / 2, share * size[1]), text, letters * size[1], INK, "mm")


def _text(draw: "ImageDraw", at: tuple[float, float], text: str, letters_px: float, fill: str, anchor: str) -> None:
    draw.text(at, text, fill=fill, font=_font(letters_px), anchor=anchor)


@cache
def _font(letters_px: float) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(letters_px)


def _png(image: "Image") -> bytes:
    data = BytesIO()
    image.save(data, "PNG")
    return data.getvalue()
