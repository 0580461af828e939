"""The failure taxonomy: what each code means and who it points at.

The principle (radixark/miles #2802): a run is *invalid* only for what the model under test cannot have caused; faults
of serving are a class of their own; all else is the model's or a limit's.
"""

from dataclasses import dataclass

from onbox.judge.results import Cause, Outcome


@dataclass(frozen=True)
class Code:
    """One code, with the sentence that explains it to people."""

    outcome: Outcome
    cause: Cause
    meaning: str


def _model(meaning: str) -> Code:
    return Code(Outcome.FAILED, Cause.MODEL, meaning)


def _limit(meaning: str) -> Code:
    return Code(Outcome.FAILED, Cause.LIMIT, meaning)


def _serving(meaning: str) -> Code:
    return Code(Outcome.SERVING_FAILURE, Cause.SERVING, meaning)


def _invalid(cause: Cause, meaning: str) -> Code:
    return Code(Outcome.INVALID, cause, meaning)


CODES: dict[str, Code] = {
    "PASS": Code(Outcome.PASSED, Cause.NONE, "the gate passed"),
    # ------------------------------------------------ the model
    "F-GATE": _model("it worked on the task, and the gate said no"),
    "F-FRAME": _model("it did the task, and changed what was to stay as it is"),
    "F-HANG": _model("what it left kept an audited gate from its end"),
    "M-CLAIM": _model("it called no tool, changed nothing, and says that the work is done"),
    "M-PLAN": _model("it called no tool and announced its next step"),
    "M-ASK": _model("it called no tool and asked a question"),
    "M-CODE": _model("it called no tool and showed code instead"),
    "M-REFUSE": _model("it refused"),
    "M-NOCALL": _model("it answered in words alone, and the gate said no"),
    "M-LOOP": _model("it made the same call again and again"),
    "M-BADARGS": _model("no call was usable: an unknown tool, or arguments that do not fit it"),
    "M-MALFORMED": _model("no call was usable: its arguments are not JSON"),
    "S?-REASON-ONLY": _model("its reasoning states a call that never came; the server may have dropped it"),
    "X-TAMPER": _model("what no agent may touch was touched"),
    # ------------------------------------------------ limits
    "L-CTX": _limit("the conversation outgrew the context"),
    "L-LEN": _limit("it reached the limit of output tokens"),
    "L-TURNS": _limit("it reached the limit of turns"),
    "L-TIME": _limit("it reached the time limit"),
    "L-DISK": _limit("it wrote more to the disk than a run may"),
    "L-WIRE": _limit("it asked more than a run may"),
    # ------------------------------------------------ serving
    "S-LEAK": _serving("a tool call stands in the text, where the server's parser missed it"),
    "S-EMPTY": _serving("tokens were generated, and the server gave an empty answer"),
    "S-FINISH": _serving("the server says that a tool was called, and gives no call"),
    "S-STRIPPED": _serving("the markers of the channels were stripped and their text run together"),
    "S-PARSE500": _serving("the server could not parse what the model wrote, and answered with an error"),
    "S-DROP": _serving("asked again, it writes a call, and the server drops it"),
    "S-ARGS": _serving("the arguments of its calls were lost, cut off or mangled by the server"),
    "S-HISTORY": _serving("the server refused a request that holds its own earlier answer"),
    # ------------------------------------------------ invalid
    "I-CONN": _invalid(Cause.SERVING, "the engine was gone, or the connection broke"),
    "I-5XX": _invalid(Cause.SERVING, "the server answered with an error of its own"),
    "I-4XX": _invalid(Cause.AGENT, "the server rejected the request"),
    "I-429": _invalid(Cause.SERVING, "the server was too busy"),
    "I-SLOW": _invalid(Cause.SERVING, "it reached the time limit while the server was far slower than it is"),
    "I-SETTING": _invalid(Cause.AGENT, "the agent asked for more output than the context holds"),
    "I-AUTH": _invalid(Cause.SERVING, "the server wants a key"),
    "I-MODEL404": _invalid(Cause.SERVING, "the server does not know the model or the path"),
    "I-AGENT": _invalid(Cause.AGENT, "the agent broke, or never asked the model anything"),
    "I-GATE": _invalid(Cause.GATE, "the gate gave no verdict"),
    "I-TASK": _invalid(Cause.GATE, "the task's files were not those of the plan"),
    "I-SANDBOX": _invalid(Cause.SANDBOX, "the sandbox or the harness broke"),
    "I-DISK": _invalid(Cause.BOX, "the disk was full"),
    "I-OOM": _invalid(Cause.BOX, "the box ran out of memory"),
    "I-GUARD": _invalid(Cause.BOX, "the guard stopped the engine before the box starved"),
    "I-STRUCK": _invalid(Cause.BOX, "it was struck out in the ledger"),
}
