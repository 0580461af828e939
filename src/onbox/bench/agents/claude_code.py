"""Claude Code (npm `@anthropic-ai/claude-code`): Anthropic's /messages, streamed."""

from onbox.bench.agents.headless import KEY, Command, HeadlessAgent, RunSetup, as_json


class ClaudeCode(HeadlessAgent):
    """`claude --print`, every model of its own replaced by the one under test."""

    name = "claude-code"
    takes = frozenset({"rules", "mcp", "sampling"})
    program = "claude"
    install = "npm install -g @anthropic-ai/claude-code"

    def command(self, setup: RunSetup) -> Command:
        """See `HeadlessAgent.command`."""
        roles = ("ANTHROPIC_MODEL", "ANTHROPIC_SMALL_FAST_MODEL", "CLAUDE_CODE_SUBAGENT_MODEL")
        sizes = tuple(f"ANTHROPIC_DEFAULT_{size}_MODEL" for size in ("HAIKU", "SONNET", "OPUS"))
        output = ("--output-format", "stream-json", "--verbose")
        servers = {name: {"command": argv[0], "args": argv[1:], "env": env} for name, (argv, env) in setup.mcp.items()}
        files = {".claude/CLAUDE.md": setup.rules} if setup.rules else {}
        tools: tuple[str, ...] = ()
        if servers:
            files["mcp.json"] = as_json({"mcpServers": servers})
            tools = ("--mcp-config", f"{setup.home}/mcp.json", "--strict-mcp-config")
        return Command(
            argv=("--print", *output, "--permission-mode", "bypassPermissions", *tools),
            files=files,
            env={
                "ANTHROPIC_BASE_URL": setup.root,
                "ANTHROPIC_AUTH_TOKEN": KEY,
                "CLAUDE_CONFIG_DIR": f"{setup.home}/.claude",
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                "CLAUDE_CODE_MAX_OUTPUT_TOKENS": str(setup.limits.turn_tokens),
                "DISABLE_AUTOUPDATER": "1",
                # It refuses to work without asking as root, unless it is told of a sandbox.
                "IS_SANDBOX": "1",
                **dict.fromkeys((*roles, *sizes), setup.model),
            },
            stdin=setup.prompt,
        )
