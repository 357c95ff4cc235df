import itertools

import numpy as np
import pytest
from skimage import data

from clips import change, make_clip, scene, see
from pasticcio.video.looks import Look, constant
from pasticcio.video.steady import Steadiness, Steady
from pasticcio.video.stylize import draw

pytest.importorskip("cv2")

BETWEEN = Steadiness(between=True)


def pan(count=6, step=3):
    photo = data.coffee()[100:, 150:]
    return [(0.04 * i, np.ascontiguousarray(photo[:96, step * i : step * i + 128])) for i in range(count)]


def negative():
    """A look, and the frames that it rendered."""
    rendered = []

    def render(frame):
        rendered.append(frame)
        return 255 - frame

    return constant(Look(render)), rendered


@pytest.mark.parametrize(("count", "expected"), [(1, 1), (2, 1), (5, 3), (6, 3)])
@pytest.mark.parametrize("smaller", [1, 2])
def test_every_second_frame_is_rendered_and_those_between_show_what_they_should(count, expected, smaller):
    looks, rendered = negative()
    found = list(draw(pan(count), looks, Steady(Steadiness(between=True, smaller=smaller)), 2))
    assert len(rendered) == expected
    assert [drawn.time for drawn in found] == [time for time, _ in pan(count)]
    for drawn, (_, frame) in zip(found, pan(count), strict=True):
        assert drawn.pixels.dtype == np.uint8
        assert np.abs(drawn.pixels.astype(float) - (255 - frame))[8:-8, 16:-16].mean() < 4


def test_an_object_that_passes_leaves_neither_hole_nor_ghost():
    scene, thing = data.coffee()[100:196, 150:278], data.astronaut()[20:52, 200:232]
    frames = []
    for number, left in enumerate((40, 44, 48, 52, 56)):
        frame = scene.copy()
        frame[32:64, left : left + 32] = thing
        frames.append((0.04 * number, frame))
    looks, rendered = negative()
    found = list(draw(frames, looks, Steady(Steadiness(carry=0, anchor=False, between=True))))
    assert len(rendered) == 3
    for number in (1, 3):
        apart = np.abs(found[number].pixels.astype(float) - (255 - frames[number][1]))
        assert apart[32:64, 30:100].mean() < 6


def test_frames_at_a_cut_are_rendered_and_nothing_of_the_other_scene_is_seen():
    other = data.astronaut()[200:296, 200:328]
    for cut in (2, 3, 4):
        frames = [(time, frame if place < cut else other) for place, (time, frame) in enumerate(pan())]
        for drawn, (_, frame) in zip(draw(frames, negative()[0], Steady(BETWEEN)), frames, strict=True):
            assert np.abs(drawn.pixels.astype(float) - (255 - frame))[8:-8, 16:-16].mean() < 4


def test_what_does_not_move_stays():
    looks, rendered = negative()
    frames = [(float(number), pan(1)[0][1]) for number in range(5)]
    found = list(draw(frames, looks, Steady(BETWEEN)))
    assert len(rendered) == 1
    for one, other in itertools.pairwise(found):
        assert np.abs(one.pixels.astype(int) - other.pixels).max() <= 1


def test_frames_of_16_bits_stay_so():
    frames = [(time, frame.astype(np.uint16) * 257) for time, frame in pan(4)]
    looks = constant(Look(lambda frame: 65535 - frame))
    for drawn, (_, frame) in zip(draw(frames, looks, Steady(BETWEEN)), frames, strict=True):
        assert drawn.pixels.dtype == np.uint16
        assert np.abs(drawn.pixels.astype(float) - (65535 - frame.astype(float)))[8:-8, 16:-16].mean() < 4 * 257


@pytest.mark.parametrize("done", [2, 4])
def test_another_object_goes_on_from_a_state(done):
    frames = pan(7)
    unbroken = list(draw(frames, negative()[0], Steady(BETWEEN)))
    later = Steady(BETWEEN)
    later.go_on(unbroken[done - 1].state, frames[done - 1][1])
    for one, other in zip(draw(frames[done:], negative()[0], later), unbroken[done:], strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)


def test_an_error_comes_after_the_frames_before():
    def frames():
        yield from pan(4)
        raise ValueError("bad")

    drawing = draw(frames(), negative()[0], Steady(BETWEEN))
    assert len(list(itertools.islice(drawing, 4))) == 4
    with pytest.raises(ValueError, match="bad"):
        next(drawing)


def test_a_stopped_run_goes_on_with_the_same_frames(tmp_path):
    pytest.importorskip("av")
    source = make_clip(tmp_path / "in.mp4", scene(11))
    run = {"steadiness": BETWEEN, "part": 3}
    change(source, tmp_path / "whole.mp4", **run)

    def stop(done, total):
        if done == 6:
            raise KeyboardInterrupt

    out = tmp_path / "out.mp4"
    with pytest.raises(KeyboardInterrupt):
        change(source, out, report=stop, **run)
    change(source, out, resume=True, **run)
    np.testing.assert_array_equal(see(out).frames, see(tmp_path / "whole.mp4").frames)
