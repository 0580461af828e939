"""An agent that is a command line of the user's own: `cmd:my-agent --url {url} {prompt}`, or a small YAML file.

```yaml
name: my-agent
command: my-agent --url {url} --model {model} {prompt}
env: {MY_AGENT_HOME: "{home}"}
files: {.my-agent/config.json: '{"url": "URL"}'}
readable: [/opt/my-agent]
```

Words in braces stand for what a run is: `{url}` with `/v1`, `{root}` without, `{model}`, `{prompt}`, `{rules}` (of an
arm), `{home}`, `{workspace}`, `{turns}`, `{turn_tokens}` and `{seconds}`. A text that needs braces of its own keeps
them: only these words are replaced.
"""

import re
import shlex
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from onbox.bench.agents.headless import Command, HeadlessAgent, RunSetup
from onbox.bench.agents.program import Program, find
from onbox.bench.agents.run_watch import AfterTools, Side
from onbox.errors import UsageError
from onbox.evidence.records import AgentCommand
from onbox.field_errors import first_problem
from onbox.recipes.yaml_text import read_yaml

PREFIX = "cmd:"
_WORD = re.compile(r"\{(url|root|model|prompt|rules|home|workspace|turns|turn_tokens|seconds)\}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    command: str
    env: dict[str, str] = {}
    files: dict[str, str] = {}
    stdin: str = ""
    readable: tuple[str, ...] = ()


def read_template(text: str) -> tuple[str, AgentCommand] | None:
    """The name and command of `cmd:...` or of a YAML file; None for the plain name of an agent.

    Raises:
        UsageError: it is malformed, or says nowhere what the agent is asked.
    """
    if text.startswith(PREFIX):
        words = _words(text.removeprefix(PREFIX), "--agent")
        name, command = re.sub(r"[^A-Za-z0-9._-]", "-", Path(words[0]).name), AgentCommand(argv=words)
    elif Path(text).suffix in (".yaml", ".yml"):
        try:
            file = _File.model_validate(read_yaml(Path(text)))
        except ValidationError as error:
            raise UsageError(f"{text}: {first_problem(error, _File)}", "docs/agents.md has an example") from error
        if not _NAME.fullmatch(file.name):
            raise UsageError(f"{text}: name: {file.name}: not a name", "letters, digits, dot, dash and underscore")
        name = file.name
        command = AgentCommand(
            argv=_words(file.command, text),
            env=file.env,
            files=file.files,
            stdin=file.stdin,
            readable=file.readable,
        )
    else:
        return None
    texts = (*command.argv, command.stdin, *command.env.values(), *command.files.values())
    if not any("{prompt}" in each for each in texts):
        raise UsageError(f"{text}: the agent would get no task", "put {prompt} where the task belongs")
    if any(Path(path).is_absolute() or ".." in Path(path).parts for path in command.files):
        raise UsageError(f"{text}: files: a path leads out of the agent's home", "name paths relative to it")
    return name, command


def _words(command: str, where: str) -> tuple[str, ...]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"{where}: {command}: {error}") from error
    if not words:
        raise UsageError(f"{where}: no command", "write cmd:my-agent --url {url} --model {model} {prompt}")
    return tuple(words)


class TemplateAgent(HeadlessAgent):
    """A command line with its braces filled in.

    Args:
        name: by which the evidence calls it.
        template: the command.
    """

    name = "cmd"

    def __init__(self, name: str, template: AgentCommand) -> None:
        self._template = template
        texts = (*template.argv, template.stdin, *template.env.values(), *template.files.values())
        if any("{rules}" in text for text in texts):
            self.takes = frozenset({"rules", "sampling"})
        self.program = template.argv[0]
        self.install = f"install {name}, or name it by its path"

    def find(self) -> Program:
        """See `HeadlessAgent.find`."""
        found = find(self.program, self.install)
        more = tuple(Path(folder).expanduser().resolve() for folder in self._template.readable)
        return Program(found.argv, (*found.folders, *more), found.version)

    def side(self) -> Side:
        """See `HeadlessAgent.side`: nothing is known of it."""
        return AfterTools()

    def command(self, setup: RunSetup) -> Command:
        """See `HeadlessAgent.command`."""
        template, limits = self._template, setup.limits
        values = {
            "url": setup.url,
            "root": setup.root,
            "model": setup.model,
            "prompt": setup.prompt,
            "rules": setup.rules,
            "home": setup.home,
            "workspace": setup.workspace,
            "turns": str(limits.turns),
            "turn_tokens": str(limits.turn_tokens),
            "seconds": f"{limits.wall_s:g}",
        }

        def filled(text: str) -> str:
            return _WORD.sub(lambda match: values[match[1]], text)

        return Command(
            argv=tuple(map(filled, template.argv[1:])),
            env={name: filled(text) for name, text in template.env.items()},
            files={name: filled(text) for name, text in template.files.items()},
            stdin=filled(template.stdin),
        )
