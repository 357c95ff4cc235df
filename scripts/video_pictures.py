"""Make the pictures of docs/video.md: an animated WebP and a strip of frames, from photos of scikit-image.

python scripts/video_pictures.py --clip clip.mp4 keeps the clip, to try 'pasticcio video' with.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from pasticcio.render.options import Options
from pasticcio.video.animation import write_animation
from pasticcio.video.convert import Made, Request, convert
from pasticcio.video.looks import constant, styling
from pasticcio.video.motion import Frame
from pasticcio.video.reading import read_frames
from pasticcio.video.stylize import for_clips, workers_of

SIZE = 352, 264  # width and height
RATE = 12
FRAMES = 30  # of each of two scenes
SHOWN = (0, 14, 29, 30, 44, 59)  # frames of the strip: 30 is the first after the cut
STYLE = "wheat-field-with-cypresses"


def scenes() -> Iterator[Image.Image]:
    """A pan over a cup of coffee, and a zoom into a cat."""
    coffee, chelsea = (getattr(data, name) for name in ("coffee", "chelsea"))
    for photo, begin, end in (
        (coffee(), (20, 20, 400), (180, 100, 400)),
        (chelsea(), (5, 5, 390), (90, 60, 220)),
    ):
        picture = Image.fromarray(photo)
        for share in np.linspace(0, 1, FRAMES):
            left, top, width = (one + share * (other - one) for one, other in zip(begin, end, strict=True))
            box = (left, top, left + width, top + width * SIZE[1] / SIZE[0])
            yield picture.resize(SIZE, Image.Resampling.LANCZOS, box=box)


def make_clip(path: Path) -> None:
    """Write the scenes as a clip with a tone."""
    import av

    with av.open(str(path), "w") as file:
        video = file.add_stream("libx264", rate=RATE, options={"crf": "14"})
        video.width, video.height = SIZE
        video.pix_fmt = "yuv420p"
        tone = file.add_stream("aac", rate=48000)
        tone.layout = "mono"
        file.start_encoding()
        for number, picture in enumerate(scenes()):
            file.mux(video.encode(av.VideoFrame.from_ndarray(np.asarray(picture))))
            places = np.arange(number, number + 1, RATE / 48000)[: 48000 // RATE] / RATE
            wave = (0.2 * np.sin(2 * np.pi * 440 * places)).astype(np.float32)
            sound = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
            sound.sample_rate, sound.pts = 48000, number * (48000 // RATE)
            file.mux(tone.encode(sound))
        file.mux(video.encode(None))
        file.mux(tone.encode(None))


def stylized(clip: Path, out: Path) -> None:
    """`pasticcio video CLIP -s STYLE -o OUT --quality 90`."""
    stylizer = for_clips()

    def make(size: tuple[int, int]) -> Made:
        look = styling(stylizer, STYLE, Options(), size).look(stylizer)
        return Made(constant(look), workers=workers_of(stylizer))

    convert(Request(clip, out, quality=90), make)


def frames_of(path: Path) -> list[Frame]:
    return [frame for _, frame in read_frames(path)]


def beside(one: Frame, other: Frame) -> NDArray[np.uint8]:
    return np.concatenate([one, np.full((len(one), 4, 3), 255, np.uint8), other], 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "docs" / "video")
    parser.add_argument("--clip", type=Path, help="keep the clip here")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip, out = given.clip or Path(folder, "clip.mp4"), Path(folder, "out.mp4")
        make_clip(clip)
        stylized(clip, out)
        before, after = frames_of(clip), frames_of(out)
    pairs = [beside(*pair) for pair in zip(before, after, strict=True)]
    times = [Fraction(number, RATE) for number in range(len(pairs) + 1)]
    given.out.mkdir(parents=True, exist_ok=True)
    write_animation(given.out / "clip.webp", iter(pairs), times, plays=0, quality=55)
    rows = [np.concatenate([frames[number] for number in SHOWN], 1) for frames in (before, after)]
    Image.fromarray(np.concatenate(rows)).save(given.out / "strip.jpg", quality=85)


if __name__ == "__main__":
    main()
