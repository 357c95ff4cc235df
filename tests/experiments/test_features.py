import numpy as np
import pytest

from pasticcio.errors import ImageError
from pasticcio.experiments.features import color_feature, compute, gram_feature, style_feature
from pasticcio.experiments.material import Material
from pasticcio.image.listing import Entry
from pasticcio.render.stylizer import Stylizer


def test_features_see_what_they_should(photo, model_folder):
    image = np.asarray(photo[:64, :64], np.float32) / 255
    mirrored = np.ascontiguousarray(image[:, ::-1])
    np.testing.assert_array_equal(color_feature(image), color_feature(mirrored))
    assert np.square(color_feature(image)).sum() == pytest.approx(1, abs=1e-5)
    grams = gram_feature("vgg19-small", "random")
    assert grams(image).shape == (512,)
    np.testing.assert_array_equal(grams(image), grams(image))
    assert not np.allclose(grams(image), grams(image**3), atol=1e-4)
    style = style_feature(Stylizer(model_folder))
    np.testing.assert_allclose(style(image), Stylizer(model_folder).embed(image, side=64).embedding, atol=1e-6)


def test_features_are_kept_and_bad_pictures_marked(folders, tmp_path):
    entries = [Entry(path) for path in Material.of(*folders).files("textures", "test")[:3]]
    entries.insert(1, Entry(tmp_path / "none.png"))
    calls = []

    def feature(image):
        calls.append(1)
        return image.mean((0, 1))

    for _ in range(2):
        rows, good = compute(entries, feature, 64, tmp_path / "cache" / "f.npz")
        assert good.tolist() == [True, False, True, True]
        assert len(calls) == 3
    assert (rows[good].argmax(1) == [0, 1, 0]).all()
    with pytest.raises(ImageError, match="none of 1 pictures"):
        compute(entries[1:2], feature, 64, tmp_path / "cache" / "none.npz")
