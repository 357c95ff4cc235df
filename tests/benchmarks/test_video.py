import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

pytest.importorskip("cv2")

import video

SIZE = (64, 96)


@pytest.fixture(scope="module")
def made():
    from skimage import data

    return video.clips(data.coffee(), SIZE, 7)


@pytest.mark.parametrize("name", ["pan 1", "pan 3.3", "pan 8", "zoom", "object"])
@pytest.mark.parametrize("gap", video.GAPS)
def test_what_only_moves_has_little_error_and_what_does_not_follow_has_much(made, name, gap):
    clip = made[name]
    moving, frozen = (video.error(one, clip, gap) for one in (clip.frames, [clip.frames[0]] * len(clip.frames)))
    assert moving < 4
    assert moving < 0.5 * frozen


def test_error_is_in_levels_of_255(made):
    frames = [np.full((*SIZE, 3), 100 + 5 * index, np.uint8) for index in range(7)]
    assert [video.error(frames, made["pan 1"], gap) for gap in (1, 5)] == pytest.approx([5, 25])


def test_the_table_has_a_line_for_each_way():
    row = {"gap 1": 2.0, "gap 5": 3.0, "sharpness": 1.0, "style": 0.5}
    lines = video.table({motion: dict.fromkeys(video.WAYS, row) for motion in ("zoom", "object")}).splitlines()
    assert lines[2:] == [f"| {way} | 2.0 / 3.0 | 2.0 / 3.0 | 2.0 / 3.0 | 1.000 | 0.500 |" for way in video.WAYS]


def test_speed_and_memory_are_measured(tmp_path):
    import video_speed

    from pasticcio.video.stylize import for_clips

    clip = tmp_path / "clip.mp4"
    video_speed.make_clip(clip, (48, 64), 4)
    for fast, pipeline in ((False, False), (True, True)):
        stylizer = for_clips(runtime="onnxruntime")
        row = video_speed.run(clip, stylizer, 0.5, fast=fast, pipeline=pipeline, between=fast)
        assert all(row[name] > 0 for name in ("frames/s", *video_speed.STEPS))
