"""Where a server is, or will be: the URL of one that runs already, else a port of this box that is free."""

import os
from dataclasses import replace

from onbox.errors import BoxError, UsageError
from onbox.launch.ports import free_port, port_open, taken_by
from onbox.schema.recipe import Recipe
from onbox.secret_forms import keep_out
from onbox.wire.endpoint import Endpoint


def address_of(recipe: Recipe) -> Endpoint:
    """The endpoint of what a recipe serves.

    Raises:
        BoxError: the port that it asks for is taken.
        UsageError: the key that it names is not in the environment.
    """
    if recipe.url is not None:
        return replace(Endpoint.parse(recipe.url), key=_key(recipe))
    port = recipe.serve.port
    if port is not None and port_open("127.0.0.1", port):
        raise BoxError(f"{recipe.name}: serve.port: {port} is taken{taken_by(port)}", "free it, or leave it out")
    return Endpoint("http", "127.0.0.1", port or free_port())


def _key(recipe: Recipe) -> str:
    """What the user put into the environment for this server."""
    name = recipe.api_key_env
    key = os.environ.get(name, "").strip() if name else ""
    if name and not key:
        raise UsageError(f"{recipe.name}: api_key_env: {name} is not set", f"export {name}=...")
    keep_out(key)
    return key
