"""opencode (npm `opencode-ai`): chat completions, streamed; one more request for a title, without tools."""

from onbox.bench.agents.headless import KEY, Command, HeadlessAgent, RunSetup, as_json


class OpenCode(HeadlessAgent):
    """`opencode run`, with a provider `onbox` that is the proxy."""

    name = "opencode"
    takes = frozenset({"rules", "mcp", "sampling"})
    program = "opencode"
    install = "npm install -g opencode-ai"

    def command(self, setup: RunSetup) -> Command:
        """See `HeadlessAgent.command`."""
        # A context of 0 is one that opencode does not know: it then never shortens a conversation by itself.
        model = {"name": setup.model, "limit": {"context": 0, "output": setup.limits.turn_tokens}}
        config = {
            "$schema": "https://opencode.ai/config.json",
            "provider": {
                "onbox": {
                    "npm": "@ai-sdk/openai-compatible",
                    "name": "onbox",
                    "options": {"baseURL": setup.url, "apiKey": KEY},
                    "models": {setup.model: model},
                }
            },
            "model": f"onbox/{setup.model}",
            "small_model": f"onbox/{setup.model}",
            "share": "disabled",
            "autoupdate": False,
            "mcp": {
                name: {"type": "local", "command": list(argv), "environment": env, "enabled": True}
                for name, (argv, env) in setup.mcp.items()
            },
        }
        path = ".config/opencode/opencode.json"
        return Command(
            argv=("run", "--format", "json", "--dangerously-skip-permissions", "-m", f"onbox/{setup.model}"),
            env={
                "OPENCODE_CONFIG": f"{setup.home}/{path}",
                "OPENCODE_DISABLE_AUTOUPDATE": "1",
                "OPENCODE_DISABLE_MODELS_FETCH": "1",
                "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
            },
            files={path: as_json(config), **({".config/opencode/AGENTS.md": setup.rules} if setup.rules else {})},
            stdin=setup.prompt,
        )
