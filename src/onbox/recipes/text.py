"""YAML files as people write them, with errors that say where."""

from pathlib import Path
from typing import Any

import yaml

from onbox.errors import UsageError


def read_yaml(path: Path) -> Any:
    """Parse a YAML file.

    Raises:
        UsageError: the file is missing, no text, or not YAML; the message has file and line.
    """
    try:
        return yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f":{mark.line + 1}" if mark else ""
        raise UsageError(f"{path}{line}: not YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise UsageError(f"{path}: not YAML: {str(error).splitlines()[0]}") from error
