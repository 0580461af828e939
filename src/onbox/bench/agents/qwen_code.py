"""Qwen Code (npm `@qwen-code/qwen-code`): chat completions, streamed; the longest prompt of all."""

from onbox.bench.agents.headless import KEY, Command, HeadlessAgent, RunSetup, as_json


class QwenCode(HeadlessAgent):
    """`qwen --prompt`, without asking."""

    name = "qwen-code"
    takes = frozenset({"rules", "mcp", "sampling"})
    program = "qwen"
    install = "npm install -g @qwen-code/qwen-code"

    def command(self, setup: RunSetup) -> Command:
        """See `HeadlessAgent.command`."""
        server = ("--auth-type", "openai", "--openai-api-key", KEY, "--openai-base-url", setup.url)
        output = ("--output-format", "stream-json", "--chat-recording")
        servers = {name: {"command": argv[0], "args": argv[1:], "env": env} for name, (argv, env) in setup.mcp.items()}
        # Its shell tool would open a pseudo-terminal, which not every sandbox has.
        settings = {"tools": {"shell": {"enableInteractiveShell": False}}, "mcpServers": servers}
        files = {".qwen/settings.json": as_json(settings), **({".qwen/QWEN.md": setup.rules} if setup.rules else {})}
        return Command(
            files=files,
            argv=("--yolo", *server, "--model", setup.model, *output, "--prompt", setup.prompt),
            env={"QWEN_CODE_DISABLE_TELEMETRY": "1", "NO_UPDATE_NOTIFIER": "1"},
        )
