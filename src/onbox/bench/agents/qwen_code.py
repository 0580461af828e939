"""Qwen Code (npm `@qwen-code/qwen-code`): chat completions, streamed; the longest prompt of all."""

from onbox.bench.agents.headless import KEY, Command, HeadlessAgent, Seat, as_json


class QwenCode(HeadlessAgent):
    """`qwen --prompt`, without asking."""

    name = "qwen-code"
    takes = frozenset({"rules", "mcp", "sampling"})
    program = "qwen"
    install = "npm install -g @qwen-code/qwen-code"

    def command(self, seat: Seat) -> Command:
        """See `HeadlessAgent.command`."""
        server = ("--auth-type", "openai", "--openai-api-key", KEY, "--openai-base-url", seat.url)
        output = ("--output-format", "stream-json", "--chat-recording")
        servers = {name: {"command": argv[0], "args": argv[1:], "env": env} for name, (argv, env) in seat.mcp.items()}
        # Its shell tool would open a pseudo-terminal, which not every sandbox has.
        settings = {"tools": {"shell": {"enableInteractiveShell": False}}, "mcpServers": servers}
        files = {".qwen/settings.json": as_json(settings), **({".qwen/QWEN.md": seat.rules} if seat.rules else {})}
        return Command(
            files=files,
            argv=("--yolo", *server, "--model", seat.model, *output, "--prompt", seat.prompt),
            env={"QWEN_CODE_DISABLE_TELEMETRY": "1", "NO_UPDATE_NOTIFIER": "1"},
        )
