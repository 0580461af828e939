"""The block types of GGUF, from the gguf package's table of constants alone.

`import gguf` brings its vocabularies along, and with them mistral_common where that is installed: a second of start-up,
and a traceback where it is broken. So the one file that holds the constants is executed by itself.
"""

from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from onbox.errors import BoxError


def ggml_blocks() -> dict[int, tuple[str, int, int]]:
    """Number in a file -> (name, elements of a block, bytes of a block).

    Raises:
        BoxError: the gguf package is not installed as it should be.
    """
    constants = _constants()
    sizes = constants.GGML_QUANT_SIZES
    return {int(kind): (kind.name, *sizes[kind]) for kind in constants.GGMLQuantizationType if kind in sizes}


def _constants() -> ModuleType:
    package = find_spec("gguf")  # finds a package of the top level, and executes nothing
    for folder in (package.submodule_search_locations or ()) if package else ():
        spec = spec_from_file_location("onbox_gguf_constants", Path(folder) / "constants.py")
        if spec is not None and spec.loader is not None and Path(folder, "constants.py").is_file():
            module = module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
    raise BoxError("the gguf package is not installed, or has no constants.py", "pip install 'gguf>=0.17'")
