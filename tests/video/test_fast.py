import itertools

import numpy as np
import pytest
from skimage import data

from pasticcio.image.picture import as_float
from pasticcio.image.read import read_picture
from pasticcio.image.resize import scaled
from pasticcio.video.fast import EVEN, MOST, RADIUS, SMALLER, Enlarger, halved
from pasticcio.video.looks import Look, constant
from pasticcio.video.steady import Steadiness, Steady
from pasticcio.video.stylize import draw, stylize_video

pytest.importorskip("cv2")


@pytest.fixture(scope="module")
def frame():
    return np.ascontiguousarray(data.coffee()[100:221, 150:311])


def enlarge(output, small, frame):
    """A guided filter in full: floating point, and slopes at the size of the small frame."""
    cv2, window, size = pytest.importorskip("cv2"), (2 * RADIUS + 1,) * 2, frame.shape[1::-1]

    def mean(values):
        return cv2.blur(values, window, borderType=cv2.BORDER_REPLICATE)

    light = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    variance = mean(light * light) - mean(light) ** 2
    planes = np.moveaxis(output, 2, 0)
    slopes = [(mean(light * color) - mean(light) * mean(color)) / (variance + EVEN) for color in planes]
    slope = np.clip(mean(np.stack(slopes, 2)), -MOST, MOST)
    finer = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) - cv2.resize(light, size, interpolation=cv2.INTER_CUBIC)
    base = cv2.resize(output, size, interpolation=cv2.INTER_CUBIC)
    return np.clip(base + cv2.resize(slope, size) * finer[:, :, None], 0, 1)


def test_it_is_a_guided_filter(frame):
    small = np.asarray(scaled(read_picture(frame), 0.5).pixels)
    output = np.roll(small, 1, 2) // 2 + 60
    expected = 255 * enlarge(*map(as_float, (output, small, frame)))
    found = Enlarger()(output, small, frame)
    assert found.shape == frame.shape
    assert np.abs(found.astype(float) - expected).mean() < 2


def test_a_look_that_changes_nothing_keeps_nearly_all_detail(frame):
    small = halved(frame)
    found = Enlarger()(small, small, frame).astype(float)

    def energy(picture):
        return np.square(np.diff(picture.astype(float), axis=1)).mean()

    assert np.abs(found - frame).mean() < 2.5
    assert energy(found) > 0.8 * energy(frame)


def test_outputs_stay_as_they_are_while_arrays_are_used_again(frame):
    enlarger, small = Enlarger(), halved(frame)
    one = enlarger(small, small, frame)
    before = one.copy()
    enlarger(255 - small, small, frame)
    np.testing.assert_array_equal(one, before)


@pytest.mark.parametrize("anchor", [False, True])
def test_clips_are_rendered_and_blended_at_half_the_size(frame, anchor):
    sizes = set()

    def render(picture, part):
        sizes.add((picture.shape[:2], part.shape))
        return picture

    look = Look(render, (np.zeros(frame.shape[:2], np.uint8),))
    how = Steadiness(anchor=anchor, carry=0)
    ((_, output),) = stylize_video([(0.0, frame)], look, steadiness=how, fast=True)
    size = (72, 88) if anchor else (61, 81)
    assert sizes == {(size, size)}
    assert output.shape == frame.shape
    assert np.abs(output.astype(float) - frame).mean() < 2.5


@pytest.mark.parametrize("step", [1, 2, 3])
def test_the_scene_stays_on_its_places_of_the_smaller_picture(step):
    """Outputs have what a network with strides would make of it, to a pixel of the frame."""

    def mosaic(picture):
        cv2 = pytest.importorskip("cv2")
        coarse = cv2.resize(picture, None, fx=1 / 8, fy=1 / 8, interpolation=cv2.INTER_AREA)
        return np.kron(coarse, np.ones((8, 8, 1), np.uint8))[: len(picture), : picture.shape[1]]

    photo = cv2_blurred(data.coffee()[80:280, 100:500])
    frames = [photo[:, step * number : step * number + 320] for number in range(6)]
    outputs = {}
    for anchor in (False, True):
        steady = Steady(Steadiness(anchor, 0, smaller=SMALLER))
        outputs[anchor] = [steady(np.ascontiguousarray(frame), mosaic) for frame in frames]
    apart = {
        anchor: np.mean(
            [
                np.abs(now[:, : 320 - step].astype(float) - before[:, step:])[16:-16, 32:-32].mean()
                for before, now in itertools.pairwise(one)
            ]
        )
        for anchor, one in outputs.items()
    }
    assert apart[True] < 0.3 * apart[False]


def cv2_blurred(picture):
    import cv2

    return cv2.GaussianBlur(picture, (0, 0), 2)


@pytest.mark.parametrize("step", [1, 3])
def test_another_object_goes_on_from_a_state(frame, step):
    frames = [(0.04 * number, np.roll(frame, step * number, 1)) for number in range(5)]
    look = constant(Look(lambda picture: (255 - picture) // 8 * 8))
    how = Steadiness(smaller=SMALLER)
    unbroken = list(draw(frames, look, Steady(how)))
    assert unbroken[2].state.last.shape == (61, 81, 3)
    later = Steady(how)
    later.go_on(unbroken[2].state, frames[2][1])
    for one, other in zip(draw(frames[3:], look, later), unbroken[3:], strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)
