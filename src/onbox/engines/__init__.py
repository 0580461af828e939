"""The software that serves, one package each behind one protocol.

`onbox.engines.<engine>` holds all that is known of one engine: its command line by version, its log, its counters and
times, its endpoints, its route past the parser, what helps against which trouble, how it is seen on a box. It starts
nothing: `onbox.launch` does.
"""

from onbox.engines.base import Engine, EngineFacts
from onbox.engines.launch import Launch
from onbox.engines.registry import all_facts, engine_by_name, engine_names, facts_of, log_lines

__all__ = ["Engine", "EngineFacts", "Launch", "all_facts", "engine_by_name", "engine_names", "facts_of", "log_lines"]
