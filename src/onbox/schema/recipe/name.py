"""Names that are safe as folders."""

MAX_CHARS = 80


def slug(text: str) -> str:
    """A name that is safe as a folder: letters, digits, dot, dash and underscore."""
    kept = "".join(char if char.isalnum() or char in "._-" else "-" for char in text).strip(".-")
    return kept[:MAX_CHARS].strip(".-") or "contender"
