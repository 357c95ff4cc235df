import numpy as np
import pytest
from skimage import data

from pasticcio.image.detail import enlarge
from pasticcio.image.picture import as_float
from pasticcio.image.read import read_picture
from pasticcio.image.resize import scaled
from pasticcio.video.fast import enlarged, faster, halved
from pasticcio.video.looks import Look
from pasticcio.video.steady import Steadiness
from pasticcio.video.stylize import stylize_video

pytest.importorskip("cv2")


@pytest.fixture(scope="module")
def frame():
    return np.ascontiguousarray(data.coffee()[100:221, 150:311])


def test_it_is_the_enlarging_of_photos(frame):
    small = np.asarray(scaled(read_picture(frame), 0.5).pixels)
    output = np.roll(small, 1, 2) // 2 + 60
    expected = enlarge(as_float(output), as_float(small), frame)
    found = enlarged(output, small, frame)
    assert found.shape == frame.shape
    assert np.abs(found.astype(float) - expected).mean() < 2


def test_a_look_that_changes_nothing_keeps_nearly_all_detail(frame):
    mask = np.zeros(frame.shape[:2], np.uint8)
    sizes = []

    def render(picture, part):
        sizes.append((picture.shape, part.shape))
        return picture

    found = halved(Look(render, (mask,))).render(frame, mask).astype(float)
    assert sizes == [((61, 81, 3), (61, 81))]

    def energy(picture):
        return np.square(np.diff(picture.astype(float), axis=1)).mean()

    assert np.abs(found - frame).mean() < 2.5
    assert energy(found) > 0.8 * energy(frame)


def test_clips_are_rendered_at_half_the_size(frame):
    sizes = set()

    def render(picture):
        sizes.add(picture.shape)
        return picture

    still = Steadiness(anchor=False, carry=0)
    ((_, output),) = stylize_video([(0.0, frame)], Look(render), steadiness=still, fast=True)
    assert sizes == {(61, 81, 3)}
    assert output.shape == frame.shape
    looks = faster(lambda time: look)
    look = Look(render)
    assert looks(0.0) is looks(1.0)
