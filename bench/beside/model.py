"""The scripted model for all of them: it does the task by whatever way the agent offers, and logs when it was asked.

A line of the log is one completion: the nanoseconds of the monotonic clock when its request had been read, and when its
last byte had been written. That clock is the same for all processes of a box.

    python -m bench.beside.model --log FILE
"""

import argparse
import asyncio
import contextlib
import json
import shlex
import time
from pathlib import Path
from typing import Any

from tests.doubles.frames import Chat
from tests.doubles.script import Answer
from tests.doubles.scripted_engine import Engine

TOK_S = 5000.0
TERMINUS = '"keystrokes"'
"""Stands in what Harbor's agent terminus-2 asks: it offers no tools, and wants JSON with the keys to press."""
WANTED = {"name": "demo", "host": "127.0.0.1", "port": 8080, "debug": False}


def terminus(messages: list[dict[str, Any]]) -> Answer:
    """Write the file; then, as this agent asks it twice, say that it is done."""
    first = sum(message["role"] == "assistant" for message in messages) == 0
    write = {"keystrokes": f"echo {shlex.quote(json.dumps(WANTED))} > config.json\n", "duration": 0.0}
    said = {"analysis": "", "plan": "", "commands": [write] if first else [], "task_complete": not first}
    return Answer(json.dumps(said))


class Logged(Engine):
    """The scripted engine of the tests, with a log."""

    log: Path

    async def reply(self, writer: asyncio.StreamWriter, method: str, path: str, body: dict[str, Any]) -> None:
        """One request."""
        began_ns = time.monotonic_ns()
        if TERMINUS in json.dumps(body.get("messages") or "").replace('\\"', '"'):
            await self.complete(writer, self.mode, body, Chat(self.model, terminus(body["messages"])))
        else:
            await super().reply(writer, method, path, body)
        if method == "POST":
            with self.log.open("a") as log:
                log.write(f"{began_ns} {time.monotonic_ns()}\n")


async def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", type=Path, required=True)
    options = parser.parse_args()
    engine = Logged("good", TOK_S, load_s=0.0, die_on=1, stall_s=0.0, loading=False)
    engine.log = options.log
    server = await asyncio.start_server(engine.serve, "127.0.0.1", 0)
    print(f"port {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
