"""Hosts `ollama serve` with one model: starts it, puts the weights into its store, loads them, and stays.

Run as a script with the standard library only:
`python -I -S ollama_host.py '{"program": PATH, "weights": PATH, "model": NAME, "port": N}'`, with OLLAMA_HOST and
OLLAMA_MODELS set. It ends when the server ends.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from typing import Any

READY_S = 60.0


def serve(config: dict[str, Any]) -> int:
    """Serve the one model; return the server's exit code."""
    server = subprocess.Popen([config["program"], "serve"])
    base = f"http://127.0.0.1:{config['port']}"
    try:
        wait_for(server, f"{base}/api/version")
        print(f"onbox: putting {config['weights']} into the store", flush=True)
        with tempfile.NamedTemporaryFile("w", suffix=".Modelfile") as file:
            file.write(f"FROM {config['weights']}\n")
            file.flush()
            subprocess.run([config["program"], "create", config["model"], "-f", file.name], check=True)
        print(f"onbox: loading {config['model']}", flush=True)
        # A request without a prompt loads the model and says nothing.
        body = json.dumps({"model": config["model"], "keep_alive": -1, "stream": False}).encode()
        request = urllib.request.Request(f"{base}/api/generate", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            answer.read()
        print(f"onbox: serving {config['model']}", flush=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"onbox: {error}", flush=True)
        server.terminate()
        server.wait()
        return 1
    return server.wait()


def wait_for(server: "subprocess.Popen[bytes]", url: str) -> None:
    """Return when the server answers.

    Raises:
        OSError: it ended, or does not answer in time.
    """
    deadline = time.monotonic() + READY_S
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                answer.read()
            return
        except OSError:
            time.sleep(0.05)
    raise OSError("ollama serve does not answer")


if __name__ == "__main__":
    # Proxies of the environment are for the network, and this talks to itself.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    sys.exit(serve(json.loads(sys.argv[1])))
