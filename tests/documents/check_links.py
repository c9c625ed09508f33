#!/usr/bin/env python3
"""check_links.py ROOT: every link of the project's pages leads somewhere.

Relative links must name a file of the tree, and a heading of it where they have an anchor. Links to the
network are looked at for their form alone. Every page of docs/ must be reachable from docs/README.md.
"""
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs" / "site"))
import markdown  # noqa: E402

PAGES = ["README.md", "CHANGELOG.md", "docs/*.md", ".github/*.md", "examples/*/README.md", "tests/**/README.md"]


def pages(root):
    return sorted({page for pattern in PAGES for page in root.glob(pattern)})


def fault(root, page, target):
    """What is wrong with a link of a page, or nothing."""
    parts = urlsplit(target)
    if parts.scheme in ("http", "https"):
        return None if "." in parts.netloc and "@" not in parts.netloc else "is no address"
    if parts.scheme or parts.netloc:
        return "is neither relative nor http"
    path = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if root != path and root not in path.parents:
        return "leads out of the tree"
    if not path.exists():
        return "leads to no file"
    if parts.fragment:
        if path.suffix != ".md":
            return "has an anchor, but leads to no page"
        if parts.fragment not in [heading.anchor for heading in markdown.headings(path.read_text("utf-8"))]:
            return "leads to no heading"
    return None


def unreachable(root):
    """The pages of docs/ that no chain of links from docs/README.md reaches."""
    docs, start = root / "docs", root / "docs" / "README.md"
    seen, left = {start}, [start]
    while left:
        page = left.pop()
        for link in markdown.links(page.read_text("utf-8")):
            path = (page.parent / unquote(urlsplit(link.target).path)).resolve()
            if path.parent == docs and path.suffix == ".md" and path.exists() and path not in seen:
                seen.add(path)
                left.append(path)
    return [page for page in sorted(docs.glob("*.md")) if page not in seen]


def check(root):
    """The faults found, and how many links were looked at."""
    faults, count = [], 0
    for page in pages(root):
        name = page.relative_to(root)
        try:
            found = markdown.links(page.read_text("utf-8"))
        except markdown.PageError as error:
            faults.append(f"{name}: {error}")
            continue
        for link in found:
            count += 1
            wrong = fault(root, page, link.target)
            if wrong:
                faults.append(f"{name}:{link.line}: {link.target} {wrong}")
    if not faults:
        faults = [f"{page.relative_to(root)}: docs/README.md does not lead here" for page in unreachable(root)]
    return faults, count


def main():
    faults, count = check(Path(sys.argv[1]).resolve())
    print("\n".join(faults + [f"{count} links, {len(faults)} faults"]))
    return 1 if faults or not count else 0


if __name__ == "__main__":
    sys.exit(main())
