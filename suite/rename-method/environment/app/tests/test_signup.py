import unittest

from members.audit import Audit
from members.logger import Logger
from members.signup import Signup
from members.users import UserRepository


class SignupTest(unittest.TestCase):
    def test_joining_is_kept_logged_and_audited(self):
        users, logger, audit = UserRepository(), Logger(), Audit()
        Signup(users, logger, audit).join("ada", "ada@example.org")
        self.assertEqual(users.find("ada")["email"], "ada@example.org")
        self.assertEqual(logger.lines, ["joined: ada"])
        self.assertEqual(audit.entries, [("ada", "join")])


if __name__ == "__main__":
    unittest.main()
