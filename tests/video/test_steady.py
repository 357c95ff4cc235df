import itertools

import numpy as np
import pytest
from skimage import data

from pasticcio.errors import ImageError, OptionError
from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer
from pasticcio.video.steady import Steadiness, Steady, renderer, still

cv2 = pytest.importorskip("cv2")

ALONE = Steadiness(anchor=False, carry=0)


def mosaic(frame):
    """A picture that depends on a grid of 8 pixels."""
    height, width = (-(-side // 8) for side in frame.shape[:2])
    small = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
    return np.kron(small, np.ones((8, 8, 1), np.uint8))[: frame.shape[0], : frame.shape[1]]


class Noisy:
    """Adds other noise to each frame."""

    def __init__(self, sigma=20):
        self.random, self.sigma = np.random.default_rng(0), sigma

    def __call__(self, frame):
        return np.clip(frame + self.random.normal(0, self.sigma, frame.shape), 0, 255).astype(np.uint8)


def pan(step, count=6, size=(80, 96)):
    """Frames in which the scene moves to the left."""
    photo = data.coffee()[100:, 150:]
    return [photo[: size[0], step * i : step * i + size[1]] for i in range(count)]


def outputs(frames, how, render):
    steady = Steady(how)
    return [steady(frame, render) for frame in frames]


def flicker(pictures, step):
    """Mean difference of an output and the one before, moved along."""
    pairs = itertools.pairwise(pictures)
    width = pictures[0].shape[1]
    return np.mean([np.abs(a[:, step:].astype(float) - b[:, : width - step])[8:-8, 8:-8].mean() for a, b in pairs])


def energy(picture):
    return sum(np.square(np.diff(picture.astype(float), axis=axis)).mean() for axis in (0, 1))


@pytest.mark.parametrize("step", [1, 3, 5])
def test_the_grid_follows_the_camera(step):
    frames = pan(step)
    still_grid, moving_grid = (outputs(frames, Steadiness(anchor, 0), mosaic) for anchor in (False, True))
    assert flicker(moving_grid, step) == 0 < 3 < flicker(still_grid, step)


def test_the_grid_follows_down_and_back_up():
    across = [np.ascontiguousarray(frame.transpose(1, 0, 2)) for frame in pan(3)]
    frames = [*across, *across[-2::-1]]
    found = outputs(frames, Steadiness(carry=0), mosaic)
    np.testing.assert_array_equal(found[0], found[-1])
    assert flicker([frame.transpose(1, 0, 2) for frame in found[:6]], 3) == 0


def test_what_the_renderer_gets_always_has_the_same_size():
    sizes = set()

    def render(frame):
        sizes.add(frame.shape)
        return frame

    frames = pan(3, 9, (61, 83))
    found = outputs(frames, Steadiness(carry=0), render)
    assert sizes == {(72, 96, 3)}
    np.testing.assert_array_equal(found, frames)


@pytest.mark.parametrize("step", [0, 3])
def test_blending_halves_noise_where_sharpness_may_go(step):
    frames = pan(step, 8)
    alone, blended = (outputs(frames, how, Noisy()) for how in (ALONE, Steadiness(sharpness=0)))
    assert flicker(blended[3:], step) < 0.5 * flicker(alone[3:], step)


@pytest.mark.parametrize("step", [0, 3])
def test_sharpness_stays(step):
    frames = pan(step, 6)
    alone, blended = (outputs(frames, how, Noisy(40)) for how in (ALONE, Steadiness()))
    for one, other in zip(alone, blended, strict=True):
        assert energy(other) > 0.85 * energy(one)


def test_nothing_of_one_scene_is_seen_after_a_cut():
    one, other = data.coffee()[100:180, 150:246], data.astronaut()[200:280, 200:296]
    found = outputs([one, one, other, other], Steadiness(anchor=False), mosaic)
    np.testing.assert_array_equal(found[2], mosaic(other))
    found = outputs([*pan(3, 3), other], Steadiness(), mosaic)
    np.testing.assert_array_equal(found[-1], Steady()(other, mosaic))


def test_an_object_leaves_no_ghost():
    scene, thing = data.coffee()[100:196, 150:278], data.astronaut()[20:52, 200:232]
    frames = []
    for left in (40, 48, 56, 64):
        frame = scene.copy()
        frame[32:64, left : left + 32] = thing
        frames.append(frame)
    found = outputs(frames, Steadiness(), lambda frame: frame)
    assert np.abs(found[-1].astype(float) - frames[-1])[36:60, 41:63].mean() < 5


def test_without_anchor_and_carry_frames_are_rendered_alone():
    frames = pan(3)
    for found, frame in zip(outputs(frames, ALONE, mosaic), frames, strict=True):
        np.testing.assert_array_equal(found, mosaic(frame))


def test_watching_may_run_ahead_of_drawing():
    frames, ahead = pan(3), Steady()
    motions = [ahead.watch(frame) for frame in frames]
    found = [ahead.draw(frame, motion, mosaic) for frame, motion in zip(frames, motions, strict=True)]
    np.testing.assert_array_equal(found, outputs(frames, Steadiness(), mosaic))


@pytest.mark.parametrize("size", [(1, 1), (5, 40), (16, 16)])
def test_the_smallest_frames_and_a_change_of_size(size):
    frames = [*np.zeros((2, *size, 3), np.uint8), np.full((20, 20, 3), 9, np.uint8)]
    assert [frame.shape for frame in outputs(frames, None, lambda frame: frame)] == [frame.shape for frame in frames]


@pytest.mark.parametrize(
    ("options", "message"),
    [({"carry": 1.0}, "carry is 1.0"), ({"sharpness": -0.1}, "sharpness is -0.1"), ({"grid": 0}, "grid is 0")],
)
def test_values_outside_their_limits(options, message):
    with pytest.raises(OptionError, match=message):
        Steadiness(**options)


@pytest.mark.parametrize("frame", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3)), np.zeros((0, 8, 3), np.uint8)])
def test_what_is_no_frame(frame):
    with pytest.raises(ImageError, match=r"it must be \(H, W, 3\) of uint8"):
        Steady()(frame, mosaic)


def test_a_texture_that_is_fixed_to_the_screen_and_strokes_that_grow_are_left_out():
    assert still(Options(strength=0.5, texture=2.0)) == Options(strength=0.5, texture=0.0, stroke=1.0)
    assert still(Options(stroke=2.0)).stroke == 2.0


def test_the_shipped_model_flickers_at_most_half_as_much():
    stylizer, frames = Stylizer(threads=1), pan(1, 4, (64, 80))
    render = renderer(stylizer, stylizer.embed("dance"), Options(strength=0.9))
    alone, steady = (outputs(frames, how, render) for how in (ALONE, Steadiness()))
    assert flicker(steady, 1) < 0.5 * flicker(alone, 1)
    assert energy(steady[-1]) > 0.88 * energy(alone[-1])
