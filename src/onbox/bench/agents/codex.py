"""Codex CLI (npm `@openai/codex`): /responses only, streamed."""

import json

from onbox.bench.agents.headless import Command, HeadlessAgent, RunSetup

FOLDER = ".codex"


class Codex(HeadlessAgent):
    """`codex exec`, with a provider `onbox` that is the proxy; the sandbox is onbox's, not its own."""

    name = "codex"
    takes = frozenset({"rules", "mcp", "sampling"})
    program = "codex"
    install = "npm install -g @openai/codex"

    def command(self, setup: RunSetup) -> Command:
        """See `HeadlessAgent.command`."""
        # A JSON string is a TOML string.
        config = f"""\
model = {json.dumps(setup.model)}
model_provider = "onbox"
check_for_update_on_startup = false

[model_providers.onbox]
name = "onbox"
base_url = {json.dumps(setup.url)}
wire_api = "responses"
request_max_retries = 2
stream_max_retries = 2

[analytics]
enabled = false
"""
        for name, (argv, env) in setup.mcp.items():
            variables = ", ".join(f"{key} = {json.dumps(value)}" for key, value in env.items())
            config += f"""
[mcp_servers.{json.dumps(name)}]
command = {json.dumps(argv[0])}
args = {json.dumps(argv[1:])}
env = {{{variables}}}
"""
        free = "--dangerously-bypass-approvals-and-sandbox"
        return Command(
            argv=("exec", "--json", "--skip-git-repo-check", free, "-"),
            env={"CODEX_HOME": f"{setup.home}/{FOLDER}"},
            files={f"{FOLDER}/config.toml": config, **({f"{FOLDER}/AGENTS.md": setup.rules} if setup.rules else {})},
            stdin=setup.prompt,
        )
