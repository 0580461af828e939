"""An in-toto statement about a trial: which evidence, by its seal, gives which verdict, by which rules.

in-toto statement v1 (github.com/in-toto/attestation, spec/v1/statement.md). The predicate is onbox's own, for none that
is known says how often a task was done. It is not signed: sign it with what your keys are kept in, such as `cosign
attest-blob`, and it says who vouches for the seal, and not only which it is.
"""

import hashlib
from typing import Any

from onbox import __version__
from onbox.errors import BadSubjectError
from onbox.evidence.folder import TrialFolder
from onbox.evidence.manifest import NAME, hashes, is_sealed, mismatches, seal_of
from onbox.exporters import Export
from onbox.exporters.runs import as_json
from onbox.judge.results import ContenderResult, Verdict

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:onbox:trial-verdict:v1"


class InToto:
    """One statement."""

    name = "in-toto"

    def export(self, folder: TrialFolder, verdict: Verdict) -> Export:
        """The statement about a trial that is sealed, and whose seal holds.

        Raises:
            BadSubjectError: it is not sealed, or its files are not what was sealed.
        """
        if not is_sealed(folder.path):
            raise BadSubjectError(
                f"{folder.path}: not sealed, so there is nothing to vouch for", "finish the trial first"
            )
        found = hashes(folder.path)
        if problems := mismatches(folder.path, found):
            name, problem = problems[0]
            raise BadSubjectError(f"{folder.path}: changed since it was sealed: {name}: {problem}", "see onbox verify")
        manifest = hashlib.sha256((folder.path / NAME).read_bytes()).hexdigest()
        statement = {
            "_type": STATEMENT,
            "subject": [
                {"name": "evidence", "digest": {"sha256": seal_of(found)}},
                {"name": NAME, "digest": {"sha256": manifest}},
                {"name": "plan.yaml", "digest": {"sha256": found["plan.yaml"]}},
            ],
            "predicateType": PREDICATE,
            "predicate": {
                "trial": verdict.trial,
                "verdict": verdict.verdict,
                "headline": verdict.headline,
                "rules": verdict.rules,
                "onbox_version": __version__,
                "contenders": [_contender(contender) for contender in verdict.contenders],
            },
        }
        notes = ("it is not signed", "the subject `evidence` is the seal, which onbox verify --against takes")
        return Export({"statement.json": as_json(statement)}, notes=notes)


def _contender(contender: ContenderResult) -> dict[str, Any]:
    kept = ("name", "role", "passed", "valid", "invalid", "attempted", "pass_rate", "interval")
    return {name: value for name, value in contender.model_dump(mode="json").items() if name in kept}
