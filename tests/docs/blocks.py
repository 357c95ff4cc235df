"""The code blocks of the documentation, and what may be said of them without running them.

    python tests/docs/blocks.py

prints how many blocks the tests run, and which they do not. A block that is not run has the reason in front of it:

    <!-- not run: takes an hour -->
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("sh", "python")
PAGES = ("README.md", "CONTRIBUTING.md", "src/pasticcio/model/shipped/*/README.md", "docs/**/*.md")
MADE = ("docs/_build", "docs/reference/commands.md")  # written by the build
BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<why>[^\n]+?) -->\n+)?^```(?P<language>\S+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """A fenced block of shell or Python.

    Attributes:
        page: the file, from the root of the repository.
        line: where the code begins.
        language: "sh" or "python".
        code: the text between the fences.
        why: why the block is not run; empty for one that is.
    """

    page: str
    line: int
    language: str
    code: str
    why: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """The documentation's pages, without those that the build writes."""
    found = {path for pattern in PAGES for path in ROOT.glob(pattern)}
    return sorted(path for path in found if not path.relative_to(ROOT).as_posix().startswith(MADE))


def blocks() -> Iterator[Block]:
    """Every block of shell or Python, page after page."""
    for path in pages():
        text = path.read_text("utf-8")
        for found in BLOCK.finditer(text):
            if found["language"] in LANGUAGES:
                line = text.count("\n", 0, found.start("code")) + 1
                page = path.relative_to(ROOT).as_posix()
                yield Block(page, line, found["language"], found["code"], found["why"] or "")


def commands(code: str) -> list[list[str]]:
    """The words of each command of a shell block: comments left out, continued lines joined, `$( )` and pipes kept."""
    joined = code.replace("\\\n", " ")
    return [words for line in joined.splitlines() if (words := shlex.split(line, comments=True))]


if __name__ == "__main__":
    every = list(blocks())
    left_out = [block for block in every if block.why]
    print(f"{len(every) - len(left_out)} of {len(every)} blocks are run; these are not:")
    for block in left_out:
        print(f"{block}: {block.why}")
