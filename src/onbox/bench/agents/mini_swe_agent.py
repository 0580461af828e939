"""mini-swe-agent (PyPI `mini-swe-agent`): chat completions, not streamed; one tool, a short prompt.

It nudges a model three times that answers without a call, so its runs do not end with the first words alone.
"""

from onbox.bench.agents.headless import KEY, Command, HeadlessAgent, RunSetup


class MiniSweAgent(HeadlessAgent):
    """`mini --yolo`, through litellm."""

    name = "mini-swe-agent"
    program = "mini"
    package = "mini-swe-agent"
    install = "uv tool install mini-swe-agent, or pipx install mini-swe-agent"

    def command(self, setup: RunSetup) -> Command:
        """See `HeadlessAgent.command`."""
        options = ("--model", f"openai/{setup.model}", "--task", setup.prompt)
        # Naming one configuration leaves the default out, so both are named.
        config = ("-c", "mini", "-c", f"agent.step_limit={setup.limits.turns}")
        return Command(
            argv=("--yolo", "--exit-immediately", *options, "--output", f"{setup.home}/trajectory.json", *config),
            env={
                "MSWEA_CONFIGURED": "true",
                "MSWEA_COST_TRACKING": "ignore_errors",
                "MSWEA_GLOBAL_CONFIG_DIR": f"{setup.home}/.config/mini-swe-agent",
                "OPENAI_API_BASE": setup.url,
                "OPENAI_API_KEY": KEY,
                "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            },
        )
