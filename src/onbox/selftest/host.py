"""The servers in a process of their own, so that they and the client that measures them do not wait for each other."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

from onbox.errors import BoxError
from onbox.selftest.server import ShapeServer
from onbox.selftest.shapes import SHAPES, TokenTiming
from onbox.wire.endpoint import Endpoint

STOP_S = 5.0


@contextmanager
def serving(names: Sequence[str], tempo: TokenTiming) -> Iterator[dict[str, Endpoint]]:
    """One server for each shape, each with counters of its own, until the block is left.

    Raises:
        BoxError: the servers did not start.
    """
    task = json.dumps({"names": list(names), "tempo": asdict(tempo)})
    argv = [sys.executable, "-m", "onbox.selftest.host", task]
    # In a session of its own: Ctrl-C is for the one who measures, and ends the servers by the closed pipe.
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                raise BoxError("the servers of the selftest did not start", "see the lines above")
            yield {name: Endpoint("http", "127.0.0.1", port) for name, port in json.loads(line).items()}
        finally:
            process.stdin.close()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


async def serve(port: int, only: str | None, tempo: TokenTiming, on_port: Callable[[int], None]) -> None:
    """Serve one port until cancelled: one shape, or all of them by the model's name; `on_port` is told where.

    Raises:
        OSError: the port is taken.
    """
    server, found = await ShapeServer(tempo, SHAPES[only] if only else None).listen(port)
    on_port(found)
    async with server:
        await server.serve_forever()


async def _main(names: Sequence[str], tempo: TokenTiming) -> None:
    """Serve each shape on a port of its own, print the ports, and stop when the other process goes."""
    listening = {name: await ShapeServer(tempo, SHAPES[name]).listen() for name in names}
    print(json.dumps({name: port for name, (_, port) in listening.items()}), flush=True)
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    loop.add_reader(sys.stdin, gone.set)
    await gone.wait()


if __name__ == "__main__":
    settings = json.loads(sys.argv[1])
    asyncio.run(_main(settings["names"], TokenTiming(**settings["tempo"])))
