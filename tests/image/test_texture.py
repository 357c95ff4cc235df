import numpy as np
import pytest

from pasticcio.image.texture import AMPLITUDE, PERIOD, evenness, pattern, textured

GRAY = np.full((96, 128, 3), 120, np.uint8)


def test_an_even_photo_gets_the_pattern_at_its_amplitude():
    for pixels, top in ((GRAY, 255), (GRAY.astype(np.uint16) * 257, 65535), (GRAY.astype(np.float32) / 255, 1)):
        found = textured(pixels, 1.0)
        assert (found.dtype, found.shape) == (pixels.dtype, pixels.shape)
        added = (found.astype(float) - pixels) / top
        wanted = AMPLITUDE * pattern()[: pixels.shape[0], : pixels.shape[1]]
        np.testing.assert_allclose(added[..., 0], wanted, atol=0.51 / top if top > 1 else 1e-6)
        assert (added == added[..., :1]).all(), "a gray photo stays gray"


def test_a_busy_area_stays_as_it_is(photo):
    half = photo.copy()
    half[:, :200] = 90
    found = textured(half, 1.0)
    even = np.pad(evenness(half), 1, mode="edge")
    near = np.max([even[i : i + 38, j : j + 57] for i in range(3) for j in range(3)], 0)
    busy = (near == 0).repeat(8, 0).repeat(8, 1)[: half.shape[0], : half.shape[1]]
    assert busy.sum() > 1000
    assert (found[busy] == half[busy]).all()
    assert (found[:, :150] != half[:, :150]).mean() > 0.5


def test_no_even_area_or_no_texture_leaves_the_photo_itself():
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert textured(noise, 1.0) is noise
    assert textured(GRAY, 0.0) is GRAY


def test_a_share_weakens_it_place_by_place():
    share = np.ones(GRAY.shape[:2], np.float32)
    share[:, 64:] = 0
    found = textured(GRAY, 2.0, share)
    assert (found[:, 64:] == GRAY[:, 64:]).all()
    assert (found[:, :64] == textured(GRAY, 2.0)[:, :64]).all()


@pytest.mark.parametrize("value", [0, 255])
def test_black_and_white_do_not_wrap_around(value):
    found = textured(np.full_like(GRAY, value), 4.0).astype(int)
    assert np.abs(found - value).max() < 80


def test_the_pattern_repeats_without_a_seam():
    noise = pattern()
    assert noise.shape == (PERIOD, PERIOD)
    inner = np.abs(np.diff(noise, axis=1)).mean()
    assert np.abs(noise[:, 0] - noise[:, -1]).mean() < 1.5 * inner
    assert np.abs(noise[0] - noise[-1]).mean() < 1.5 * inner
    assert (noise.mean(), noise.std()) == (pytest.approx(0, abs=1e-3), pytest.approx(1, abs=1e-3))


def test_a_photo_of_any_size_and_over_several_bands():
    for size in ((1, 1), (7, 300), (600, 9)):
        pixels = np.full((*size, 3), 128, np.uint8)
        found = textured(pixels, 1.0)
        wanted = AMPLITUDE * 255 * pattern()[: size[0], : size[1]]
        np.testing.assert_allclose(found[..., 0].astype(float) - 128, wanted, atol=0.51)
