"""Draft models, adapters and templates that arguments name: found, pinned, let in, counted, and not taken for more."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from onbox import recipes
from onbox.engines import engine_by_name
from onbox.fetch.named import fetch_with_named, named_download_bytes, named_memory, others_of
from onbox.launch.budget import planned, weights_bytes
from onbox.launch.launch_checks import _named
from onbox.recipes.named_files import named_files
from onbox.recipes.pins import unpinned
from onbox.recipes.sparkrun import from_sparkrun
from onbox.schema.recipe import Recipe
from tests.unit.test_docs import METADATA
from tests.unit.weights.checkpoints import write_gguf

SHA = "a" * 40


def vllm(arguments: dict[str, Any], **more: Any) -> Recipe:
    data = {
        "name": "m", "engine": "vllm", "launcher": "docker", "container": {"image": "org/vllm:1"},
        "weights": {"repository": {"repo": "org/Big", "revision": SHA, "bytes": 1000}},
        "serve": {"arguments": arguments}, **more,
    }  # fmt: skip
    return Recipe.model_validate(data)


def named_sources(recipe: Recipe) -> list[tuple[str, str, str]]:
    def source(each: Any) -> str:
        if each.weights is None:
            return "-"
        return "model" if each.is_model else each.weights.path or each.weights.repository.source

    return [(each.role, each.name, source(each)) for each in named_files(recipe)]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ({"speculative-config": json.dumps({"model": "org/Draft", "revision": SHA, "num_speculative_tokens": 3})},
         [("draft model", "org/Draft", f"hf:org/Draft@{SHA}")]),
        ({"speculative-config": '{"method": "mtp", "num_speculative_tokens": 2}'}, []),
        ({"speculative-config": '{"method": "ngram", "model": "ngram"}'}, []),
        ({"speculative-config": '{"model": "org/Big", "method": "eagle"}'}, [("draft model", "org/Big", "model")]),
        ({"lora-modules": ("a=org/LoraA", '{"name": "b", "path": "org/LoraB"}')},
         [("adapter", "org/LoraA", "hf:org/LoraA"), ("adapter", "org/LoraB", "hf:org/LoraB")]),
        ({"chat-template": "unsloth.jinja"}, [("chat template", "unsloth.jinja", "-")]),
        ({"chat-template": "{{ messages }}"}, []),
        ({"tokenizer": "org/Tok", "tokenizer-revision": SHA}, [("tokenizer", "org/Tok", f"hf:org/Tok@{SHA}")]),
        ({"seed": 1, "speculative-config": "{broken"}, []),
    ],
)  # fmt: skip
def test_what_arguments_of_vllm_name(arguments: dict[str, Any], found: list[tuple[str, str, str]]) -> None:
    assert named_sources(vllm(arguments)) == found


def test_of_sglang_and_llama_cpp() -> None:
    data = {"model": "org/m", "runtime": "sglang", "defaults": {"speculative_draft_model": "org/Draft"}}
    assert named_sources(from_sparkrun(data, where="r", stem="r")) == [("draft model", "org/Draft", "hf:org/Draft")]
    llama = {"name": "x", "engine": "llama-server", "weights": {"path": "/w.gguf"},
             "serve": {"arguments": {"model-draft": "/none/d.gguf"}}}  # fmt: skip
    assert named_sources(Recipe.model_validate(llama)) == [("draft model", "/none/d.gguf", "-")]


def test_each_is_let_in_and_the_command_names_it_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBOX_CACHE", str(tmp_path))
    draft = {"model": "org/Draft", "revision": SHA, "num_speculative_tokens": 3}
    recipe = vllm({"speculative-config": json.dumps(draft), "lora-modules": ("a=org/LoraA",)})
    argv = engine_by_name("vllm").launch(recipe, tmp_path / "big", 8000).argv
    mounts = [argv[at + 1] for at, word in enumerate(argv) if word == "--volume"]
    inside = f"/onbox/named/1/org--Draft@{SHA}"
    assert f"{tmp_path}/repositories/org--Draft@{SHA}:{inside}:ro" in mounts
    config = json.loads(argv[argv.index("--speculative-config") + 1])
    assert config == {"model": inside, "num_speculative_tokens": 3}
    assert argv[argv.index("--lora-modules") + 1] == "a=/onbox/named/2/org--LoraA"


def test_what_is_not_pinned_is_named() -> None:
    recipe = vllm({"speculative-config": '{"model": "org/Draft"}', "tokenizer": "org/T", "tokenizer-revision": SHA})
    assert unpinned(recipe)[1:] == ("draft model hf:org/Draft: no commit",)


def test_memory_counts_the_draft_and_knows_what_it_does_not_know(tmp_path: Path) -> None:
    draft, main = tmp_path / "draft.gguf", tmp_path / "main.gguf"
    for path in (draft, main):
        write_gguf(path, METADATA, {"blk.0.ffn_up.weight": ("Q8_0", (64, 64))})
    fields = {"name": "x", "engine": "llama-server", "weights": {"path": str(main)}}
    plain = Recipe.model_validate({**fields, "serve": {"context_tokens": 64}})
    with_draft = Recipe.model_validate(
        {**fields, "serve": {"context_tokens": 64, "arguments": {"model-draft": str(draft)}}}
    )
    assert named_memory(with_draft) == (draft.stat().st_size, f"draft model {draft}")
    without, more = planned(plain, main, 1 << 40, on_cpu=True)[0], planned(with_draft, main, 1 << 40, on_cpu=True)
    if without is not None:
        assert more[0] == without + draft.stat().st_size
    assert weights_bytes(with_draft, main) == (weights_bytes(plain, main) or 0) + draft.stat().st_size
    far = vllm({"speculative-config": '{"model": "org/Draft"}'})
    assert (named_memory(far)[0], weights_bytes(far, None)) == (None, None)
    assert named_download_bytes(far) == 0
    assert [each.name for each in others_of(far)] == ["org/Draft"]


def test_they_are_fetched_with_the_weights(tmp_path: Path) -> None:
    draft, main, template = tmp_path / "draft.gguf", tmp_path / "main.gguf", tmp_path / "own.jinja"
    for path in (draft, main):
        write_gguf(path, METADATA, {"blk.0.ffn_up.weight": ("Q8_0", (64, 64))})
    template.write_text("{{ messages }}")
    fields = {"name": "x", "engine": "llama-server", "weights": {"path": "main.gguf"},
            "serve": {"arguments": {"model-draft": "draft.gguf", "chat-template-file": "own.jinja"}}}  # fmt: skip
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(fields))
    recipe = recipes.load(str(tmp_path / "r.yaml"))
    assert recipe.serve.arguments["model-draft"] == str(draft)
    path, record = fetch_with_named(recipe)
    assert path == main
    assert sorted((each.file, each.bytes) for each in record.further) == [
        ("draft.gguf", draft.stat().st_size), ("own.jinja", template.stat().st_size),
    ]  # fmt: skip


def test_a_check_says_what_is_known_of_them() -> None:
    (check,) = _named(vllm({"speculative-config": '{"model": "org/Draft"}'}))
    assert (check.status, check.observed) == ("pass", "draft model org/Draft")
    (check,) = _named(vllm({"chat-template": "unsloth.jinja"}))
    assert (check.status, check.observed) == ("unknown", "chat-template")
    assert _named(vllm({"seed": 1})) == []
