"""Whether the chips that an image says its kernels were built for are this box's."""

from onbox.box.gpu_arch import Arch, ChipSupport, chip_number


def runs_on(kernels: tuple[str, ...], chip: str) -> bool:
    """Whether kernels for one of these chips (`12.1a`, `9.0+PTX`) run on `chip` (`12.1`), natively or from PTX."""
    at = chip_number(chip)
    return any(arch.on(at) in (ChipSupport.NATIVE, ChipSupport.JIT) for each in kernels for arch in _archs(each))


def _archs(name: str) -> list[Arch]:
    """What an entry of TORCH_CUDA_ARCH_LIST is built into."""
    bare = name.removesuffix("+PTX")
    number, suffix = "".join(char for char in bare if char.isdigit()), bare.lstrip("0123456789.")
    if not number or suffix not in ("", "a", "f"):
        return []
    binary = Arch(int(number), suffix)
    return [binary, Arch(int(number), suffix, ptx=True)] if name.endswith("+PTX") else [binary]
