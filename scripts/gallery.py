"""Make docs/gallery.md: photos that come with scikit-image in named styles, each with its command.

python scripts/gallery.py
"""

from __future__ import annotations

import shlex
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from skimage import data
from typer.testing import CliRunner

from pasticcio.cli.main import app

DOCS = Path(__file__).resolve().parent.parent / "docs"
SIDE = 400  # long side of the pictures on the page, in pixels
HEAD = """# Gallery

Each picture is the output of the command beside it, reduced to 400 pixels; `python scripts/gallery.py` makes the page.
The photos come with scikit-image and the styles with the package, so nothing else is needed to repeat them.

| | command |
|---|---|
"""
PICTURES = (
    "chelsea.jpg -s wheat-field-with-cypresses",
    "rocket.jpg -s papal-palace",
    "coffee.jpg -s dream --stroke 2",
    "astronaut.jpg -s almond-blossom",
    "chelsea.jpg -s rose-garden --colors match",
    "rocket.jpg -s composition-viii",
    "coffee.jpg -s crane-in-waves --strength 0.8",
    "astronaut.jpg -s joy-of-life:0.5 -s irises:0.5",
    "chelsea.jpg -s suprematist-painting",
    "coffee.jpg -s random --seed 11",
)


def main() -> None:
    """Run every command, keep its picture and write the page.

    Raises:
        SystemExit: a command failed; the message is its output.
    """
    pictures = DOCS / "gallery"
    shutil.rmtree(pictures, ignore_errors=True)
    pictures.mkdir()
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for number, arguments in enumerate(PICTURES):
            photo, *rest = shlex.split(arguments)
            pixels = getattr(data, Path(photo).stem)()
            Image.fromarray(pixels).save(Path(folder, photo), quality=95)
            out = Path(folder, "out.png")
            result = CliRunner().invoke(app, ["stylize", str(Path(folder, photo)), *rest, "-o", str(out)])
            if result.exit_code:
                raise SystemExit(f"{arguments}: {result.output}")
            with Image.open(out) as image:
                image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
                image.convert("RGB").save(pictures / f"{number:02}.jpg", quality=88)
            lines.append(f"| ![{arguments}](gallery/{number:02}.jpg) | `pasticcio stylize {arguments}` |")
    (DOCS / "gallery.md").write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
