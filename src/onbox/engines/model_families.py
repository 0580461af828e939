"""Families of models that write their calls alike, by the model's name."""

import re

FAMILIES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (family, re.compile(pattern, re.IGNORECASE))
    for family, pattern in (
        ("gpt-oss", r"gpt-?oss"),
        ("qwen3.5", r"qwen-?3\.[5-9]"),
        ("qwen3-coder", r"qwen-?3.*coder"),
        ("qwen3", r"qwen-?3|qwq"),
        ("hermes", r"qwen-?2|hermes|smollm"),
        ("deepseek-r1", r"deepseek.*r1"),
        ("deepseek-v3.1", r"deepseek.*v3\.1"),
        ("deepseek-v3", r"deepseek.*v3"),
        ("glm-4.7", r"glm-?4\.[7-9]"),
        ("glm-4", r"glm-?4"),
        ("kimi", r"kimi"),
        ("minimax", r"minimax"),
        ("llama-4", r"llama-?4"),
        ("llama-3", r"llama-?3"),
        ("magistral", r"magistral"),
        ("mistral", r"mistral|devstral|codestral|ministral"),
        ("gemma-4", r"gemma-?4"),
        ("granite-4", r"granite-?4"),
        ("granite", r"granite"),
        ("phi-4", r"phi-?4"),
        ("seed-oss", r"seed.*oss"),
    )
)
"""The first that matches counts."""


def family_of(model: str) -> str:
    """The family of a model by its names; empty for one that is not known here."""
    return next((family for family, pattern in FAMILIES if pattern.search(model)), "")
