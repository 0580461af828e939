"""A small process between onbox and an engine: keeps its log, guards the box's memory, and never lets it run alone.

Standard library only, so that it starts in milliseconds and costs little memory; run as a script:

    python -I -S .../onbox/supervisor/__main__.py SETTINGS -- COMMAND [ARGUMENT ...]

SETTINGS is the JSON of `onbox.supervisor.settings.Settings`. Standard input is the lifeline. Lines on it are
`phase NAME`, `stay` (from now on its end means nothing: the engine was handed over) and `stop`. Its end without `stay`,
which is what kill -9 of onbox leaves, ends the engine like `stop`: TERM to its process group, then KILL after the
grace. A breach of the reserve that the guard sees coming ends it at once. If the supervisor itself is killed, the
kernel kills the engine.

On standard output it says, as JSON lines, the engine's pid and how the engine ended.
"""

import os.path

SUPERVISOR = os.path.join(os.path.dirname(__file__), "__main__.py")
"""The script, for whoever starts it."""
