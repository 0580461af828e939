import unittest

from members.cache import CachedUserRepository
from members.users import UserRepository


class UsersTest(unittest.TestCase):
    def test_a_saved_user_is_found(self):
        for users in (UserRepository(), CachedUserRepository()):
            users.save({"name": "ada", "email": "ada@example.org"})
            self.assertEqual(users.find("ada")["email"], "ada@example.org")


if __name__ == "__main__":
    unittest.main()
