"""Whether files of JavaScript and TypeScript can be parsed: by node, where it is here.

Any node parses JavaScript. Types are read by `module.stripTypeScriptTypes` of node 22.13 and later; for an older one
the files of TypeScript are unread, and so is everything where there is no node. Node reads no JSX: `.jsx` and `.tsx`
are always unread, and a new `.js` that holds some counts as broken.
"""

import json
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from onbox.bench.agents.program import Program, find
from onbox.bench.sandbox import Bind, CommandSpec, Sandbox
from onbox.errors import BoxError

SUFFIXES = frozenset({".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx"})
PARSE_S = 20.0
_SCRIPT = Path(__file__).with_name("syntax.js")


def parse(root: Path, names: Sequence[str], sandbox: Sandbox) -> tuple[set[str], set[str]]:
    """(broken, unread) of the files, by name.

    Args:
        root: of the workspace; nothing in it is run.
        names: relative to it, with one of `SUFFIXES`.
        sandbox: where node runs.

    Raises:
        BoxError: the sandbox could not start.
    """
    node = _node(shutil.which("node"))
    if node is None:
        return set(), set(names)
    folders = {f"NODE_DIR_{n}": Bind(folder, str(folder)) for n, folder in enumerate(node.folders, 1)}
    done = sandbox.run(
        CommandSpec(
            [*node.argv, "--no-warnings", "--experimental-vm-modules", "-", *(f"./{name}" for name in names)],
            binds={"APP_DIR": Bind(root, "/app"), **folders},
            cwd="APP_DIR",
            timeout_s=PARSE_S,
            stdin=_SCRIPT.read_bytes(),
            output_limit_bytes=2**20,
        )
    )
    try:
        found = json.loads(done.output) if done.exit_code == 0 else {}
        broken, unread = ({name.removeprefix("./") for name in found[key]} & set(names) for key in ("broken", "unread"))
    except (ValueError, KeyError):
        return set(), set(names)
    return broken, unread


@cache
def _node(path: str | None) -> Program | None:
    """Node on this box; None where it is not, or cannot be started."""
    try:
        return find(path, "install node") if path else None
    except BoxError:
        return None
