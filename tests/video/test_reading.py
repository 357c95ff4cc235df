"""Frames and times of clips that PyAV made."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from pasticcio.errors import ImageError
from pasticcio.video.reading import read_frames, upright

av = pytest.importorskip("av")


def make(path, ticks, size=(33, 21), color_trc=None):
    """A clip without losses, of one gray level a frame; times are in hundredths of a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=100)
        stream.width, stream.height, stream.pix_fmt = *size, "bgr0"
        stream.codec_context.time_base = Fraction(1, 100)
        if color_trc:
            stream.codec_context.color_trc = color_trc
        for number, tick in enumerate(ticks):
            pixels = np.full((size[1], size[0], 3), 10 * number, np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="bgr0")
            frame.pts, frame.time_base = tick, Fraction(1, 100)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("ticks", [[0], [0, 4, 5, 30]])
def test_every_frame_comes_once_with_its_pixels_and_its_time(tmp_path, ticks):
    frames = list(read_frames(make(tmp_path / "clip.mkv", ticks)))
    assert [time for time, _ in frames] == pytest.approx([tick / 100 for tick in ticks])
    assert [pixels.shape for _, pixels in frames] == [(21, 33, 3)] * len(ticks)
    assert [int(pixels.mean()) for _, pixels in frames] == [10 * number for number in range(len(ticks))]


def test_what_is_no_clip_is_named(tmp_path):
    with pytest.raises(ImageError, match="no such file"):
        list(read_frames(tmp_path / "nowhere.mp4"))
    (tmp_path / "text.mp4").write_text("no clip")
    with pytest.raises(ImageError, match=r"cannot read .*text\.mp4"):
        list(read_frames(tmp_path / "text.mp4"))


def test_a_clip_without_frames_is_named(tmp_path):
    with av.open(str(tmp_path / "none.mkv"), "w") as container:
        container.add_stream("ffv1", rate=100)
        container.start_encoding()
    with pytest.raises(ImageError, match="has no frames"):
        list(read_frames(tmp_path / "none.mkv"))


def test_high_dynamic_range_is_refused_by_name(tmp_path):
    with pytest.raises(ImageError, match="PQ"):
        list(read_frames(make(tmp_path / "hdr.mkv", [0], color_trc=16)))


def test_a_turned_frame_is_turned_counterclockwise():
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    assert upright(pixels, 90)[:, :, 0].tolist() == [[2, 5], [1, 4], [0, 3]]
    assert upright(pixels, -90)[:, :, 0].tolist() == [[3, 0], [4, 1], [5, 2]]
    with pytest.raises(ImageError, match="45 degrees"):
        upright(pixels, 45)
