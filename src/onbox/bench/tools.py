"""The tools of the built-in agent: read, write, edit, grep, glob and bash, all inside one workspace.

File tools run here, in onbox's own process, and follow no link out of the workspace; `bash` and the search of `grep`
run in the sandbox. What a tool returns is text for the model: a mistake of the model is an answer to it, never an
exception.
"""

import contextlib
import fnmatch
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onbox.bench.sandbox import Bind, CommandResult, CommandSpec, Sandbox
from onbox.trees import DEPTH_MAX, walk
from onbox.untrusted_json import UntrustedJsonError, parse

GREP = Path(__file__).with_name("grep.py")
OUTPUT_CHARS = 6000
READ_CHARS = 12_000
SHOWN_CHARS = 2000
MATCHES_MAX = 60
NAMES_MAX = 60
OTHERS_MAX = 6
LOOKED_AT_MAX = 2000
"""Files that are searched for what an edit replaced; a model can make a hundred thousand, of two MiB each."""
LOOKED_AT_BYTES_MAX = 64 * 2**20
FILE_BYTES_MAX = 2 * 2**20
"""Of a file that is read or edited, and of one that is written."""
ARGUMENTS_CHARS_MAX = 4 * 2**20
PATH_CHARS_MAX = 1024
SHOWN_NAME_CHARS = 100


def _tool(name: str, description: str, **parameters: str) -> dict[str, Any]:
    """An OpenAI function definition whose parameters are all strings; `name_` is the optional `name`."""
    properties = {key.rstrip("_"): {"type": "string", "description": text} for key, text in parameters.items()}
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": description,
            "parameters": {
                "type": "object",
                "properties": properties,
                "required": [key for key in parameters if not key.endswith("_")],
            },
        },
    }


DEFINITIONS: tuple[dict[str, Any], ...] = (
    _tool("read", "Read a text file.", path="file, relative to the project"),
    _tool("write", "Create a file or replace its whole content.", path="file", content="the whole new content"),
    _tool(
        "edit",
        "Replace a piece of text by another, everywhere in one file.",
        path="file",
        old="the exact text that is there now",
        new="the text to put in its place",
    ),
    _tool("grep", "Search files for a regular expression.", pattern="the expression", path_="file or folder"),
    _tool("glob", "List files by a pattern such as **/*.py.", pattern="the pattern"),
    _tool("bash", "Run a shell command in the project folder.", command="the command"),
)


class DiskSpentError(Exception):
    """A command had more on the disk than a run may: the run is over."""


class _Refused(Exception):
    """Text for the model about a call that could not be done."""


@dataclass
class Toolbox:
    """The tools, bound to one workspace.

    Args:
        workspace: the project that the agent works on.
        sandbox: where `bash` runs.
        command_s: wall time of one command.
    """

    workspace: Path
    sandbox: Sandbox
    command_s: float
    spent_s: float = field(default=0.0, init=False)
    """Wall time spent in commands so far."""

    def call(self, name: str, arguments: str) -> str:
        """Do one call as the model wrote it and return what to tell the model.

        Raises:
            DiskSpentError: the run may go on no longer.
        """
        tools: dict[str, Callable[..., str]] = {
            "read": self._read,
            "write": self._write,
            "edit": self._edit,
            "grep": self._grep,
            "glob": self._glob,
            "bash": self._bash,
        }
        if name not in tools:
            return f"error: no tool named {name[:SHOWN_NAME_CHARS]!r}; the tools are {', '.join(tools)}"
        if len(arguments) > ARGUMENTS_CHARS_MAX:
            return f"error: the arguments are longer than {ARGUMENTS_CHARS_MAX} characters"
        try:
            values = parse(arguments or "{}", any_integer=True)
        except UntrustedJsonError as error:
            return _sendable(f"error: the arguments are not JSON: {error}")
        definition = next(tool["function"] for tool in DEFINITIONS if tool["function"]["name"] == name)
        problem = _schema_problem(values, definition["parameters"])
        if problem:
            return _sendable(_shortened(f"error: {problem}", SHOWN_CHARS))
        try:
            result = _shortened(tools[name](**values), READ_CHARS if name == "read" else OUTPUT_CHARS)
        except _Refused as refusal:
            result = f"error: {refusal}"
        except OSError as error:
            result = f"error: {error.strerror or error}"
        except (ValueError, RecursionError, MemoryError) as error:
            # Words of a model: what they break is its answer, and the run goes on.
            result = f"error: {name} cannot be done with that: {type(error).__name__}"
        return _sendable(result)

    def overview(self, instruction: str) -> str:
        """The project's file names, and the content of each small file that the instruction names."""
        files = list(self._files(self.workspace.resolve()))
        if not files:
            return ""
        names = [str(file) for file in files]
        parts = ["Files of the project: " + ", ".join(names[:NAMES_MAX]) + (", ..." if len(names) > NAMES_MAX else "")]
        for name in names:
            if name in instruction and (self.workspace / name).stat().st_size <= SHOWN_CHARS:
                parts.append(f"{name}:\n```\n{self._text(name).rstrip()}\n```")
        return _sendable("\n\n".join(parts))

    # ------------------------------------------------------------ tools

    def _read(self, path: str) -> str:
        return self._text(path)

    def _write(self, path: str, content: str) -> str:
        target = self._inside(path)
        if target.exists() and not target.is_file():
            raise _Refused(f"{path}: {'is a folder' if target.is_dir() else 'not a regular file'}")
        data = content.encode("utf-8", "replace")
        if len(data) > FILE_BYTES_MAX:
            raise _Refused(f"{path}: the content is larger than {FILE_BYTES_MAX} bytes")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return f"wrote {path} ({len(content.splitlines())} lines)"

    def _edit(self, path: str, old: str, new: str) -> str:
        data, old_bytes, new_bytes = self._bytes(path), old.encode("utf-8", "replace"), new.encode("utf-8", "replace")
        if b"\r\n" in data and b"\r" not in old_bytes:
            # What a model reads has plain line ends; the file keeps its own.
            old_bytes, new_bytes = (text.replace(b"\n", b"\r\n") for text in (old_bytes, new_bytes))
        found = data.count(old_bytes) if old_bytes else 0
        if not found:
            raise _Refused(f"{path} does not hold that text; it reads:\n{_shortened(self._text(path), SHOWN_CHARS)}")
        if (size := len(data) + found * (len(new_bytes) - len(old_bytes))) > FILE_BYTES_MAX:
            raise _Refused(f"{path}: {found} replacements would make it {size} bytes, more than {FILE_BYTES_MAX}")
        self._inside(path).write_bytes(data.replace(old_bytes, new_bytes))
        others = self._holding(old)
        also = f"; the same text is also in {', '.join(others)}" if others else ""
        return f"replaced {found} time{'s' * (found > 1)} in {path}{also}"

    def _holding(self, text: str) -> list[str]:
        """A few of the files that hold a short text, as an editor would list them after a replacement."""
        if not 3 <= len(text) <= 80 or "\n" in text:
            return []
        found: list[str] = []
        size = 0
        for number, file in enumerate(self._files(self.workspace.resolve()), 1):
            with contextlib.suppress(_Refused, OSError):
                held = self._text(str(file))
                size += len(held)
                if text in held:
                    found.append(str(file))
            if len(found) == OTHERS_MAX or number == LOOKED_AT_MAX or size > LOOKED_AT_BYTES_MAX:
                return [*found, "..."] if found else []
        return found

    def _grep(self, pattern: str, path: str = ".") -> str:
        names = b"".join(os.fsencode(file) + b"\0" for file in self._files(self._inside(path)))
        limits = (str(MATCHES_MAX), str(FILE_BYTES_MAX))
        done = self._run(["python3", "-I", "-c", GREP.read_text("utf-8"), pattern, *limits], stdin=names)
        output = done.output.decode("utf-8", "replace").rstrip("\n")
        if done.exit_code is None:
            raise _Refused(f"the search was killed after {self.command_s:g} s: take a simpler expression")
        if done.exit_code:
            raise _Refused(output or f"the search failed with exit code {done.exit_code}")
        return output or "no match"

    def _glob(self, pattern: str) -> str:
        if len(pattern) > PATH_CHARS_MAX:
            raise _Refused(f"a pattern of more than {PATH_CHARS_MAX} characters is none for names")
        wanted = pattern.removeprefix("./")
        names = [str(file) for file in self._files(self.workspace)]
        hits = [n for n in names if fnmatch.fnmatch(n, wanted) or fnmatch.fnmatch(n, wanted.removeprefix("**/"))]
        return "\n".join(hits[: 4 * MATCHES_MAX]) or "no file"

    def _bash(self, command: str) -> str:
        done = self._run(["bash", "-c", command])
        text = done.output.decode("utf-8", "replace")
        if done.out_of_memory:
            text += "\n[out of memory: a process was killed]"
        if done.exit_code is None:
            return f"{text}\n[killed after {self.command_s:g} s]"
        return f"{text}\n[exit code {done.exit_code}]" if done.exit_code or not text.strip() else text

    def _run(self, argv: Sequence[str], stdin: bytes = b"") -> CommandResult:
        done = self.sandbox.run(
            CommandSpec(
                argv,
                binds={"APP_DIR": Bind(self.workspace, "/app", writable=True)},
                cwd="APP_DIR",
                timeout_s=self.command_s,
                stdin=stdin,
            )
        )
        self.spent_s += done.seconds
        if done.over_disk:
            raise DiskSpentError
        return done

    # ------------------------------------------------------------ paths

    def _inside(self, path: str) -> Path:
        """The file that `path` means, if it lies in the workspace once all links are followed."""
        root = self.workspace.resolve()
        place = self.sandbox.place(Bind(self.workspace, "/app"))
        relative = path.removeprefix(f"{place}/").removeprefix("/app/")
        if "\0" in path:
            raise _Refused("a path with a zero byte is not a usable path")
        if len(path) > PATH_CHARS_MAX or path.count("/") >= DEPTH_MAX:
            raise _Refused(
                f"a path of more than {PATH_CHARS_MAX} characters or {DEPTH_MAX} folders is not a usable path"
            )
        try:
            target = (root / relative).resolve()
        except (OSError, ValueError, RuntimeError) as error:
            raise _Refused(f"{path}: not a usable path") from error
        if not target.is_relative_to(root):
            raise _Refused(f"{path}: outside the project")
        return target

    def _text(self, path: str) -> str:
        """A file as a model reads it: text with plain line ends."""
        return self._bytes(path).decode("utf-8", "replace").replace("\r\n", "\n")

    def _bytes(self, path: str) -> bytes:
        target = self._inside(path)
        if not target.is_file():
            raise _Refused(f"{path}: {'is a folder' if target.is_dir() else 'no such file'}")
        if target.stat().st_size > FILE_BYTES_MAX:
            raise _Refused(f"{path}: larger than {FILE_BYTES_MAX} bytes")
        return target.read_bytes()

    def _files(self, start: Path) -> Iterator[Path]:
        """Regular files below `start`, relative to the workspace, hidden folders left out, in a fixed order."""
        root = self.workspace.resolve()
        if start.is_file():
            yield start.relative_to(root)
            return
        for file, facts in walk(start.resolve(), skip=lambda name: name.startswith(".") or name == "__pycache__"):
            if facts is not None and stat.S_ISREG(facts.st_mode):
                yield file.relative_to(root)


def _schema_problem(values: Any, schema: dict[str, Any]) -> str:
    """What is wrong with the arguments of a call; empty when nothing is."""
    if not isinstance(values, dict):
        return "the arguments are not a JSON object"
    properties = schema["properties"]
    if unknown := [key for key in values if key not in properties]:
        return f"unknown argument {unknown[0]!r}; the arguments are {', '.join(properties)}"
    if missing := [key for key in schema["required"] if key not in values]:
        return f"argument {missing[0]!r} is missing"
    if wrong := [key for key, value in values.items() if not isinstance(value, str)]:
        return f"argument {wrong[0]!r} must be a string"
    return ""


def _sendable(text: str) -> str:
    """Names of files may hold bytes that are no text; a server takes text only."""
    return text.encode("utf-8", "replace").decode()


def _shortened(text: str, limit: int) -> str:
    """The text, or its two ends with a note of what was left out between them."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n... {len(text) - limit} characters are left out ...\n{text[-half:]}"
