"""Hosts llama.cpp's own HTTP server from the xllamacpp wheel, in this process and nothing else.

Run as a script: `python -I llama_host.py '{"model": PATH, "port": N, ...}'`. The server answers on 127.0.0.1 until the
process ends.
"""

import json
import os
import signal
import sys
import threading
from typing import Any


def serve(config: dict[str, Any]) -> None:
    """Load the model and serve it until SIGTERM.

    Keys of `config`: model (path), alias, port, context_tokens (of all slots together), slots, threads, and optionally
    chat_template (text), mmproj (path of a projector) and no_mmproj.
    """
    import xllamacpp

    params = xllamacpp.CommonParams()  # type: ignore[attr-defined]
    params.model.path = config["model"]
    params.model_alias = {config["alias"]}
    params.hostnames = ["127.0.0.1"]
    params.port = config["port"]
    params.endpoint_metrics = params.endpoint_slots = params.endpoint_props = True
    params.offline = True
    params.verbosity = 4  # of a load it tells the device and the sizes; a request costs some 20 lines, a token none
    params.ui = False
    params.n_ctx = config["context_tokens"]
    params.n_parallel = config["slots"]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = config["threads"]
    if config.get("mmproj"):
        params.mmproj.path = config["mmproj"]
    params.no_mmproj = bool(config.get("no_mmproj"))
    if config.get("chat_template"):
        params.chat_template = config["chat_template"]
    server = xllamacpp.Server(params)  # type: ignore[attr-defined]
    print(f"onbox: serving on {server.listening_address}", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    # llama.cpp's orderly shutdown may wait for a running request; nobody needs that answer any more.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    serve(json.loads(sys.argv[1]))
