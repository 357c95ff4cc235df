"""The pictures of docs/history.md: one photo and one painting with each method, with losses and seconds.

    python benchmarks/history_pictures.py --single runs/single/model --tuned runs/tuned --multi runs/multi/model \
        --out docs/history

The photo is scikit-image's astronaut (NASA, public domain). Each picture is made by the command in its row, in
a process of its own; the seconds are those of the whole command.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from history import Judge, Pair
from PIL import Image
from skimage import data

from pasticcio.baselines.settings import LOSS
from pasticcio.image.picture import Array
from pasticcio.image.read import open_image
from pasticcio.image.resize import style_view
from pasticcio.render.stylizer import Stylizer
from pasticcio.training.pretrained import load_vgg

STYLE_SIDE = 256  # short side of the painting in pixels, in training and here


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder of the shared data")
    parser.add_argument("--single", type=Path, required=True, help="folder of a network of one style: the painting")
    parser.add_argument("--tuned", type=Path, required=True, help="the same, trained from the model `fast`")
    parser.add_argument("--multi", type=Path, required=True, help="folder of a network of N styles")
    parser.add_argument(
        "--iterations", type=int, nargs="+", default=[30, 100], help="numbers of iterations of optimization"
    )
    parser.add_argument("--size", type=int, default=320, help="side in pixels")
    parser.add_argument("--out", type=Path, default=Path("docs/history"), help="folder of the pictures")
    arguments = parser.parse_args()
    name = next(iter(Stylizer(arguments.single).model.styles))
    painting = arguments.shared / "data/paintings" / f"{name}.jpg"
    weights = arguments.shared / "weights/vgg19_normalised_conv4_1.safetensors"
    for needed in (painting, weights):
        if not needed.exists():
            sys.exit(f"the pictures need {needed}, which is not there; name the shared data with --shared")
    known = (arguments.single, arguments.tuned, arguments.multi)
    commands = [
        "stylize photo.png -s painting.jpg",
        *(f"stylize photo.png -s {name} --model {folder}" for folder in known),
        *(
            f"optimize photo.png -s painting.jpg --iterations {count} --start {start}"
            for start in ("photo", "network")
            for count in arguments.iterations
        ),
    ]
    photo = Image.fromarray(data.astronaut()).resize((arguments.size, arguments.size), Image.Resampling.LANCZOS)
    pair = Pair(0, unit(photo), style_view(open_image(painting), STYLE_SIDE), name)
    judge = Judge(load_vgg("vgg19-normalised", LOSS.layers(), str(weights), padding="reflect"), pair)
    arguments.out.mkdir(parents=True, exist_ok=True)
    photo.save(arguments.out / "photo.jpg", quality=88)
    print("| command | loss | content relu4_1 | style | seconds | picture |\n|---|---|---|---|---|---|")
    print(row("the photo", judge(pair.photo), 0.0, "photo.jpg"))
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        photo.save(work / "photo.png")
        (work / "painting.jpg").symlink_to(painting.resolve())
        for folder in known:
            (work / folder).parent.mkdir(parents=True, exist_ok=True)
            (work / folder).symlink_to(folder.resolve())
        for number, command in enumerate(commands):
            words = command.split() + (["--vgg", str(weights.resolve())] if "optimize" in command else [])
            seconds = run([*words, "-o", f"{number}.png"], work)
            picture = Image.open(work / f"{number}.png")
            picture.save(arguments.out / f"{number}.jpg", quality=88)
            shown = f"`pasticcio {command.replace(name, 'NAME')}`"
            print(row(shown, judge(unit(picture)), seconds, f"{number}.jpg"), flush=True)


def run(words: list[str], folder: Path) -> float:
    """Run a command in a process of its own, and return its seconds.

    Raises:
        SystemExit: the command failed; the message is its standard error.
    """
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "pasticcio", *words], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(words)}: {done.stderr}")
    return time.perf_counter() - begun


def unit(image: Image.Image) -> Array:
    """A picture's pixels, (H, W, 3) in [0, 1]."""
    return np.asarray(image.convert("RGB"), np.float32) / 255


def row(what: str, figures: dict[str, float], seconds: float, file: str) -> str:
    """A line of the table."""
    losses = f"{figures['loss']:.2f} | {figures['content']:.2f} | {figures['style']:.3f}"
    return f"| {what} | {losses} | {seconds:.1f} | ![](history/{file}) |"


if __name__ == "__main__":
    main()
