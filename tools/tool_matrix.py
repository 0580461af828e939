"""What other clients say of servers whose rate is known: writes docs/tool-matrix.md.

Each tool is installed in an environment of its own (the page has the commands) and given by its program:

    python tools/tool_matrix.py --tokenizer DIR --vllm BIN --guidellm BIN --aiperf BIN --llama-benchy BIN --keep DIR

What a tool wrote for a shape is kept in `--keep` and not measured again, so that the work can be done in pieces
(`--shape`); the page is written from what is kept. Every number is read by `onbox.importers`, as `onbox import` does.
Nothing leaves this machine.
"""

import argparse
import http.server
import json
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from onbox.errors import OnboxError
from onbox.evidence.imported import ImportedCell
from onbox.importers import importer_by_name
from onbox.judge.imports.trust import trust
from onbox.selftest.shapes import INVALID, SHAPES, TokenTiming

PAGE = Path(__file__).parents[1] / "docs" / "tool-matrix.md"
CHOSEN = (
    "clean", "role-first", "comments", "gzip", "reasoning-content", "reasoning", "reasoning-only", "tool-call",
    "four-a-chunk", "ragged", "hidden-thirds", "blank-thirds", "usage-on-choice", "usage-late", "no-usage", "proxy-16",
    "one-shot", "short", "error", "usage-one", "two-answers",
)  # fmt: skip
REQUESTS = 3
TOKENS = 128
PROMPT = 32
LIMIT_S = 150.0
OFF = 0.02
"""A rate that is further from the truth is marked."""
WORDS = ("the", "road", "went", "up", "between", "fields", "and", "at", "every", "turn", "someone", "had", "left", "by")


@dataclass(frozen=True)
class Tool:
    """Another client.

    Args:
        name: also its column.
        kind: of `onbox.importers`.
        wanted: the number that is its decode rate.
        argv: its command line from (program, server without /v1, tokenizer, book, file or folder to write).
        wrote: where in that place its result lies.
    """

    name: str
    kind: str
    wanted: str
    argv: Callable[[str, str, str, str, Path], list[str]]
    wrote: str = ""


def _vllm(program: str, url: str, tokenizer: str, book: str, out: Path) -> list[str]:
    return [
        program, "bench", "serve", "--backend", "openai-chat", "--base-url", url, "--endpoint", "/v1/chat/completions",
        "--model", "clean", "--tokenizer", tokenizer, "--dataset-name", "random", "--random-input-len", str(PROMPT),
        "--random-output-len", str(TOKENS), "--num-prompts", str(REQUESTS), "--max-concurrency", "1", "--save-result",
        "--result-dir", str(out.parent), "--result-filename", out.name,
    ]  # fmt: skip


def _guidellm(program: str, url: str, tokenizer: str, book: str, out: Path) -> list[str]:
    return [
        program, "run", "--backend", f"kind=openai_http,target={url},model=clean", "--profile", "kind=synchronous",
        "--constraint", f"kind=max_requests,count={REQUESTS}",
        "--tokenizer", f"kind=huggingface_auto,model={tokenizer}",
        "--data", f"kind=synthetic_text,prompt_tokens={PROMPT},output_tokens={TOKENS}",
        "--output", f"kind=json,path={out}", "--disable-console",
    ]  # fmt: skip


def _aiperf(program: str, url: str, tokenizer: str, book: str, out: Path) -> list[str]:
    return [
        program, "profile", "--model", "clean", "--url", url, "--endpoint-type", "chat", "--streaming", "--tokenizer",
        tokenizer, "--request-count", str(REQUESTS), "--concurrency", "1", "--isl", str(PROMPT), "--osl", str(TOKENS),
        "--output-artifact-dir", str(out), "--ui", "none",
    ]  # fmt: skip


def _benchy(program: str, url: str, tokenizer: str, book: str, out: Path) -> list[str]:
    return [
        program, "--base-url", f"{url}/v1", "--model", "clean", "--tokenizer", tokenizer, "--pp", str(PROMPT),
        "--tg", str(TOKENS), "--runs", str(REQUESTS), "--book-url", book, "--format", "json", "--save-result", str(out),
    ]  # fmt: skip


TOOLS = (
    Tool("vLLM bench", "vllm-bench", "mean_tpot_ms", _vllm),
    Tool("guidellm", "guidellm", "inter_token_latency_ms", _guidellm),
    Tool("AIPerf", "aiperf", "inter_token_latency", _aiperf, "profile_export_aiperf.json"),
    Tool("llama-benchy", "llama-benchy", "tg_throughput", _benchy),
)


# ---------------------------------------------------------------- measuring


def measure(tool: Tool, program: str, shape: str, tokenizer: str, keep: Path) -> None:
    """Let one tool measure one shape, and keep what it wrote, what it printed and how it ended."""
    ended = keep / f"{tool.kind}-{shape}.ended.json"
    if ended.exists():
        return
    out = keep / f"{tool.kind}-{shape}.json"
    with _shape_server(shape) as url, _book_server() as book:
        argv = tool.argv(program, url, tokenizer, book, out)
        try:
            done = subprocess.run(argv, capture_output=True, timeout=LIMIT_S, check=False, text=True, errors="replace")
            code: int | None = done.returncode
            output = done.stdout + done.stderr
        except subprocess.TimeoutExpired:
            code, output = None, ""
    (keep / f"{tool.kind}-{shape}.log").write_text(output)
    ended.write_text(json.dumps({"exit_code": code}))


@contextmanager
def _shape_server(shape: str) -> Iterator[str]:
    argv = [sys.executable, "-m", "onbox", "selftest", "--serve", "--shape", shape, "--json"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        try:
            text = ""
            while not text.endswith("}\n"):
                text += server.stdout.readline()
            yield str(json.loads(text)["url"]).removesuffix("/v1")
        finally:
            server.terminate()


@contextmanager
def _book_server() -> Iterator[str]:
    """A text of common words on loopback: llama-benchy cuts its prompts from a book that it downloads."""
    source = random.Random(1)
    book = " ".join(source.choices(WORDS, k=20_000)).encode()

    class Book(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(book)))
            self.end_headers()
            self.wfile.write(book)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Book) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/book.txt"
        server.shutdown()


def measure_own(keep: Path) -> None:
    """The same shapes by onbox."""
    path = keep / "onbox.json"
    if path.exists():
        return
    wanted = [word for shape in CHOSEN for word in ("--shape", shape)]
    argv = [sys.executable, "-m", "onbox", "selftest", "--json", *wanted]
    done = subprocess.run(argv, capture_output=True, check=False)
    path.write_bytes(done.stdout)


# ---------------------------------------------------------------- telling


def cell(tool: Tool, shape: str, keep: Path) -> str:
    """What a tool said of a shape: its rate, marked where it is off or should not be there, and its complaints."""
    ended = keep / f"{tool.kind}-{shape}.ended.json"
    if not ended.exists():
        return "not run"
    code = json.loads(ended.read_text())["exit_code"]
    exit_told = "" if code == 0 else "hung" if code is None else f"exit {code}"
    out = keep / f"{tool.kind}-{shape}.json"
    try:
        found = [c for c in importer_by_name(tool.kind).read(out / tool.wrote) if isinstance(c, ImportedCell)]
    except OnboxError:
        return f"no result, {exit_told or 'exit 0'}"
    numbers = [n for n in trust(tool.kind, found).numbers if n.name == tool.wanted]
    failed = found[0].failed if found else None
    rate = numbers[0].decode_tok_s if numbers else None
    parts = [_rate(rate, shape), f"{failed} failed" if failed else "", exit_told]
    return ", ".join(part for part in parts if part)


def _rate(rate: float | None, shape: str) -> str:
    truth = 1 / TokenTiming().token_s
    if rate is None:
        return "no rate"
    told = f"{rate:,.1f}" if rate < 1000 else f"{rate:,.0f}"
    wrong = SHAPES[shape].expected == INVALID or abs(rate / truth - 1) > OFF
    return f"**{told}**" if wrong else told


def own_cell(result: dict[str, Any]) -> str:
    """What onbox said."""
    if result["measured_tok_s"] is None:
        return f"refused: {', '.join(result['checks'])}"
    doubts = "" if result["status"] == "valid" else f", {result['status']}: {', '.join(result['checks'])}"
    return f"{_rate(result['measured_tok_s'], result['name'])}{doubts}"


def table(keep: Path) -> str:
    """The rows of the page."""
    own = {result["name"]: result for result in json.loads((keep / "onbox.json").read_text())["shapes"]}
    head = ["shape", "what is odd about it", *(tool.name for tool in TOOLS), "onbox"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for shape in CHOSEN:
        cells = [shape, SHAPES[shape].says, *(cell(tool, shape, keep) for tool in TOOLS), own_cell(own[shape])]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure what is not kept yet; write the page when all is there."""
    parser = argparse.ArgumentParser(description="What other clients say of servers of known truth.")
    parser.add_argument("--tokenizer", help="a folder with tokenizer.json and its configuration")
    for tool in TOOLS:
        parser.add_argument(f"--{tool.kind.removesuffix('-bench')}", dest=tool.kind, help=f"the program of {tool.name}")
    parser.add_argument("--keep", type=Path, required=True, help="where results are kept between calls")
    parser.add_argument("--shape", action="append", choices=CHOSEN, help="only this one; without any, all")
    parser.add_argument("--page", action="store_true", help="write the table into docs/tool-matrix.md")
    options = parser.parse_args()
    options.keep.mkdir(parents=True, exist_ok=True)
    for shape in options.shape or (() if options.page else CHOSEN):
        for tool in TOOLS:
            if program := getattr(options, tool.kind):
                run = partial(measure, tool, program, shape, options.tokenizer)
                run(options.keep)
                print(f"{shape:28}{tool.name:14}{cell(tool, shape, options.keep)}", flush=True)
    if options.page:
        measure_own(options.keep)
        before, rest = PAGE.read_text().split("<!-- matrix:start -->\n")
        _, after = rest.split("<!-- matrix:end -->")
        PAGE.write_text(f"{before}<!-- matrix:start -->\n{table(options.keep)}\n<!-- matrix:end -->{after}")


if __name__ == "__main__":
    main()
