"""The chat template of a recipe as a file, for engines that want to read one."""

import hashlib
from pathlib import Path

from onbox.atomic_files import write_atomic
from onbox.schema.recipe import Recipe
from onbox.user_folders import cache_folder


def template_path(recipe: Recipe) -> Path:
    """The file in the cache that holds the recipe's chat template; it is named by its hash, so it is never wrong."""
    text = (recipe.serve.chat_template or "").encode()
    path = cache_folder() / "templates" / f"{hashlib.sha256(text).hexdigest()[:16]}.jinja"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, text)
    return path
