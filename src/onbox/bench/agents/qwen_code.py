"""Qwen Code (npm `@qwen-code/qwen-code`): chat completions, streamed; the longest prompt of all."""

from onbox.bench.agents.headless import KEY, Command, HeadlessAgent, Seat


class QwenCode(HeadlessAgent):
    """`qwen --prompt`, without asking."""

    name = "qwen-code"
    program = "qwen"
    install = "npm install -g @qwen-code/qwen-code"

    def command(self, seat: Seat) -> Command:
        """See `HeadlessAgent.command`."""
        server = ("--auth-type", "openai", "--openai-api-key", KEY, "--openai-base-url", seat.url)
        output = ("--output-format", "stream-json", "--chat-recording")
        return Command(
            argv=("--yolo", *server, "--model", seat.model, *output, "--prompt", seat.prompt),
            env={"QWEN_CODE_DISABLE_TELEMETRY": "1", "NO_UPDATE_NOTIFIER": "1"},
        )
