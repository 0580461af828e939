"""Pi (npm `@mariozechner/pi-coding-agent`): chat completions, streamed; the shortest prompt of all, four tools.

It ends with exit code 0 even when the server fails.
"""

from onbox.bench.agents.headless import KEY, Command, HeadlessAgent, Seat, as_json

FOLDER = ".pi/agent"


class Pi(HeadlessAgent):
    """`pi --print`, with a provider `onbox` that is the proxy."""

    name = "pi"
    takes = frozenset({"rules", "sampling"})
    program = "pi"
    install = "npm install -g @mariozechner/pi-coding-agent"

    def command(self, seat: Seat) -> Command:
        """See `HeadlessAgent.command`."""
        model = {"id": seat.model, "maxTokens": seat.limits.turn_tokens}
        provider = {"baseUrl": seat.url, "apiKey": KEY, "api": "openai-completions", "models": [model]}
        sessions = f"{seat.home}/sessions"
        chosen = ("--provider", "onbox", "--model", seat.model)
        return Command(
            argv=("--print", "--mode", "json", "--session-dir", sessions, *chosen, seat.prompt),
            env={"PI_CODING_AGENT_DIR": f"{seat.home}/{FOLDER}", "PI_OFFLINE": "1"},
            files={
                f"{FOLDER}/models.json": as_json({"providers": {"onbox": provider}}),
                **({f"{FOLDER}/AGENTS.md": seat.rules} if seat.rules else {}),
            },
        )
