"""save of the user repositories is persist; Logger.save and Audit.save stayed."""

import ast
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import Fail, frame, functions, judge, parse, run, same_but_renamed

OLD, NEW = "save", "persist"
TOUCHED = {
    "members/admin.py",
    "members/cache.py",
    "members/importer.py",
    "members/signup.py",
    "members/users.py",
    "tests/test_users.py",
}

REPOSITORIES = """
from members.cache import CachedUserRepository
from members.users import UserRepository
result = []
for users in (UserRepository(), CachedUserRepository()):
    users.find("ada")
    users.persist({"name": "ada", "email": value})
    result.append(users.find("ada"))
"""

CALLERS = """
from members.admin import Office
from members.audit import Audit
from members.importer import import_rows
from members.logger import Logger
from members.signup import Signup
from members.users import UserRepository
users, logger, audit, office = UserRepository(), Logger(), Audit(), Office()
Signup(users, logger, audit).join("ada", value)
count = import_rows([["bob", value], ["eve", value]], users, logger)
office.change_email("kim", value, "clerk")
result = [sorted(users.rows), logger.lines, audit.entries, count, office.users.find("kim"), office.audit.entries]
"""

WANTED = [
    ["ada", "bob", "eve"],
    ["joined: ada", "imported: 2"],
    [["ada", "join"]],
    2,
    {"name": "kim", "email": "a@example.org"},
    [["clerk", "email of kim"]],
]


def methods(file, wanted):
    """The methods of a class; FAIL_CLASS_MISSING."""
    for node in parse(file).body:
        if isinstance(node, ast.ClassDef) and node.name == wanted:
            assigned = {target.id for item in node.body if isinstance(item, ast.Assign) for target in item.targets}
            return set(functions(node.body)) | assigned
    raise Fail("FAIL_CLASS_MISSING", f"{file}: {wanted}")


def gate():
    for file, name in (("members/users.py", "UserRepository"), ("members/cache.py", "CachedUserRepository")):
        found = methods(file, name)
        if NEW not in found:
            raise Fail("FAIL_TARGET_NOT_RENAMED", f"{file}: {name} has no {NEW}")
        if OLD in found:
            raise Fail("FAIL_OLD_NAME_LEFT", f"{file}: {name} still has {OLD}")
    for file, name in (("members/logger.py", "Logger"), ("members/audit.py", "Audit")):
        if methods(file, name) != {"__init__", OLD}:
            raise Fail(f"FAIL_{name.upper()}_CLOBBERED", f"{file}: {name} is to keep {OLD} and gain nothing")
    if run(REPOSITORIES, "a@example.org") != [{"name": "ada", "email": "a@example.org"}] * 2:
        raise Fail("FAIL_BEHAVIOUR", "a persisted user is not found")
    if run(CALLERS, "a@example.org") != WANTED:
        raise Fail("FAIL_BEHAVIOUR", "signup, importer or admin behave differently")
    if any(isinstance(node, ast.Attribute) and node.attr == OLD for node in ast.walk(parse("tests/test_users.py"))):
        raise Fail("FAIL_CALLER_LEFT", "tests/test_users.py")
    frame(may_change=TOUCHED)
    for name in sorted(TOUCHED):
        same_but_renamed(name, NEW, OLD)


judge(gate)
