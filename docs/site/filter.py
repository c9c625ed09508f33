#!/usr/bin/env python3
"""filter.py FILE: a page or a public header as Doxygen wants it, on standard output.

Pages: headings get labels, so that the site's names and anchors do not depend on Doxygen's version, and links
become references to them; links to files that are not part of the site become their text; long pages get a table
of contents. Headers: comments become documentation, since they are written for people who read the headers
themselves.
"""
import re
import sys
from pathlib import Path, PurePosixPath

import markdown

ROOT = Path(__file__).resolve().parents[2]


def page_label(path):
    """The site's name for a page, given from the project's folder: docs/ci.md is ci, examples/a/README.md example-a."""
    path = PurePosixPath(path)
    if path.name == "README.md":
        parent = str(path.parent)
        return "index" if parent == "docs" else parent.replace("examples", "example").replace("/", "-")
    return path.stem.lower()


def is_page(path):
    """Whether the site has this file as a page."""
    path = PurePosixPath(path)
    return path.suffix == ".md" and (path.parts[0] in ("docs", "examples") or str(path) in OTHER_PAGES)


OTHER_PAGES = {"CHANGELOG.md", ".github/CONTRIBUTING.md", ".github/SECURITY.md", "tests/cuda_sim/README.md",
               "tests/bench/README.md", "tests/documents/README.md"}


def target_of(page, link):
    """What a link of a page becomes: its target in the site, or nothing where the site has none."""
    if re.match(r"[a-z]+:", link.target):
        return link.target
    path, _, fragment = link.target.partition("#")
    file = (ROOT / page).parent / path if path else ROOT / page
    name = file.resolve().relative_to(ROOT).as_posix()
    if file.suffix in (".svg", ".png"):
        return file.name
    if name.startswith("include/lamella/") and file.is_file():
        return f"@ref {file.name}"
    if not is_page(name):
        return None
    return f"@ref {page_label(name)}" + (f"-{fragment}" if fragment else "")


def page(path):
    name = path.resolve().relative_to(ROOT).as_posix()
    text = path.read_text("utf-8")
    label = page_label(name)
    lines = text.split("\n")
    for number, line in markdown.read(text)[0]:
        for link in reversed(markdown.links_of_line(number, line)):
            target = target_of(name, link)
            line = line[:link.start] + (f"{'!' if line[link.start] == '!' else ''}[{link.label}]({target})" if target
                                        else link.label) + line[link.end:]
        lines[number - 1] = line
    headings = markdown.headings(text)
    if sum(heading.level == 2 for heading in headings) > 2:
        lines[headings[0].line] += "\n[TOC]\n"
    for heading in headings:
        if label == "index" and heading.level == 1:
            continue  # Doxygen gives the main page that label itself
        lines[heading.line - 1] = (f"{'#' * heading.level} {heading.title} "
                                   f"{{#{label if heading.level == 1 else label + '-' + heading.anchor}}}")
    return "\n".join(line for line in lines if not line.startswith("<!-- test: "))


def header(text):
    """// comments as ///, behind a member as ///<, and going on below it; the one that begins a file as its own."""
    out, column, at_head, was_indented = [], None, True, False
    for line in text.split("\n"):
        match = re.match(r"^(\s*)// ?(.*)$", line)
        behind = re.match(r"^(.*\S)(\s+)// (.*)$", line)
        is_indented = bool(match) and match.group(2).startswith("  ")
        if is_indented:  # a formula or an example: Markdown's code
            out += [f"{match.group(1)}///"] * (not was_indented) + [f"{match.group(1)}///     {match.group(2)}"]
        elif match and at_head:
            out.append(("/// @file\n" if not out else "") + f"/// {match.group(2)}")
        elif match and column == len(match.group(1)):
            out.append(f"{match.group(1)}///< {match.group(2)}")
        elif match:
            out.append(f"{match.group(1)}/// {match.group(2)}")
            column = None
        elif behind and not behind.group(3).startswith("namespace") and "NOLINT" not in behind.group(3):
            out.append(f"{behind.group(1)}{behind.group(2)}///< {behind.group(3)}")
            column = len(behind.group(1)) + len(behind.group(2))
        else:
            out.append(line)
            column = None
        at_head = at_head and bool(match)
        was_indented = is_indented
    return "\n".join(out)


def c_header(text):
    """/* */ comments as documentation, the same way."""
    text = re.sub(r"^/\*", "/** @file\n *", text, count=1)
    text = re.sub(r"^(\s*)/\* (?!-)", r"\1/** ", text, flags=re.MULTILINE)
    return re.sub(r"(\S)([ \t]+)/\* ", r"\1\2/**< ", text)


def main():
    path = Path(sys.argv[1])
    if path.suffix == ".md":
        text = page(path)
    else:
        text = (c_header if path.suffix == ".h" else header)(path.read_text("utf-8"))
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
