"""Reads Markdown pages: headings with the anchors that they get, links, and fenced blocks with their marks.

What builds the site and what tests the pages read them by this alone.
"""
import re
from dataclasses import dataclass

_FENCE = re.compile(r"^ {0,3}(`{3,})([^`]*)$")
_MARK = re.compile(r"^<!-- test: (.+) -->$")
_HEADING = re.compile(r"^(#{1,6}) +(.+?) *#*$")
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")
_CODE = re.compile(r"(`+)(.+?)\1")


@dataclass
class Block:
    """A fenced block: the first word behind its fence, what it holds, and what the comment before it says."""
    language: str
    text: str
    line: int  # of its fence, from 1
    mark: str = ""


@dataclass
class Heading:
    line: int
    level: int
    title: str
    anchor: str


@dataclass
class Link:
    line: int
    label: str
    target: str
    start: int  # where it stands in its line
    end: int


class PageError(Exception):
    """A page that cannot be read; says where and why."""


def read(text):
    """The lines outside of blocks, as (number, line), and the blocks."""
    outside, blocks, mark, block, fence = [], [], "", None, ""
    for number, line in enumerate(text.split("\n"), 1):
        found = _FENCE.match(line)
        if block is not None:
            if found and found.group(1).startswith(fence) and not found.group(2).strip():
                blocks.append(block)
                block = None
            else:
                block.text += line + "\n"
        elif found:
            words = found.group(2).split()
            block = Block(words[0] if words else "", "", number, mark)
            fence, mark = found.group(1), ""
        else:
            if mark and line.strip():
                raise PageError(f"line {number}: a mark for tests stands before no block")
            found = _MARK.match(line)
            mark = found.group(1) if found else mark
            outside.append((number, line))
    if block is not None:
        raise PageError(f"line {block.line}: a block that does not end")
    if mark:
        raise PageError("a mark for tests stands before no block")
    return outside, blocks


def anchor(title):
    """The anchor that GitHub makes of a heading, unless an earlier one has it already."""
    text = _LINK.sub(lambda link: link.group(2), title).replace("`", "").lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def headings(text):
    found, taken = [], {}
    for number, line in read(text)[0]:
        match = _HEADING.match(line)
        if match:
            base = anchor(match.group(2))
            count = taken.get(base, 0)
            taken[base] = count + 1
            found.append(Heading(number, len(match.group(1)), match.group(2), f"{base}-{count}" if count else base))
    return found


def links_of_line(number, line):
    """The inline links and images of a line outside of blocks; what looks like one in a code span is none."""
    code = [match.span() for match in _CODE.finditer(line)]
    return [Link(number, match.group(2), match.group(3), match.start(), match.end())
            for match in _LINK.finditer(line)
            if not any(start <= match.start() < end for start, end in code)]


def links(text):
    return [link for number, line in read(text)[0] for link in links_of_line(number, line)]
