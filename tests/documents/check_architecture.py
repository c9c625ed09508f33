#!/usr/bin/env python3
"""check_architecture.py ROOT: the sources obey docs/architecture.md.

No module includes what the table does not allow, every allowed dependency is used, none is cyclic, and each file
of the walk from the README to a kernel holds what the page tells the reader to look for. Only the command names
flags of the command line.
"""
import re
import sys
from pathlib import Path

PAGE = "docs/architecture.md"
_ROW = re.compile(r"^\| `((?:src/|include/|)\w+)` \| .* \|(?: ([\w, ]+))? \|$", re.MULTILINE)
_STEP = re.compile(r"^\| \d+ \| \[[^]]+\]\(([^)]+)\).* \| `([^`]+)` \|$", re.MULTILINE)
_INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_FLAG = re.compile(r"(?<![-!\w])--[a-z]")
SUFFIXES = {".hpp", ".h", ".cpp", ".cu", ".cuh"}


def allowed(page):
    """The dependencies that the table allows each module."""
    return {module: {name for name in uses.split(", ") if name} for module, uses in _ROW.findall(page)}


def used(root, module):
    """The modules that a module's sources include, each with a file that does."""
    found = {}
    for file in sorted((root / module).rglob("*")):
        if file.suffix in SUFFIXES:
            for name in _INCLUDE.findall(file.read_text("utf-8")):
                if "/" in name:
                    found.setdefault(name.split("/")[0], file.relative_to(root))
    found.pop(Path(module).name, None)
    return found


def cycle(modules):
    """The modules that depend on each other, directly or not."""
    left = {Path(module).name: uses for module, uses in modules.items()}
    while True:
        free = [name for name, uses in left.items() if not uses & left.keys()]
        if not free:
            return sorted(left)
        for name in free:
            del left[name]


def check_walk(root, page):
    steps = _STEP.findall(page)
    faults = [] if steps else [f"{PAGE} has no walk from the README to a kernel"]
    for target, wanted in steps:
        file = (root / PAGE).parent / target
        if not file.is_file() or wanted not in file.read_text("utf-8"):
            faults.append(f"{PAGE} finds '{wanted}' in {target}, which does not hold it")
    return faults


def flags_in_library(root):
    """String literals outside the command that name a flag: other programs have no flags, or others."""
    found = []
    for file in sorted([*root.glob("src/*/*"), *root.glob("include/lamella/*"), *root.glob("kernels/*")]):
        if file.suffix in SUFFIXES and file.parent != root / "src" / "cli":
            for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
                code = line if not line.lstrip().startswith(("//", "*", "#")) else ""
                found += [f"{file.relative_to(root)}:{number} names a flag of the command: {text}"
                          for text in _STRING.findall(code) if _FLAG.search(text)]
    return found


def check(root):
    page = (root / PAGE).read_text("utf-8")
    modules = allowed(page)
    folders = {str(path.relative_to(root)) for path in (root / "src").iterdir() if path.is_dir()} | {
        "kernels", "include/lamella"}
    faults = [f"{PAGE} does not list {module}" for module in sorted(folders - modules.keys())]
    faults += [f"{PAGE} lists {module}, which does not exist" for module in sorted(modules.keys() - folders)]
    for module in sorted(modules.keys() & folders):
        uses = used(root, module)
        faults += [f"{file} includes {name}/, which {module} may not use"
                   for name, file in uses.items() if name not in modules[module]]
        faults += [f"{PAGE} allows {module} to use {name}, which it does not"
                   for name in sorted(modules[module] - uses.keys())]
    cyclic = cycle(modules)
    if cyclic:
        faults.append(f"in {PAGE} these use each other: {', '.join(cyclic)}")
    return faults + check_walk(root, page) + flags_in_library(root)


def main():
    faults = check(Path(sys.argv[1]).resolve())
    print("\n".join(faults) or f"the sources obey {PAGE}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
