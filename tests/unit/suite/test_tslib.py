"""What the TypeScript gates hold equal, and what they tell apart."""

import importlib.util
import sys
from types import ModuleType

import pytest

from onbox.bench.tasks import BUILTIN

LIBRARIES = BUILTIN / "lib"


@pytest.fixture(scope="module")
def tslib() -> ModuleType:
    """The library of the suite, which is no part of the package."""
    sys.path.insert(0, str(LIBRARIES))
    try:
        spec = importlib.util.spec_from_file_location("tslib", LIBRARIES / "tslib.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(LIBRARIES))
    return module


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("const a = 1;\n", "const a=1 // one\n"),
        ("const a = 'x';", 'const a = "x"'),
        ("const a = 'it\\'s';", 'const a = "it\'s"'),
        ("f(a, b);", "f(\n  a,\n  b,\n)\n"),
        ("/* why */ f();", "f();"),
        ('import { a, b } from "./m";', "import {\n  b,\n  a,\n} from './m.js'"),
        ('import { a } from "./m";\nimport * as n from "n";', 'import * as n from "n";\nimport { a } from "././m.ts";'),
        ("const t = `${ a }-${b}`;", "const t = `${a}-${b}`"),
        ("const t = `a${f({ b: 1 })}c`;", "const t = `a${f({b: 1,})}c`"),
        ("interface A {\n  a: string;\n  b: number;\n}", "interface A { a: string; b: number }"),
    ],
)
def test_what_makes_no_difference(tslib: ModuleType, one: str, other: str) -> None:
    assert tslib.tokens(one, "a.ts") == tslib.tokens(other, "b.ts")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("f(a, b)", "f(b, a)"),
        ('const a = "x y"', 'const a = "xy"'),
        ("const t = `a b`", "const t = `ab`"),
        ("const t = `${a}`", "const t = `${b}`"),
        ("const t = `a`", 'const t = "a"'),
        ('import { a } from "./m"', 'import { a } from "./n"'),
        ('import { a as b } from "./m"', 'import { b as a } from "./m"'),
        ('import type { a } from "./m"', 'import { a } from "./m"'),
        ("a === b", "a == b"),
        ("for (;;) f()", "for (;) f()"),
        ("a?.b", "a.b"),
        ("// f()\n", "f()\n"),
    ],
)
def test_what_does(tslib: ModuleType, one: str, other: str) -> None:
    assert tslib.tokens(one, "a.ts") != tslib.tokens(other, "b.ts")


@pytest.mark.parametrize("text", ["f(", "f)", "f(]", '"a', "`a", "`${a", "/* a", "'a\n'"])
def test_what_cannot_be_read_is_a_fail(tslib: ModuleType, text: str) -> None:
    with pytest.raises(tslib.Fail, match=r"FAIL_SYNTAX a\.ts"):
        tslib.tokens(text, "a.ts")


def test_an_alias_is_noticed(tslib: ModuleType) -> None:
    assert "old" in tslib.words('export { now as old } from "./m";', "a.ts")
    assert "old" not in tslib.words('const a = "old"; // old', "a.ts")
