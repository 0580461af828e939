"""Ollama's /api/chat, as the selftest plays it."""

from onbox.engines.emulation import JSON_LINES, PROMPT_TOKENS, EmulatedApi, Message, StreamEnd, TokenChunk


class OllamaEmulator:
    """JSON lines; the last tells the counts and the durations."""

    content_type = JSON_LINES

    def open(self) -> list[Message]:
        return []

    def write(self, chunk: TokenChunk) -> list[Message]:
        return [{"model": "x", "message": {"role": "assistant", "content": chunk.text}, "done": False}]

    def close(self, end: StreamEnd) -> list[Message]:
        return []

    def usage(self, end: StreamEnd) -> list[Message]:
        return [
            {
                "model": "x",
                "message": {"role": "assistant", "content": ""},
                "done": True,
                "done_reason": "length",
                "prompt_eval_count": PROMPT_TOKENS,
                "eval_count": end.tokens,
                # It covers all tokens that it is told with.
                "eval_duration": round((end.decode_s + end.token_s) * 1e9),
            }
        ]

    def done(self) -> list[Message]:
        return []


EMULATED = {
    "ollama": EmulatedApi("JSON lines with durations, as Ollama sends them", OllamaEmulator, streams_unasked=True)
}
