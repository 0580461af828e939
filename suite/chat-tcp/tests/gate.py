"""Three numbered steps, each with the right sender, receiver and flags, and no other version of a step."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import Fail, judge
from replylib import reply_lines

STEP = re.compile(
    r"^(?:step\s*)?\(?(?P<n>[1-9])\s*[.):|-]*\s*(?:step\s*[1-9]\s*[.):-]*\s*)?"
    r"(?P<sender>client|server)\s*(?:[-=]+>|to)\s*(?P<receiver>client|server)\s*[:|,(-]\s*(?P<flags>.*)$",
    re.IGNORECASE,
)
UNSET = re.compile(r"\b[A-Z]{3}\s*=\s*0\b[\s,]*", re.IGNORECASE)
FLAG = r"(?:SYN|ACK|FIN|RST|PSH|URG)\b(?:\s*=\s*1\b)?"
FLAGS = re.compile(rf"^(?:flags?\s*[:=]?\s*)?\(?({FLAG}(?:[\s,/+&;-]*(?:and\s+)?{FLAG})*)", re.IGNORECASE)
WANTED = {
    "1": ("client", "server", ("SYN",)),
    "2": ("server", "client", ("ACK", "SYN")),
    "3": ("client", "server", ("ACK",)),
}


def steps(lines):
    """(number, (sender, receiver, sorted flags)) of each line in the asked form."""
    for line in lines:
        step = STEP.match(line)
        flags = FLAGS.match(UNSET.sub("", step["flags"])) if step else None
        if flags:
            found = re.findall("SYN|ACK|FIN|RST|PSH|URG", flags[1].upper())
            yield step["n"], (step["sender"].lower(), step["receiver"].lower(), tuple(sorted(set(found))))


def gate():
    found = list(steps(reply_lines()))
    if {number for number, _ in found} != set(WANTED):
        raise Fail("FAIL_FORM", "no numbered list of three steps in the asked form")
    for number, step in found:
        if step != WANTED[number]:
            raise Fail("FAIL_STEP_WRONG", f"step {number} is {step[0]} -> {step[1]}: {', '.join(step[2])}")


judge(gate)
