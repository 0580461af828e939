"""`claims.yaml`: published rates in a file of the user's, and in an evidence folder."""

from pathlib import Path

import yaml
from pydantic import ValidationError

from onbox.errors import UsageError
from onbox.evidence.claims import Claims
from onbox.field_errors import first_problem
from onbox.input_files import input_text
from onbox.untrusted_yaml import UntrustedYamlError, parse

NAME = "claims.yaml"


def read_claims(path: Path) -> Claims:
    """The claims of a file.

    Raises:
        UsageError: it cannot be read or holds something else; the message names file and field.
    """
    return parse_claims(input_text(path), str(path))


def written(claims: Claims) -> bytes:
    """The content of `claims.yaml`; what is not told is left out."""
    data = claims.model_dump(mode="json", exclude_none=True)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110).encode()


def parse_claims(text: str, where: str) -> Claims:
    """The claims of a text; `where` it stands is for the message.

    Raises:
        UsageError: it holds something else.
    """
    try:
        found = Claims.model_validate(parse(text))
    except UntrustedYamlError as error:
        raise UsageError(f"{error.at(where)}: not YAML: {error}") from error
    except ValidationError as error:
        raise UsageError(f"{where}: {first_problem(error, Claims)}", "docs/claims.md has an example") from error
    names = [claim.name for claim in found.claims]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"{where}: two claims are named {twice}", "give each a name of its own")
    return found
