"""Pi (npm `@mariozechner/pi-coding-agent`): chat completions, streamed; the shortest prompt of all, four tools.

It ends with exit code 0 even when the server fails.
"""

from onbox.bench.agents.headless import KEY, Command, HeadlessAgent, RunSetup, as_json

FOLDER = ".pi/agent"


class Pi(HeadlessAgent):
    """`pi --print`, with a provider `onbox` that is the proxy."""

    name = "pi"
    takes = frozenset({"rules", "sampling"})
    program = "pi"
    install = "npm install -g @mariozechner/pi-coding-agent"

    def command(self, setup: RunSetup) -> Command:
        """See `HeadlessAgent.command`."""
        model = {"id": setup.model, "maxTokens": setup.limits.turn_tokens}
        provider = {"baseUrl": setup.url, "apiKey": KEY, "api": "openai-completions", "models": [model]}
        sessions = f"{setup.home}/sessions"
        chosen = ("--provider", "onbox", "--model", setup.model)
        return Command(
            argv=("--print", "--mode", "json", "--session-dir", sessions, *chosen, setup.prompt),
            env={"PI_CODING_AGENT_DIR": f"{setup.home}/{FOLDER}", "PI_OFFLINE": "1"},
            files={
                f"{FOLDER}/models.json": as_json({"providers": {"onbox": provider}}),
                **({f"{FOLDER}/AGENTS.md": setup.rules} if setup.rules else {}),
            },
        )
