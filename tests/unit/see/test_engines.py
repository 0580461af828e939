"""Which options keep pictures from a model, by engine; and what each engine's package makes of a command line."""

import json

import pytest

from onbox.engines.llama.sight import SIGHT as LLAMA
from onbox.engines.sglang.sight import SIGHT as SGLANG
from onbox.engines.sight import CommandLine, EngineSight
from onbox.engines.vllm.sight import SIGHT as VLLM

GEMMA = "Gemma3ForConditionalGeneration"


def hidden(sight: EngineSight, *words: str, **more: object) -> list[str]:
    line = CommandLine(tuple(words), version="0.32.0", **more)  # type: ignore[arg-type]
    return [each.argument or each.option for each in sight.hiding(line)]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--language-model-only",), ["language-model-only"]),
        (("--language_model_only",), ["language-model-only"]),
        (("--language-model-only", "--no-language-model-only"), []),
        (("--limit-mm-per-prompt", '{"image": 0}'), ["limit-mm-per-prompt"]),
        (('--limit-mm-per-prompt={"image":0,"video":0}',), ["limit-mm-per-prompt"]),
        (("--limit-mm-per-prompt", '{"image": {"count": 0}}'), ["limit-mm-per-prompt"]),
        (("--limit-mm-per-prompt.image", "0"), ["limit-mm-per-prompt"]),
        (("--limit-mm-per-prompt", "image=0,video=1"), ["limit-mm-per-prompt"]),
        (("--limit-mm-per-prompt", '{"image": 4}'), []),
        (("--limit-mm-per-prompt", '{"video": 0}'), []),
        (("--limit-mm-per-prompt", '{"image": 0}', "--limit-mm-per-prompt", '{"image": 2}'), []),
        (("--limit-mm-per-prompt", "{broken"), []),
        (("--max-model-len", "0"), []),
    ],
)
def test_vllm(words: tuple[str, ...], found: list[str]) -> None:
    assert hidden(VLLM, "vllm", "serve", "/m", *words) == found


def test_vllm_names_the_flag_with_its_version() -> None:
    line = CommandLine(("vllm", "serve", "/m", "--language-model-only"), version="0.32.0")
    assert VLLM.hiding(line)[0].remedy == "vLLM 0.32.0: start it without --language-model-only"
    assert VLLM.served(line) == "/m"
    assert "limit-mm-per-prompt" in VLLM.remedies(None)["refused"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("template", "slot"),
    [
        ("{% for m in messages %}{{ m['content'] }}{% endfor %}", True),  # vLLM puts the place in by itself
        ("{% for m in messages %}{% for p in m['content'] %}{{ p.text }}{% endfor %}{% endfor %}", False),
        ("{% for p in message.content %}{% if p.type == 'image' %}<image>{% endif %}{% endfor %}", True),
    ],
)
def test_the_place_of_a_picture_in_a_template(template: str, slot: bool) -> None:
    assert VLLM.slot is not None
    assert VLLM.slot(template) is slot


@pytest.mark.parametrize(
    ("words", "found", "given"),
    [
        ((), [], False),
        (("--mmproj", "/p.gguf"), [], True),
        (("-mm", "/p.gguf", "--no-mmproj"), ["no-mmproj"], True),
        (("--no-mmproj-auto",), ["no-mmproj-auto"], False),
        (("--no-mmproj", "--mmproj-auto"), [], False),
        (("-hf", "org/name"), [], True),
    ],
)
def test_llama(words: tuple[str, ...], found: list[str], given: bool) -> None:
    line = CommandLine(("llama-server", "-m", "/m.gguf", *words))
    assert [each.argument for each in LLAMA.hiding(line)] == found
    assert LLAMA.projector(line) is given
    assert LLAMA.served(line) == "/m.gguf"


def test_llama_by_its_variables_and_the_embedded_one_by_its_settings() -> None:
    assert hidden(LLAMA, "llama-server", environment={"LLAMA_ARG_MMPROJ_AUTO": "0"}) == ["LLAMA_ARG_MMPROJ_AUTO"]
    line = CommandLine(("python", "-I", "/x/llama_host.py", json.dumps({"model": "/m.gguf", "mmproj": "/p.gguf"})))
    assert (LLAMA.served(line), LLAMA.projector(line)) == ("/m.gguf", True)
    broken = CommandLine(("python", "-I", "/x/llama_host.py", "{"))
    assert (LLAMA.served(broken), LLAMA.projector(broken)) == ("", False)


@pytest.mark.parametrize(
    ("words", "architecture", "found"),
    [
        (("--limit-mm-data-per-request", '{"image": 0}'), "X", ["limit-mm-data-per-request"]),
        (("--language-only",), "X", ["language-only"]),
        (("--language-only", "--encoder-urls", "http://e"), "X", []),
        (
            (),
            "Gemma3ForConditionalGeneration",
            ["no --enable-multimodal (off by itself for Gemma3ForConditionalGeneration)"],
        ),
        (("--enable-multimodal",), "Gemma3ForConditionalGeneration", []),
        ((), "Qwen3VLForConditionalGeneration", []),
    ],
)
def test_sglang(words: tuple[str, ...], architecture: str, found: list[str]) -> None:
    line = ("python", "-m", "sglang.launch_server", "--model-path", "/m", *words)
    assert hidden(SGLANG, *line, architectures=(architecture,)) == found
