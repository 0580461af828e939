"""What a path of a repository is for: a test, the set-up of its tests, code, or words."""

import re

TEST_FOLDERS = frozenset({"test", "tests", "__tests__", "testdata", "spec", "specs"})
_TEST_FILE = re.compile(r"(?:test_.*|.*_tests?|conftest|tests?)\.py|.*_test\.go|.*[._](?:test|spec)\.[cm]?[jt]sx?")
_SET_UP = re.compile(
    r"(?:\.?pytest\.(?:ini|toml)|tox\.ini|setup\.cfg|setup\.py|pyproject\.toml|noxfile\.py|requirements.*\.txt"
    r"|package(?:-lock)?\.json|pnpm-lock\.yaml|yarn\.lock|(?:jest|vitest|vite|babel)\.config\..*|\.babelrc.*"
    r"|tsconfig.*\.json|\.mocharc.*|go\.(?:mod|sum)|Cargo\.(?:toml|lock)|PKG-INFO|MANIFEST(?:\.in)?|SOURCES\.txt)"
)
_CODE = re.compile(
    r".*\.(?:pyi?|pyx|[cm]?[jt]sx?|go|rs|c|h|cc|cpp|hpp|java|rb|php|sh|sql|html|css|json|toml|ya?ml|ini|cfg|txt|tmpl|j2"
    r"|lark|proto|vue|svelte)"
)
_WORDS = re.compile(r"(?:readme|changes?|changelog|history|news|authors|contributors|licen[cs]e|copying|todo)(?:\..*)?")
CHANGELOG = re.compile(r"(?:changes?|changelog|history|news|release[-_ ]?notes)(?:\.(?:md|rst|txt))?", re.IGNORECASE)


def is_test(path: str) -> bool:
    """Whether a file is a test, or lies among tests."""
    *folders, name = path.split("/")
    return any(folder in TEST_FOLDERS for folder in folders) or _TEST_FILE.fullmatch(name) is not None


def is_set_up(path: str) -> bool:
    """Whether a file says how the project is built and its tests are run: the gate has its own copy."""
    return _SET_UP.fullmatch(path.rpartition("/")[2]) is not None


def is_code(path: str) -> bool:
    """Whether a file is part of what the project does: neither a test, its set-up, nor words about it."""
    name = path.rpartition("/")[2]
    if is_test(path) or is_set_up(path) or _WORDS.fullmatch(name.lower()) or path.split("/")[0] in ("docs", "doc"):
        return False
    return "." not in name or _CODE.fullmatch(name) is not None


def is_changelog(path: str) -> bool:
    """Whether a file tells, release by release, what was changed."""
    return CHANGELOG.fullmatch(path.rpartition("/")[2]) is not None
