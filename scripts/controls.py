"""Make docs/controls.md: each control with a command and the picture that the command makes.

    python scripts/controls.py

The photo is scikit-image's astronaut (public domain, NASA), the styles are named ones or scikit-image's pictures.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data
from typer.testing import CliRunner

from pasticcio.cli.main import app

DOCS = Path(__file__).resolve().parent.parent / "docs"
SIDE = 256  # long side of the pictures on the page, in pixels
HEAD = """# Every control

`python scripts/controls.py` makes this page: it runs each command and keeps the picture. `photo.jpg` is scikit-image's
astronaut (NASA, public domain) at 512 pixels; `tissue.jpg` and `coffee.jpg` are scikit-image's too. In Python, the same
controls are fields of `Options`.

| control | command | picture |
|---|---|---|
"""
TAIL = """
Further options: `--tile N` renders in tiles (automatic where memory is short), `--statistics sample|reduced|exact` sets
where their statistics come from, `--strip` leaves out EXIF data, `--quality` is that of JPEG, WebP and AVIF,
`--max-megapixels` changes the limit on a photo's size, `--adapt 0` does not
[fit](how-it-works.md#fitted-to-the-photo) style pictures to the photo, and `-` stands for standard input or output. For
folders there are `--all-pairs`, `--resume` and `--json`. `pasticcio stylize --help` lists all options.
"""
STYLE = "wheat-field-with-cypresses"
CONTROLS = (
    ("a named style", f"photo.jpg -s {STYLE}"),
    ("a picture as style", "photo.jpg -s tissue.jpg"),
    ("strength 0: the photo's own style", f"photo.jpg -s {STYLE} --strength 0"),
    ("strength 0.5", f"photo.jpg -s {STYLE} --strength 0.5"),
    ("strength 1.5: beyond the style", f"photo.jpg -s {STYLE} --strength 1.5"),
    ("several styles with weights", f"photo.jpg -s dance:0.5 -s {STYLE}:0.5"),
    ("the mean of a folder of pictures", "photo.jpg -s pictures"),
    ("a style file, made by `pasticcio embed tissue.jpg -o tissue.json`", "photo.jpg -s tissue.json"),
    ("the style picture embedded at a small size: fine strokes", "photo.jpg -s tissue.jpg --style-size 128"),
    ("the style picture embedded at a large size: coarse strokes", "photo.jpg -s tissue.jpg --style-size 768"),
    ("strokes twice as large", f"photo.jpg -s {STYLE} --stroke 2"),
    ("strokes half as large", f"photo.jpg -s {STYLE} --stroke 0.5"),
    ("even areas left flat", f"photo.jpg -s {STYLE} --texture 0"),
    ("more strokes in even areas", f"photo.jpg -s {STYLE} --texture 3"),
    ("the style takes on the photo's colors", "photo.jpg -s tissue.jpg --colors match"),
    ("only light and shade are stylized", f"photo.jpg -s {STYLE} --colors luminance"),
    ("a mask: its gray values are the strength, here growing to the right", f"photo.jpg -s {STYLE} --mask ramp.png"),
    ("a mask for each style", f"photo.jpg -s {STYLE} --mask disk.png -s dance --mask around.png"),
    ("transparency is kept, and transparent pixels do not affect the result", "cut.png -s dance"),
    ("a random style", "photo.jpg -s random --seed 7"),
    ("another random style", "photo.jpg -s random --seed 11"),
    ("a random style near one", f"photo.jpg -s like:{STYLE} --spread 0.5 --seed 2"),
)


def main() -> None:
    """Run every command in a folder of its own, and write the page."""
    pictures = DOCS / "controls"
    shutil.rmtree(pictures, ignore_errors=True)
    pictures.mkdir()
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        prepare(Path(folder))
        run("embed", "tissue.jpg", "-o", "tissue.json")
        for number, (what, arguments) in enumerate(CONTROLS):
            run("stylize", *arguments.split(), "-o", "out.png")
            name = f"{number:02}.jpg"
            small(Image.open("out.png")).save(pictures / name, quality=88)
            lines.append(f"| {what} | `pasticcio stylize {arguments}` | ![]({pictures.name}/{name}) |")
        os.chdir(DOCS)  # some systems cannot delete the current folder
    (DOCS / "controls.md").write_text(HEAD + "\n".join(lines) + "\n" + TAIL, encoding="utf-8")


def run(*arguments: str) -> None:
    """Run one command of the command line.

    Raises:
        SystemExit: the command failed; the message is its output.
    """
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    if result.exit_code:
        raise SystemExit(f"{' '.join(arguments)}: {result.output}")


def prepare(folder: Path) -> None:
    """The photo, the style pictures and the masks that the commands name."""
    photo, tissue, coffee = (getattr(data, name)() for name in ("astronaut", "immunohistochemistry", "coffee"))
    height, width = photo.shape[:2]
    Image.fromarray(photo).save(folder / "photo.jpg", quality=95)
    for name, picture in (("tissue", tissue), ("coffee", coffee)):
        Image.fromarray(picture).save(folder / f"{name}.jpg", quality=95)
    (folder / "pictures").mkdir()
    for name in ("tissue.jpg", "coffee.jpg"):
        shutil.copy(folder / name, folder / "pictures" / name)
    ramp = np.tile(np.linspace(0, 255, width).astype(np.uint8), (height, 1))
    rows, columns = np.mgrid[:height, :width]
    disk = (((rows - 130) ** 2 + (columns - 225) ** 2) < 125**2).astype(np.uint8) * 255
    for name, mask in (("ramp", ramp), ("disk", disk), ("around", 255 - disk)):
        Image.fromarray(mask).save(folder / f"{name}.png")
    body = (((rows - 300) / 330) ** 2 + ((columns - 220) / 215) ** 2 < 1).astype(np.uint8) * 255
    Image.fromarray(np.dstack([photo, body])).save(folder / "cut.png")


def small(image: Image.Image) -> Image.Image:
    """The picture reduced to `SIDE` pixels, with a checkerboard under transparent pixels."""
    if image.mode == "RGBA":
        rows, columns = np.mgrid[: image.height, : image.width] // 16
        board = np.where((rows + columns) % 2, 235, 255).astype(np.uint8)
        under = Image.fromarray(board).convert("RGBA")
        image = Image.alpha_composite(under, image)
    image = image.convert("RGB")
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return image


if __name__ == "__main__":
    main()
