from fractions import Fraction

import numpy as np
import pytest

from clips import scene
from pasticcio.video.color import BT709
from pasticcio.video.encoding import PartWriter, format_of

av = pytest.importorskip("av")
pytest.importorskip("cv2")


def packets(path):
    with av.open(str(path)) as container:
        return b"".join(bytes(packet) for packet in container.demux(video=0))


@pytest.mark.parametrize("codec", ["h264", "h265", "vp9"])
def test_the_same_frames_give_the_same_stream(codec, tmp_path):
    frames, form, streams = scene(12, (240, 320), 1), format_of("a.mkv", codec), set()
    random = np.random.default_rng(0)
    for number in range(20 if codec == "h264" else 4):
        for size in random.integers(100, 20_000, 30):  # what an encoder may read before it has written there
            random.random(size)
        path = tmp_path / f"{number}.mkv"
        with PartWriter(path, form, (240, 320), Fraction(25), BT709, Fraction(1), alpha=False) as writer:
            for frame in frames:
                writer.add(frame)
        streams.add(packets(path))
    assert len(streams) == 1
