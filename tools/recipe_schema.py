"""Write the JSON Schema of a recipe, for editors: `PYTHONPATH=src:. .venv/bin/python tools/recipe_schema.py`."""

import json
from pathlib import Path

from onbox.recipes import Recipe

PAGE = Path(__file__).parents[1] / "docs" / "recipe.schema.json"


def text() -> str:
    """The schema as the file has it."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Recipe.model_json_schema()}
    return json.dumps(schema, indent=1) + "\n"


if __name__ == "__main__":
    PAGE.write_text(text())
