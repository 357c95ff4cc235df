"""How much stylized clips of exactly known motion flicker, and what it costs to have them flicker less.

    python benchmarks/video.py --strip runs/video.png --json runs/video.json
    python benchmarks/video.py --speed --json runs/video-speed.json

Clips are cut from two photos of scikit-image: pans of 1, 3.3 and 8 pixels a frame, a zoom of 1% a frame, and an object
that passes before a still scene. The warping error is the root mean square difference, in levels of 255, between an
output and the one 1 or 5 frames earlier moved along the true motion, where both frames show the place. Sharpness is the
mean square difference of neighboring pixels over that of frames rendered alone; so is the style loss (Gram matrices of
VGG-19, `measures.py`), which needs the training material and is left out where there is none.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data

from pasticcio.files import write_whole
from pasticcio.image.picture import Array, as_float
from pasticcio.image.read import open_image
from pasticcio.image.resize import style_view
from pasticcio.image.write import save_image
from pasticcio.render.stylizer import Stylizer
from pasticcio.style.style import Style
from pasticcio.video.fast import SMALLER
from pasticcio.video.looks import Look, constant
from pasticcio.video.motion import pixel_places
from pasticcio.video.steady import Render, Steadiness, Steady, renderer
from pasticcio.video.stylize import draw

Frame = NDArray[np.uint8]
Floats = NDArray[np.float32]

Row = dict[str, float]

SHARED = Path(__file__).parents[2] / "shared"
STYLES = ("neural-style__starry-night.jpg", "fast-neural-style__candy.jpg", "pytorch-examples__rain-princess.jpg")
NAMED = ("dance", "wheat-field-with-cypresses", "sunflowers")
PHOTOS = ("coffee", "astronaut")
WAYS = {
    "per frame": Steadiness(anchor=False, carry=0),
    "anchored": Steadiness(carry=0),
    "blended": Steadiness(anchor=False),
    "both (default)": Steadiness(),
    "--fast, per frame": Steadiness(anchor=False, carry=0, smaller=SMALLER),
    "--fast": Steadiness(smaller=SMALLER),
    "--between": Steadiness(between=True),
    "--fast --between": Steadiness(smaller=SMALLER, between=True),
}
GAPS = (1, 5)
MARGIN = 8  # pixels at the border that are not measured
PANS = {"pan 1": 1.0, "pan 3.3": 3.3, "pan 8": 8.0}


@dataclass(frozen=True)
class Clip:
    """Frames of known motion.

    Attributes:
        frames: each (H, W, 3), uint8.
        origin: each (H, W, 2): the place in the photo that a pixel shows.
        layer: each (H, W): 0 for the scene, 1 for the object before it.
        at: the places in a frame, (H, W, 2), where it shows these places of the photo, if nothing hides them.
    """

    frames: list[Frame]
    origin: list[Floats]
    layer: list[NDArray[np.uint8]]
    at: list[Callable[[Floats, NDArray[np.uint8]], Floats]]


def clips(photo: Frame, size: tuple[int, int], count: int) -> dict[str, Clip]:
    """The five clips of a photo."""
    height, width = size
    middle = np.array([width, height], np.float32) / 2
    top = np.array([0.0, (photo.shape[0] - height) // 2], np.float32)
    found = {}
    for name, step in PANS.items():
        found[name] = _moving(photo, size, [(1.0, top + np.float32([step * index + 4, 0])) for index in range(count)])
    center = np.array(photo.shape[1::-1], np.float32) / 2
    scales = [0.99**index for index in range(count)]
    found["zoom"] = _moving(photo, size, [(scale, center - middle * scale) for scale in scales])
    found["object"] = _object(photo, size, count)
    return found


def _moving(photo: Frame, size: tuple[int, int], views: list[tuple[float, Any]]) -> Clip:
    clip = Clip([], [], [], [])
    for scale, corner in views:
        corner = np.asarray(corner, np.float32)
        origin = pixel_places(size) * np.float32(scale) + corner
        clip.frames.append(_taken(photo, origin))
        clip.origin.append(origin)
        clip.layer.append(np.zeros(size, np.uint8))
        clip.at.append(lambda places, layer, scale=scale, corner=corner: (places - corner) / np.float32(scale))
    return clip


def _object(photo: Frame, size: tuple[int, int], count: int) -> Clip:
    """A disk with another part of the photo on it, that passes at 4 pixels a frame."""
    clip, base = Clip([], [], [], []), pixel_places(size)
    inside = np.array([photo.shape[1] - size[1], photo.shape[0] - size[0]], np.float32)
    for index in range(count):
        shift = np.array([4.0 * index, 0], np.float32)
        center = np.array([size[1] * 0.35, size[0] * 0.5], np.float32) + shift
        layer = (np.square(base - center).sum(2) < (size[0] * 0.22) ** 2).astype(np.uint8)
        origin = np.where(layer[..., None] == 1, base - shift + inside, base).astype(np.float32)
        clip.frames.append(_taken(photo, origin))
        clip.origin.append(origin)
        clip.layer.append(layer)
        clip.at.append(
            lambda places, layer, shift=shift: np.where(layer[..., None] == 1, places + shift - inside, places)
        )
    return clip


def _taken(photo: Frame, origin: Floats) -> Frame:
    """What the photo shows at these places."""
    return cv2.remap(photo, origin, None, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT_101)


def error(outputs: list[Frame], clip: Clip, gap: int) -> float:
    """Root mean square over all frames that have another `gap` before them, in levels of 255."""
    total = count = 0.0
    for now in range(gap, len(outputs)):
        before = now - gap
        places = clip.at[before](clip.origin[now], clip.layer[now]).astype(np.float32)
        moved = cv2.remap(outputs[before].astype(np.float32), places, None, cv2.INTER_CUBIC)
        layer = cv2.remap(clip.layer[before].astype(np.float32), places, None, cv2.INTER_LINEAR)
        height, width = clip.layer[now].shape
        seen = (places >= MARGIN).all(2) & (places[..., 0] < width - MARGIN) & (places[..., 1] < height - MARGIN)
        seen &= np.abs(layer - clip.layer[now]) < 0.01
        seen[:MARGIN], seen[-MARGIN:], seen[:, :MARGIN], seen[:, -MARGIN:] = False, False, False, False
        apart = (np.clip(moved, 0, 255) - outputs[now])[seen]
        total, count = total + float(np.square(apart).sum(dtype=np.float64)), count + apart.size
    return float(np.sqrt(total / count))


def energy(frame: Frame) -> float:
    """Mean square difference of neighboring pixels."""
    picture = frame.astype(np.float32)
    return sum(float(np.square(np.diff(picture, axis=axis)).mean()) for axis in (0, 1))


def stylized(clip: Clip, how: Steadiness, render: Render) -> list[Frame]:
    """A clip's outputs."""
    frames = [(float(number), frame) for number, frame in enumerate(clip.frames)]
    return [drawn.pixels for drawn in draw(frames, constant(Look(render)), Steady(how))]


def once(render: Render) -> Render:
    """Renders the same frame but once."""
    kept: dict[tuple[Any, bytes], Frame] = {}

    def rendered(frame: Frame) -> Frame:
        key = frame.shape, frame.tobytes()
        if key not in kept:
            kept[key] = render(frame)
        return kept[key]

    return rendered


class StyleLoss:
    """The style loss of outputs: the mean over layers of |G(y) - G(s)|^2 / |G(s)|^2."""

    def __init__(self, weights: Path) -> None:
        from measures import Measures

        self.measures = Measures(weights)

    def __call__(self, outputs: list[Frame], style: Array) -> float:
        """Of the last output."""
        from pasticcio.nn.losses import style_loss

        wanted = self.measures.style(style).vgg
        grams = self.measures.style(as_float(outputs[-1])).vgg
        return float(np.mean([style_loss(grams[name], wanted[name], relative=True).item() for name in wanted]))


def styles(stylizer: Stylizer, side: int, named: Sequence[str] = ()) -> list[tuple[Style, Array | None]]:
    """Styles of these names; else three with pictures, or three named ones where the training material is absent."""
    if named:
        return [(stylizer.embed(name), None) for name in named]
    if not all((SHARED / part).exists() for part in ("classic/style", "weights/vgg19_normalised_conv4_1.safetensors")):
        print(f"no style loss, and other styles: {SHARED} has no classic/style and weights")
        return [(stylizer.embed(name), None) for name in NAMED]
    pictures = [style_view(open_image(SHARED / "classic" / "style" / name), side) for name in STYLES]
    return [(stylizer.embed(picture), picture) for picture in pictures]


def measure(
    size: tuple[int, int], count: int, photos: tuple[str, ...], most: int, named: Sequence[str] = ()
) -> dict[str, dict[str, Row]]:
    """For each kind of motion and each way, the mean over photos and styles of each figure."""
    stylizer = Stylizer("fast")
    chosen = styles(stylizer, min(size), named)[:most]
    loss = StyleLoss(SHARED / "weights") if chosen[0][1] is not None else None
    found: dict[str, dict[str, list[Row]]] = {}
    for photo in photos:
        for motion, clip in clips(getattr(data, photo)(), size, count).items():
            for style, picture in chosen:
                render = once(renderer(stylizer, style))
                alone: Row = {}
                for way, how in WAYS.items():
                    outputs = stylized(clip, how, render)
                    row = {f"gap {gap}": error(outputs, clip, gap) for gap in GAPS}
                    row["sharpness"] = float(np.mean([energy(output) for output in outputs[1:]]))
                    if loss is not None and picture is not None:
                        row["style"] = loss(outputs, picture)
                    alone = alone or dict(row)
                    for name in ("sharpness", "style"):
                        if name in row:
                            row[name] /= alone[name]
                    found.setdefault(motion, {}).setdefault(way, []).append(row)
    return {motion: {way: mean(rows) for way, rows in ways.items()} for motion, ways in found.items()}


def mean(rows: list[Row]) -> Row:
    """Of each figure."""
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def table(rows: dict[str, dict[str, Row]]) -> str:
    """As Markdown: a line for each way, the two errors for each motion, and the mean of the rest."""
    rest = [name for name in ("sharpness", "style") if name in next(iter(rows.values()))["per frame"]]
    lines = ["| | " + " | ".join([*rows, "mean", *rest]) + " |", "|---" * (len(rows) + 2 + len(rest)) + "|"]
    for way in WAYS:
        each = [rows[motion][way] for motion in rows]
        cells = [f"{row['gap 1']:.1f} / {row['gap 5']:.1f}" for row in [*each, mean(each)]]
        lines.append(f"| {way} | " + " | ".join([*cells, *(f"{mean(each)[name]:.3f}" for name in rest)]) + " |")
    return "\n".join(lines)


def strip(photo: Frame, size: tuple[int, int], motion: str, count: int) -> Array:
    """Frames and outputs, one under the other; a column for each of `count` frames, a line for each way."""
    stylizer, clip = Stylizer("fast"), clips(photo, size, count)[motion]
    render = renderer(stylizer, styles(stylizer, min(size))[0][0])
    lines = [clip.frames, *(stylized(clip, how, render) for how in WAYS.values())]
    return as_float(np.concatenate([np.concatenate(line, 1) for line in lines]))


def main() -> None:
    """Print the table, and write what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="256x192", help="of the clips, WIDTHxHEIGHT")
    parser.add_argument("--frames", type=int, default=8, help="of each clip, more than 5")
    parser.add_argument("--photos", nargs="+", default=list(PHOTOS), help="of scikit-image")
    parser.add_argument("--styles", type=int, default=2, help="how many, 1 to 3")
    parser.add_argument("--named", nargs="+", default=[], help="named styles, of which no style loss is measured")
    parser.add_argument("--speed", action="store_true", help="measure speed and memory instead")
    parser.add_argument("--cpu", action="store_true", help="measure the CPU time of each step at 720p instead")
    parser.add_argument("--seconds", type=float, default=12, help="of each way, for --speed")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--strip", type=Path, help="write a picture of frames and outputs there")
    arguments = parser.parse_args()
    width, height = (int(side) for side in arguments.size.split("x"))
    if arguments.cpu:
        import video_speed

        rows = {way: video_speed.cpu(video_speed.SIZES[0], way == "--fast") for way in ("default", "--fast")}
        for way, row in rows.items():
            print(f"{way}:", ", ".join(f"{name} {value:.3g}" for name, value in row.items()))
    elif arguments.speed:
        import video_speed

        sizes = video_speed.SIZES if arguments.size == parser.get_default("size") else ((height, width),)
        rows = video_speed.measure(arguments.seconds, sizes)
    else:
        rows = measure((height, width), arguments.frames, tuple(arguments.photos), arguments.styles, arguments.named)
        print(table(rows))
    if arguments.json:
        text = json.dumps(rows, indent=1)
        write_whole(arguments.json, text.encode())
    if arguments.strip:
        save_image(strip(getattr(data, arguments.photos[0])(), (height, width), "object", 4), arguments.strip)


if __name__ == "__main__":
    main()
