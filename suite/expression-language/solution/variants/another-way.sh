#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
cat > calc/language.py <<'END'
"""A small language of expressions."""

import re

TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|([a-z_]\w*)|(<=|>=|==|!=|[-+*/^()<>=,]))")


class ExpressionError(Exception):
    def __init__(self, position):
        super().__init__(f"at {position}")
        self.position = position


def evaluate(text, names=None):
    reader = _Parser(text)
    tree = reader.expression()
    reader.end()
    return tree(dict(names or {}))


class _Parser:
    def __init__(self, text):
        self.tokens, at = [], 0
        text = text.rstrip()
        while at < len(text):
            match = TOKEN.match(text, at)
            if match is None:
                raise ExpressionError(at + len(text[at:]) - len(text[at:].lstrip()))
            kind = match.lastindex
            self.tokens.append((kind, match[kind], match.start(kind)))
            at = match.end()
        self.tokens.append((0, "", len(text)))
        self.at = 0

    def next(self, *words):
        kind, word, _ = self.tokens[self.at]
        if word in words and kind:
            self.at += 1
            return word
        return None

    def need(self, word):
        if self.next(word) is None:
            raise ExpressionError(self.tokens[self.at][2])

    def end(self):
        if self.tokens[self.at][0]:
            raise ExpressionError(self.tokens[self.at][2])

    def expression(self):
        if self.next("let"):
            kind, name, position = self.tokens[self.at]
            if kind != 2 or name in ("let", "in", "if"):
                raise ExpressionError(position)
            self.at += 1
            self.need("=")
            value = self.expression()
            self.need("in")
            body = self.expression()
            return lambda names: body({**names, name: value(names)})
        left = self.sum()
        word = self.next("<", ">", "<=", ">=", "==", "!=")
        if word is None:
            return left
        right = self.sum()
        tests = {
            "<": lambda a, b: a < b,
            ">": lambda a, b: a > b,
            "<=": lambda a, b: a <= b,
            ">=": lambda a, b: a >= b,
            "==": lambda a, b: a == b,
            "!=": lambda a, b: a != b,
        }
        return lambda names: 1 if tests[word](left(names), right(names)) else 0

    def sum(self):
        left = self.product()
        while word := self.next("+", "-"):
            left = self.both(word, left, self.product())
        return left

    def product(self):
        left = self.sign()
        while word := self.next("*", "/"):
            position = self.tokens[self.at - 1][2]
            left = self.both(word, left, self.sign(), position)
        return left

    def sign(self):
        if self.next("-"):
            inner = self.sign()
            return lambda names: -inner(names)
        return self.power()

    def power(self):
        base = self.atom()
        if self.next("^"):
            return self.both("^", base, self.sign())
        return base

    def both(self, word, left, right, position=0):
        def value(names):
            a, b = left(names), right(names)
            if word == "/":
                if b == 0:
                    raise ExpressionError(position)
                return a / b
            return a + b if word == "+" else a - b if word == "-" else a * b if word == "*" else a**b

        return value

    def atom(self):
        kind, word, position = self.tokens[self.at]
        if kind == 1:
            self.at += 1
            number = float(word) if "." in word else int(word)
            return lambda names: number
        if self.next("("):
            inner = self.expression()
            self.need(")")
            return inner
        if self.next("if"):
            self.need("(")
            test = self.expression()
            self.need(",")
            yes = self.expression()
            self.need(",")
            no = self.expression()
            self.need(")")
            return lambda names: yes(names) if test(names) else no(names)
        if kind == 2 and word not in ("let", "in"):
            self.at += 1

            def named(names):
                if word not in names:
                    raise ExpressionError(position)
                return names[word]

            return named
        raise ExpressionError(position)
END
