import numpy as np
import pytest
from skimage import data

from pasticcio.video.motion import Watcher, carried

cv2 = pytest.importorskip("cv2")


@pytest.fixture(scope="module")
def scene():
    return data.coffee()[100:220, 150:310]


def motion(before, after):
    watcher = Watcher()
    assert watcher(before) is None
    return watcher(after)


@pytest.mark.parametrize("step", [(3, 0), (0, -2), (5, 4)])
def test_a_pan_is_a_motion_of_the_camera(scene, step):
    right, down = step
    before, after = scene[10:90, 10:106], scene[10 - down : 90 - down, 10 - right : 106 - right]
    seen = motion(before, after)
    assert not seen.cut
    assert seen.camera == pytest.approx(step, abs=0.1)
    inner = seen.back[12:-12, 12:-12]
    assert np.abs(np.median(inner, (0, 1)) + step).max() < 0.15
    moved = carried(before, seen.back)[12:-12, 12:-12]
    assert np.abs(moved - after[12:-12, 12:-12]).mean() < 3 < np.abs(before.astype(float) - after).mean()


def test_a_fraction_of_a_pixel_is_seen(scene):
    shifted = cv2.warpAffine(scene, np.float32([[1, 0, 1.5], [0, 1, 0]]), scene.shape[1::-1], flags=cv2.INTER_CUBIC)
    assert motion(scene[10:90, 10:106], shifted[10:90, 10:106]).camera == pytest.approx((1.5, 0), abs=0.1)


def test_a_zoom_is_no_motion_of_the_camera_as_a_whole(scene):
    height, width = scene.shape[:2]
    larger = cv2.warpAffine(scene, cv2.getRotationMatrix2D((width / 3, height / 3), 0, 1.15), (width, height))
    seen = motion(scene, larger)
    assert (seen.camera, seen.cut) == ((0, 0), False)


def test_an_object_that_passes_is_not_the_camera_and_what_it_uncovers_is_not_trusted(scene):
    frames = [scene[:96, :128].copy() for _ in range(2)]
    for frame, left in zip(frames, (40, 48), strict=True):
        frame[30:62, left : left + 32] = data.astronaut()[20:52, 200:232]
    seen = motion(*frames)
    assert seen.camera == pytest.approx((0, 0), abs=0.05)
    assert seen.trust[36:56, 41:47].mean() < 0.4 < 0.9 < seen.trust[:20].mean()


def test_another_scene_is_a_cut_and_the_same_one_is_none(scene):
    one, other = scene[:96, :96], data.astronaut()[200:296, 200:296]
    assert motion(one, other).cut
    assert not motion(one, one).cut
    assert not motion(np.zeros_like(one), np.zeros_like(one)).cut


def test_large_frames_are_followed_in_their_own_pixels():
    photo = np.ascontiguousarray(np.tile(data.coffee(), (2, 1, 1)))
    seen = motion(photo[:720, 20:500], photo[:720, 14:494])
    assert seen.back.shape == (720, 480, 2)
    assert seen.camera == pytest.approx((6, 0), abs=0.2)


def test_frames_of_another_size_begin_anew(scene):
    watcher = Watcher()
    assert [watcher(frame) for frame in (scene, scene[:64], scene)] == [None, None, None]


@pytest.mark.parametrize("size", [(1, 1), (16, 200), (2, 40)])
def test_the_smallest_frames(size):
    seen = motion(*np.zeros((2, *size, 3), np.uint8))
    assert (seen.back.shape, seen.trust.shape) == ((*size, 2), size)
