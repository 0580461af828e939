"""The words of one shell command, as bash splits them, for a command that is one program and its options.

sparkrun hands a recipe's command to `bash -c`. onbox starts no shell: what only a shell could do to the words is
refused and named.
"""

import re
from dataclasses import dataclass, field

OPERATORS = frozenset(";|&<>()`")
EXPANSION = re.compile(r"\$(?:\{[^}]*\}?|[A-Za-z_]\w*|\(|[0-9@*#?$!-])")
BRACES = re.compile(r"\{[^{}\s]*,[^{}\s]*\}")
BLANKS_AFTER_BACKSLASH = re.compile(r"\\[ \t]+\n")


class NotOneCommandError(ValueError):
    """The text is more than one program with options."""


@dataclass
class _Reader:
    text: str
    words: list[str] = field(default_factory=list)
    at: int = 0
    word: str = ""
    begun: bool = False
    ended: bool = False
    """A line break has ended the command."""

    def read(self) -> list[str]:
        while self.at < len(self.text):
            self._step()
        self._end_word()
        return self.words

    def _step(self) -> None:
        char = self.text[self.at]
        if char in " \t\r":
            self._end_word()
        elif char == "\n":
            self._end_word()
            self.ended = bool(self.words)
        elif char == "#" and not self.begun:
            end = self.text.find("\n", self.at)
            self.at = len(self.text) if end < 0 else end
            return
        else:
            self._in_word(char)
            return
        self.at += 1

    def _in_word(self, char: str) -> None:
        if char == "\\" and self.text.startswith("\\\n", self.at):
            self.at += 2
            return
        if self.ended:
            raise NotOneCommandError("a line break without a backslash before it ends the command in the middle")
        self.begun = True
        if char == "'":
            self._single_quoted()
        elif char == '"':
            self._double_quoted()
        elif char == "\\":
            self.word += self.text[self.at + 1 : self.at + 2]
            self.at += 2
        elif char in OPERATORS:
            found = char * 2 if self.text.startswith(char * 2, self.at) else char
            raise NotOneCommandError(f"{found}: more than one program with options")
        else:
            self._plain(char)

    def _plain(self, char: str) -> None:
        self._refuse_expansion()
        if found := BRACES.match(self.text, self.at):
            raise NotOneCommandError(f"{found[0]}: bash takes braces without quotes apart: quote them")
        self.word += char
        self.at += 1

    def _refuse_expansion(self) -> None:
        if found := EXPANSION.match(self.text, self.at):
            raise NotOneCommandError(f"{found[0]}: only a shell fills it: write its value")

    def _single_quoted(self) -> None:
        end = self.text.find("'", self.at + 1)
        if end < 0:
            raise NotOneCommandError("no closing quotation")
        self.word += self.text[self.at + 1 : end]
        self.at = end + 1

    def _double_quoted(self) -> None:
        self.at += 1
        while self.at < len(self.text) and self.text[self.at] != '"':
            if self.text[self.at] == "\\" and self.text[self.at + 1 : self.at + 2] in ('"', "\\", "$", "`", "\n"):
                self.at += 1
                self.word += "" if self.text[self.at] == "\n" else self.text[self.at]
            else:
                self._refuse_expansion()
                if self.text[self.at] == "`":
                    raise NotOneCommandError("`: more than one program with options")
                self.word += self.text[self.at]
            self.at += 1
        if self.at >= len(self.text):
            raise NotOneCommandError("no closing quotation")
        self.at += 1

    def _end_word(self) -> None:
        if self.begun:
            self.words.append(self.word)
        self.word, self.begun = "", False


def shell_words(command: str) -> list[str]:
    """The words of a command; a backslash with blanks after it at the end of a line continues it, as sparkrun mends it.

    Raises:
        NotOneCommandError: a shell would do more with it than start one program with these words.
    """
    return _Reader(BLANKS_AFTER_BACKSLASH.sub("\\\n", command.strip())).read()
