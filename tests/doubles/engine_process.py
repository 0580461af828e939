"""The process of `FakeEngine`: a small server with the standard library only.

Options (JSON, the first argument): port; lines (printed at start); exit_code (dies at once with it); ready_after (so
many questions after /health are answered with 503); token (body of the answer to a chat request) and its status;
dies_when_asked (exits at the second chat request); loads_s (takes memory for so long before it serves); wedges (green,
with counters that tell of a running request, and never a token); compiles (a command that it runs before it serves).
"""

import json
import os
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

OPTIONS: dict[str, Any] = json.loads(sys.argv[1])
TOKEN = {"choices": [{"message": {"content": "ok"}, "finish_reason": "length"}], "usage": {"completion_tokens": 1}}
requests = {"health": 0, "chat": 0}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/health":
            requests["health"] += 1
            self.answer(200 if requests["health"] > OPTIONS.get("ready_after", 0) else 503, {})
        elif self.path == "/v1/models":
            self.answer(200, {"data": [{"id": "fake-model", "seen": os.environ.get("FAKE_SETTING")}]})
        elif self.path == "/metrics" and OPTIONS.get("wedges"):
            text = f"vllm:num_requests_running {requests['chat']}.0\nvllm:generation_tokens_total 5.0\n"
            self.answer(200, text.encode())
        else:
            self.answer(404, {})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        requests["chat"] += 1
        if OPTIONS.get("wedges"):
            time.sleep(3600)
        if OPTIONS.get("dies_when_asked") and requests["chat"] > 1:
            print("assertion failed: tensor", flush=True)
            os._exit(7)
        self.answer(OPTIONS.get("status", 200), OPTIONS.get("token", TOKEN))

    def answer(self, status: int, body: Any) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


print("loading", OPTIONS.get("lines", ""), os.environ.get("FAKE_SETTING", ""), flush=True)
if "compiles" in OPTIONS:
    subprocess.run(OPTIONS["compiles"], check=True)
if "exit_code" in OPTIONS:
    sys.exit(OPTIONS["exit_code"])
taken = []
ends = time.monotonic() + OPTIONS.get("loads_s", 0)
while time.monotonic() < ends:
    taken.append(bytearray(1_000_000))
    time.sleep(0.1)
server = ThreadingHTTPServer(("127.0.0.1", OPTIONS["port"]), Handler)
print("loaded", flush=True)
server.serve_forever()
