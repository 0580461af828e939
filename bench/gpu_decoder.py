"""A server on a GPU whose decode step reads a known number of bytes: a truth for `onbox speed` on real hardware.

It holds weights of the shapes of a Llama model, filled with noise, and multiplies one vector by every matrix for each
token, as a decoder of batch 1 does; there is no attention, no sense in what it says, and no prompt is read. A CUDA
graph keeps the host out of the step. Its rate by CUDA events is the truth that the client must find, and weights over
time is the bandwidth that `onbox speed --weights` must tell. Needs torch and a GPU:

    python bench/gpu_decoder.py --make /tmp/weights           # headers of the weights, no content
    python bench/gpu_decoder.py --serve 8100                 # serves; on Ctrl-C prints the truth
"""

import argparse
import json
import math
import signal
import statistics
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HIDDEN, INNER, LAYERS, HEADS, VOCABULARY = 4096, 14336, 32, 32, 32_000
MODEL = "noise-7b"


def shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of a Llama checkpoint in bfloat16."""
    found: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (VOCABULARY, HIDDEN)}
    for layer in range(LAYERS):
        head = f"model.layers.{layer}"
        found |= {f"{head}.self_attn.{name}_proj.weight": (HIDDEN, HIDDEN) for name in "qkvo"}
        found |= {f"{head}.mlp.{name}_proj.weight": (INNER, HIDDEN) for name in ("gate", "up")}
        found[f"{head}.mlp.down_proj.weight"] = (HIDDEN, INNER)
    return found | {"lm_head.weight": (VOCABULARY, HIDDEN)}


def make(folder: Path) -> None:
    """Write `config.json` and a safetensors file that has all its length and none of its content."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS,
        "vocab_size": VOCABULARY,
        "torch_dtype": "bfloat16",
        "tie_word_embeddings": False,
    }
    (folder / "config.json").write_text(json.dumps(config))
    header, end = {}, 0
    for name, shape in shapes().items():
        start, end = end, end + 2 * math.prod(shape)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)


class Decoder:
    """The weights on the GPU, and the step that reads all of them but the embedding once."""

    def __init__(self) -> None:
        import torch

        self._torch = torch
        read = {name: shape for name, shape in shapes().items() if "embed" not in name}
        self.bytes_per_token = sum(2 * math.prod(shape) for shape in read.values())
        weights = [torch.empty(shape, dtype=torch.bfloat16, device="cuda").normal_() for shape in read.values()]
        vectors = {width: torch.ones(width, dtype=torch.bfloat16, device="cuda") for width in (HIDDEN, INNER)}
        for _ in range(3):
            _ = [weight @ vectors[weight.shape[1]] for weight in weights]
        torch.cuda.synchronize()
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._out = [weight @ vectors[weight.shape[1]] for weight in weights]
        self.step_ms: list[float] = []

    def step(self) -> None:
        """Make one token; the time by CUDA events goes into `step_ms`."""
        start, end = (self._torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        self._graph.replay()
        end.record()
        end.synchronize()
        self.step_ms.append(start.elapsed_time(end))


class Counts:
    """vLLM's counters, for the witness that looks at them."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.running = self.requests = self.generated = self.prompt = 0
        self.decode_s = 0.0
        self.began = time.time()

    def text(self) -> str:
        """Prometheus text."""
        label = f'{{engine="0",model_name="{MODEL}"}}'
        rows = (
            ("num_requests_running", "gauge", self.running),
            ("num_requests_waiting", "gauge", 0),
            ("prompt_tokens_total", "counter", self.prompt),
            ("generation_tokens_total", "counter", self.generated),
            ("num_preemptions_total", "counter", 0),
            ("prefix_cache_queries_total", "counter", self.prompt),
            ("prefix_cache_hits_total", "counter", 0),
        )
        lines = [f"process_start_time_seconds {self.began}"]
        for name, kind, value in rows:
            family = name.removesuffix("_total")
            lines += [f"# TYPE vllm:{family} {kind}", f"vllm:{name}{label} {value}"]
        for family, total in (
            ("request_generation_tokens", self.generated),
            ("request_prompt_tokens", self.prompt),
            ("request_decode_time_seconds", self.decode_s),
        ):
            lines += [
                f"# TYPE vllm:{family} histogram",
                f'vllm:{family}_bucket{{le="+Inf",model_name="{MODEL}"}} {self.requests}',
                f"vllm:{family}_sum{label} {total}",
                f"vllm:{family}_count{label} {self.requests}",
            ]
        lines += [
            "# TYPE vllm:request_success counter",
            f'vllm:request_success_total{{finished_reason="length",model_name="{MODEL}"}} {self.requests}',
        ]
        return "\n".join(lines) + "\n"


def handler(decoder: Decoder, counts: Counts) -> type[BaseHTTPRequestHandler]:
    """The routes that `onbox speed` asks."""

    class Routes(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            """Models, version, health and counters."""
            if self.path == "/metrics":
                self._whole("text/plain; version=0.0.4", counts.text().encode())
            elif self.path == "/v1/models":
                self._json({"object": "list", "data": [{"id": MODEL, "owned_by": "vllm", "max_model_len": 32_768}]})
            else:
                self._json({"version": "0.0"}, 200 if self.path in ("/version", "/health") else 404)

        def do_POST(self) -> None:
            """Completions and chat, streamed or whole."""
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            chat = "messages" in body
            if not chat and "prompt" not in body:
                self._json({"error": {"message": "no such route"}}, 404)
                return
            tokens, prompt = body.get("max_tokens", 16), len(json.dumps(body.get("messages") or body["prompt"])) // 4
            words = ["Paris"] + [" noise"] * (tokens - 1)
            with counts.lock:
                counts.running += 1
            stream = body.get("stream", False)
            if stream:
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("transfer-encoding", "chunked")
                self.end_headers()
            first = last = 0.0
            for n, word in enumerate(words):
                decoder.step()
                last = time.perf_counter()
                first = first or last
                if stream:
                    end = "length" if n + 1 == tokens else None
                    self._event(_choice(chat, word, end, "delta"))
            usage = {"prompt_tokens": prompt, "completion_tokens": tokens, "total_tokens": prompt + tokens}
            usage["prompt_tokens_details"] = {"cached_tokens": 0}  # type: ignore[assignment]
            spent = {"generation_time_ms": 1e3 * (last - first)}
            with counts.lock:
                counts.running -= 1
                counts.requests += 1
                counts.generated += tokens
                counts.prompt += prompt
                counts.decode_s += last - first
            if stream:
                self._event({"choices": [], "usage": usage, "metrics": spent})
                self._write(b"data: [DONE]\n\n")
                self.wfile.write(b"0\r\n\r\n")
            else:
                self._json({**_choice(chat, "".join(words), "length", "message"), "usage": usage})

        def _event(self, value: dict[str, Any]) -> None:
            self._write(b"data: " + json.dumps(value).encode() + b"\n\n")

        def _write(self, data: bytes) -> None:
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()

        def _json(self, value: dict[str, Any], status: int = 200) -> None:
            self._whole("application/json", json.dumps(value).encode(), status)

        def _whole(self, kind: str, data: bytes, status: int = 200) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return Routes


def _choice(chat: bool, text: str, end: str | None, part: str) -> dict[str, Any]:
    said: dict[str, Any] = {part: {"role": "assistant", "content": text}} if chat else {"text": text}
    return {"id": "n", "object": "chunk", "model": MODEL, "choices": [{"index": 0, **said, "finish_reason": end}]}


def main() -> None:
    """Make the headers, or serve until interrupted and then print the truth."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--make", type=Path)
    options.add_argument("--serve", type=int, metavar="PORT")
    arguments = options.parse_args()
    if arguments.make:
        make(arguments.make)
    if arguments.serve:
        # A shell starts background jobs with SIGINT ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        decoder, counts = Decoder(), Counts()
        server = ThreadingHTTPServer(("127.0.0.1", arguments.serve), handler(decoder, counts))
        print(json.dumps({"url": f"http://127.0.0.1:{arguments.serve}/v1", "bytes_per_token": decoder.bytes_per_token}))
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            step_ms = statistics.median(decoder.step_ms)
            gb_s = decoder.bytes_per_token / step_ms / 1e6
            print(json.dumps({"step_ms": step_ms, "steps_s": 1e3 / step_ms, "read_gb_s": gb_s}))


if __name__ == "__main__":
    main()
