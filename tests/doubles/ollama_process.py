"""The program of `Ollama`, as far as onbox asks it: `serve` answers on OLLAMA_HOST, `create` fills the store."""

import json
import os
import shutil
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

STORE = Path(os.environ["OLLAMA_MODELS"])
TOKEN = {"choices": [{"message": {"content": "ok"}, "finish_reason": "length"}], "usage": {"completion_tokens": 1}}
loaded: list[str] = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        answers: dict[str, Any] = {
            "/api/version": {"version": "0.0.0"},
            "/api/ps": {"models": [{"name": name} for name in loaded]},
            "/v1/models": {"data": [{"id": name} for name in loaded]},
        }
        self.answer(200 if self.path in answers else 404, answers.get(self.path, {}))

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = (STORE / request["model"]).is_file()
        if known and self.path == "/api/generate":
            loaded.append(request["model"])
        self.answer(200 if known else 404, TOKEN)

    def answer(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


if __name__ == "__main__":
    if sys.argv[1] == "create":
        STORE.mkdir(parents=True, exist_ok=True)
        shutil.copy(sys.argv[4], STORE / sys.argv[2])
    else:
        host, _, port = os.environ["OLLAMA_HOST"].partition(":")
        ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
