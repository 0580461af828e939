"""Recipes that several tests serve."""

from onbox.schema.recipe import Recipe, Weights

RECIPE = Recipe(name="m", engine="llama-embedded", weights=Weights(path="m.gguf"))
