#!/usr/bin/env python3
"""build.py --doxygen PROGRAM --version VERSION --output FOLDER: makes the site, in FOLDER/html.

Fails when Doxygen warns of anything, when a public type or function that is no member has no comment (the
names of members may say enough), and when a link of the site leads nowhere.
"""
import argparse
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

SITE = Path(__file__).resolve().parent
ROOT = SITE.parents[1]
_TOLERATED = re.compile(r"Member .* \(\w+\) of (?:class|struct) .* is not documented\."
                        r"|Member .* \((?:typedef|macro definition|variable)\) of (?:file|namespace) .* is not documented\.")


def run_doxygen(program, version, output):
    """What Doxygen has to say."""
    settings = (SITE / "Doxyfile.in").read_text("utf-8")
    for name, value in {"VERSION": version, "OUTPUT": output,
                        "FILTER": f"{sys.executable} docs/site/filter.py"}.items():
        settings = settings.replace(f"@{name}@", str(value))
    done = subprocess.run([program, "-"], input=settings, cwd=ROOT, capture_output=True, text=True, check=False,
                          encoding="utf-8", env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    said = [line for line in done.stderr.splitlines() if line.strip()]
    return said if done.returncode == 0 else said + [f"doxygen ended with {done.returncode}"]


def warnings(said):
    """What of it counts."""
    return [line for line in said if not _TOLERATED.search(line)]


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in ("href", "src") or (tag == "object" and name == "data"):
                self.links.append(value or "")
            elif name in ("id", "name") and value:
                self.anchors.add(value)


def check(folder):
    """The links that lead nowhere, and the files that pages use."""
    pages = {file.name: Page(file.read_text("utf-8")) for file in sorted(folder.glob("*.html"))}
    faults, used = [], set(pages)
    for name, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or link == "#":
                continue
            target = unquote(parts.path) or name
            used.add(target)
            if not (folder / target).is_file():
                faults.append(f"{name}: {link} leads to no file")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                faults.append(f"{name}: {link} leads to no anchor")
    return sorted(set(faults)), used


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--doxygen", default="doxygen")
    parser.add_argument("--version", required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    folder = arguments.output.resolve() / "html"
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        file.unlink()
    faults = warnings(run_doxygen(arguments.doxygen, arguments.version, arguments.output.resolve()))
    if not faults:
        faults, used = check(folder)
        for file in folder.iterdir():
            if file.name not in used:
                file.unlink()  # scripts and pictures of Doxygen's own pages
    print("\n".join(faults) or f"{len(list(folder.glob('*.html')))} pages in {folder}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
