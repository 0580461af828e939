"""What .ci/packages holds the wheel and the sdist to.

python tools/packages.py wheels FROM_SDIST FROM_CLONE    the two hold the same, and all that onbox reads is in them
python tools/packages.py python 3.12                     the path of that Python, where it is on this box
python tools/packages.py installed ONBOX                 an installed onbox runs, starts quickly, and is small
python tools/packages.py faults PIP_AUDIT PYTHON         no package that PYTHON sees has a fault that is known
"""

import argparse
import hashlib
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
INSTALLED_BYTES_MAX = 120_000_000
"""Of the base install, without pip and without bytecode, which depends on who installs."""
START_CPU_S_MAX = 0.15
"""Of `onbox --help`: processor time, since other programs do not lengthen that; the best of some starts."""
STARTS = 5
AUDIT_S = 60.0


def contents(wheel: Path) -> dict[str, str]:
    """Each file of a wheel with the hash of what it holds; RECORD follows from the others."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            name: hashlib.sha256(archive.read(name)).hexdigest()
            for name in archive.namelist()
            if not name.endswith("/RECORD")
        }


def wheels(from_sdist: Path, from_clone: Path) -> None:
    """Hold two wheels against each other and against the sources."""
    held, other = contents(from_sdist), contents(from_clone)
    differ = sorted(name for name in {*held, *other} if held.get(name) != other.get(name))
    _hold(not differ, f"the sdist builds another wheel than the clone: {differ[:5]}")
    sources = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src" / "onbox").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    for task in (ROOT / "suite").glob("*/task.toml"):
        parts = ("task.toml", "instruction.md", "tests/test.sh", "solution/solve.sh")
        sources |= {f"onbox/bench/suite/{task.parent.name}/{part}" for part in parts}
    missing = sorted(sources - set(held))
    _hold(not missing, f"not in the wheel: {missing[:5]}")
    strangers = sorted(name for name in held if not name.startswith("onbox"))
    _hold(not strangers, f"in the wheel beside onbox: {strangers[:5]}")
    size = from_sdist.stat().st_size / 1e6
    print(f"{from_sdist.name}: {len(held)} files, {size:.1f} MB, the same from the sdist and from the clone")


def find_python(version: str) -> None:
    """Print where that version is: on PATH, or with pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    named = shutil.which(f"python{version}")
    for python in (named, *sorted(map(str, pyenv.glob(f"{version}*/bin/python3"))), sys.executable):
        if python is None:
            continue
        said = subprocess.run(
            [python, "-c", "import sys; print(sys.version)"], capture_output=True, text=True, check=False
        )
        if said.returncode == 0 and said.stdout.startswith(f"{version}."):
            print(python)
            return
    sys.exit(1)


def installed(program: Path, version: str | None) -> None:
    """Run an installed onbox as its new owner would; where `version` is given it is the base install by pip."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        want = re.search(r'^__version__ = "(.*)"$', (ROOT / "src/onbox/__init__.py").read_text(), re.MULTILINE)
        assert want is not None
        _hold(_output(folder, program, "--version") == f"onbox {want[1]}", "the version is another")
        _output(folder, program, "doctor", "--json", codes=(0, 1, 3))
        _output(folder, program, "box", "--help")
        _output(folder, program, "task", "render", "fill-json", "--to", str(folder / "task"))
        _hold((folder / "task" / "tests" / "test.sh").is_file(), "a builtin task is not whole")
        with tarfile.open(ROOT / "tests/data/recorded/attached.tar.xz") as recorded:
            recorded.extractall(folder, filter="data")
        page = folder / "attached" / "report.html"
        page.unlink()
        _output(folder, program, "report", str(page.parent))
        _hold("<html" in page.read_text("utf-8"), "no report was written")
        took = min(_cpu_s(folder, program, "--help") for _ in range(STARTS))
    line = f"{program.parents[1].name}: onbox {want[1]}, --help in {took:.3f} s of processor time"
    _hold(took < START_CPU_S_MAX, f"{line}: {START_CPU_S_MAX} s are allowed")
    if version:
        sizes = _sizes(program.parents[1] / "lib" / f"python{version}" / "site-packages")
        total = sum(sizes.values())
        largest = sorted(sizes, key=lambda name: -sizes[name])[:4]
        line += f", {total / 1e6:.0f} MB ({', '.join(f'{name} {sizes[name] / 1e6:.0f}' for name in largest)})"
        _hold(total < INSTALLED_BYTES_MAX, f"{line}: {INSTALLED_BYTES_MAX / 1e6:.0f} MB are allowed")
    print(line)


def faults(pip_audit: Path, python: Path) -> None:
    """Ask the advisory services about every package that `python` sees; where none answers, say so and go on."""
    code = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    packages = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    silent = []
    for service in ("pypi", "osv"):
        reports, why = _faults_known(pip_audit, service, packages)
        known = [package for package in reports if "vulns" in package]
        if not known:
            silent.append(f"{service}: {why[:120]}")
            continue
        found = [
            f"{package['name']} {package['version']}: {fault['id']}, mended in {', '.join(fault['fix_versions'])}"
            for package in known
            for fault in package["vulns"]
        ]
        _hold(not found, "; ".join(found))
        print(f"known faults of dependencies: none in {len(known)} of {len(reports)} packages, says {service}")
        return
    print(f"known faults of dependencies: not asked, no service answers here ({'; '.join(silent)})")


def _faults_known(pip_audit: Path, service: str, packages: str) -> tuple[list[dict[str, Any]], str]:
    """What a service knows of each package, and why it knows nothing where that is so."""
    with tempfile.TemporaryDirectory() as scratch:
        answer = Path(scratch, "faults.json")
        command = [pip_audit, "--vulnerability-service", service, "--path", packages, "--skip-editable"]
        command += ["--format", "json", "--output", answer, "--timeout", "10"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=AUDIT_S, check=False)
        except subprocess.TimeoutExpired:
            return [], f"no answer within {AUDIT_S:.0f} s"
        if not answer.is_file():
            return [], (done.stderr.strip() or "no reason was given").splitlines()[-1]
        reports: list[dict[str, Any]] = json.loads(answer.read_text())["dependencies"]
        return reports, next((package["skip_reason"] for package in reports if "skip_reason" in package), "no packages")


def _output(folder: Path, program: Path, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
    """What a command printed; it ends this script where it fails or shows a traceback."""
    done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    fine = done.returncode in codes and "Traceback" not in done.stderr
    _hold(fine, f"onbox {' '.join(arguments)}: exit code {done.returncode}: {done.stderr.strip()[-2000:]}")
    return done.stdout.strip()


def _cpu_s(folder: Path, program: Path, *arguments: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([program, *arguments], cwd=folder, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _sizes(packages: Path) -> dict[str, int]:
    """Bytes of each package, without the installer's own and without bytecode."""
    sizes: dict[str, int] = {}
    for path in packages.rglob("*"):
        name = path.relative_to(packages).parts[0]
        if (
            path.is_file()
            and "__pycache__" not in path.parts
            and not name.startswith(("pip", "setuptools", "_distutils"))
        ):
            sizes[name] = sizes.get(name, 0) + path.stat().st_size
    return sizes


def _hold(holds: bool, otherwise: str) -> None:
    if not holds:
        sys.exit(otherwise)


def main() -> None:
    """Do one of the above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    does = parser.add_subparsers(dest="does", required=True)
    one = does.add_parser("wheels")
    one.add_argument("from_sdist", type=Path)
    one.add_argument("from_clone", type=Path)
    does.add_parser("python").add_argument("version")
    one = does.add_parser("installed")
    one.add_argument("program", type=Path)
    one.add_argument("--python")
    one = does.add_parser("faults")
    one.add_argument("pip_audit", type=Path)
    one.add_argument("python", type=Path)
    options = parser.parse_args()
    if options.does == "wheels":
        wheels(options.from_sdist, options.from_clone)
    elif options.does == "python":
        find_python(options.version)
    elif options.does == "installed":
        installed(options.program, options.python)
    else:
        faults(options.pip_audit, options.python)


if __name__ == "__main__":
    main()
