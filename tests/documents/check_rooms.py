#!/usr/bin/env python3
"""check_rooms.py ROOT: no room includes what docs/rooms.md does not allow it, what it allows is used, and the command
alone names flags of the command line."""
import re
import sys
from pathlib import Path

_ROW = re.compile(r"^\| `((?:src/|include/|)\w+)` \| .* \|(?: ([\w, ]+))? \|$", re.MULTILINE)
_INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_FLAG = re.compile(r"(?<![-!\w])--[a-z]")
SUFFIXES = {".hpp", ".h", ".cpp", ".cu", ".cuh"}


def allowed(page):
    """What each room of the table may use."""
    return {room: {name for name in uses.split(", ") if name} for room, uses in _ROW.findall(page)}


def used(root, room):
    """The rooms that a room's sources include, each with a file that does."""
    found = {}
    for file in sorted((root / room).rglob("*")):
        if file.suffix in SUFFIXES:
            for name in _INCLUDE.findall(file.read_text("utf-8")):
                if "/" in name:
                    found.setdefault(name.split("/")[0], file.relative_to(root))
    found.pop(Path(room).name, None)
    return found


def flags_in_library(root):
    """String literals that name a flag, outside of the command: other programs have no flags, or others."""
    found = []
    for file in sorted([*root.glob("src/*/*"), *root.glob("include/lamella/*"), *root.glob("kernels/*")]):
        if file.suffix in SUFFIXES and file.parent != root / "src" / "cli":
            for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
                code = line if not line.lstrip().startswith(("//", "*", "#")) else ""
                found += [f"{file.relative_to(root)}:{number} names a flag of the command: {text}"
                          for text in _STRING.findall(code) if _FLAG.search(text)]
    return found


def check(root):
    rooms = allowed((root / "docs" / "rooms.md").read_text("utf-8"))
    folders = {str(path.relative_to(root)) for path in (root / "src").iterdir() if path.is_dir()} | {
        "kernels", "include/lamella"}
    faults = [f"docs/rooms.md does not speak of {room}" for room in sorted(folders - rooms.keys())]
    faults += [f"docs/rooms.md speaks of {room}, which is not there" for room in sorted(rooms.keys() - folders)]
    for room in sorted(rooms.keys() & folders):
        uses = used(root, room)
        faults += [f"{file} includes {name}/, which {room} may not use"
                   for name, file in uses.items() if name not in rooms[room]]
        faults += [f"docs/rooms.md lets {room} use {name}, which it does not"
                   for name in sorted(rooms[room] - uses.keys())]
    by_name = {Path(room).name: uses for room, uses in rooms.items()}
    left = dict(by_name)
    while left:
        free = [name for name, uses in left.items() if not uses & left.keys()]
        if not free:
            faults.append("in docs/rooms.md these use each other: " + ", ".join(sorted(left)))
            break
        for name in free:
            del left[name]
    return faults + flags_in_library(root)


def main():
    faults = check(Path(sys.argv[1]).resolve())
    print("\n".join(faults) or "the rooms are as docs/rooms.md says")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
