import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from pasticcio.image.icc import deep_to_srgb, srgb_profile
from profiles import ADOBE, CURVES, icc


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("channels", [1, 3])
def test_profiles_are_converted_as_littlecms_does(curve, channels):
    """To within the rounding of its 8 bits, over all tones; its optimizations would cost up to 9 of 255."""
    profile = icc(CURVES[curve], ADOBE if channels == 3 else None)
    eight = np.random.default_rng(2).integers(0, 256, (64, 64, channels), dtype=np.uint8)
    image = Image.fromarray(eight.squeeze())
    expected = ImageCms.profileToProfile(
        image, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), outputMode="RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC, flags=ImageCms.Flags.NOOPTIMIZE,
    )  # fmt: skip
    found = deep_to_srgb(eight.astype(np.uint16) * 257, profile)
    assert np.abs(found / 257 - np.asarray(expected)).max() < 0.6
    if curve != "para 3":  # that is sRGB's
        assert np.abs(found / 257 - eight).max() > 2


def test_srgb_to_itself_is_exact_to_a_hair():
    samples = np.random.default_rng(0).integers(0, 65536, (60, 70, 3), dtype=np.uint16)
    found = deep_to_srgb(samples[:, :, :3], srgb_profile())
    assert np.abs(found.astype(int) - samples[:, :, :3]).max() <= 8
