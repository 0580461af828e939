"""The flag and what only its other value needs are gone; all behaves as with the flag on."""

import ast
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import Fail, frame, functions, judge, others_unchanged, parse, run


FLAG, DEAD = "new_checkout", "steps_page_by_page"
TOUCHED = {"web/flags.py", "web/checkout.py", "web/mail.py"}

BEHAVIOUR = """
from web import flags
from web.banner import banner
from web.checkout import steps, steps_in_one_page
from web.mail import confirmation
result = [steps(["a"]), steps([]), steps_in_one_page(["a"]), confirmation(value), banner(), dict(flags.FLAGS)]
flags.FLAGS["short_mails"], flags.FLAGS["new_checkout_banner"] = False, True
result += [confirmation(value), banner(), flags.is_on("search")]
"""

WANTED = [
    ["all in one"],
    ["empty"],
    ["all in one"],
    "Your order 5: Thanks.",
    "",
    {"search": False, "new_checkout_banner": False, "short_mails": True},
    "Your order 5: Thank you very much.",
    "Try it!",
    False,
]


def gate():
    for name in sorted(TOUCHED):
        for node in ast.walk(parse(name)):
            if isinstance(node, ast.Constant) and node.value == FLAG:
                raise Fail("FAIL_FLAG_LEFT", f"{name} still names {FLAG}")
    if DEAD in functions(parse("web/checkout.py").body):
        raise Fail("FAIL_DEAD_CODE_LEFT", f"web/checkout.py still defines {DEAD}")
    if run(BEHAVIOUR, 5) != WANTED:
        raise Fail("FAIL_BEHAVIOUR", "it does not behave as with the flag on")
    frame(may_change=TOUCHED)
    others_unchanged("web/flags.py")
    others_unchanged("web/checkout.py", but={"steps", DEAD})
    others_unchanged("web/mail.py", but={"confirmation"})


judge(gate)
