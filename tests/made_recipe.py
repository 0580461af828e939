"""The recipe of a GGUF file that is nowhere: what the plans of made-up trials hold."""

from onbox.schema.recipe import Recipe, Weights


def gguf_recipe(name: str) -> Recipe:
    """Of a file that is called like the contender."""
    return Recipe(name=name, engine="llama.cpp", model=f"{name}.gguf", weights=Weights(path=f"{name}.gguf"))
