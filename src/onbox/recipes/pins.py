"""What of a recipe may change although the file does not."""

import re

from onbox.recipes.named_files import named_files
from onbox.schema.recipe import Recipe

COMMIT = re.compile(r"[0-9a-f]{40}")


def unpinned(recipe: Recipe) -> tuple[str, ...]:
    """What a name stands for that may mean something else tomorrow, in words; empty for a recipe that is pinned."""
    found = []
    if recipe.container and not recipe.container.digest and not recipe.container.build:
        found.append(f"image {recipe.container.image}: no digest")
    source = recipe.weights.repository if recipe.weights else None
    if source and not COMMIT.fullmatch(source.revision):
        found.append(f"weights {source.source}: no commit")
    for each in named_files(recipe):
        other = each.weights.repository if each.weights and not each.is_model else None
        if other and not COMMIT.fullmatch(other.revision):
            found.append(f"{each.role} {other.source}: no commit")
    return tuple(found)
