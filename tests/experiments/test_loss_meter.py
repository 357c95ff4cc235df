import numpy as np
import pytest

from pasticcio.baselines.settings import LOSS
from pasticcio.experiments.loss_meter import LossMeter
from pasticcio.experiments.material import Material, read_square
from pasticcio.training.pretrained import load_vgg


def test_losses_of_files_are_those_of_their_squares(folders):
    vgg = load_vgg("vgg19-small", LOSS.layers(), "random", padding="reflect")
    material = Material.of(*folders)
    photos, styles = material.files("photos", "test")[:2], material.files("paintings", "test")[:2]
    meter, steps = LossMeter(vgg, 48), []
    found = meter.losses(lambda photo, style: (photo + style) / 2, photos, styles, lambda: steps.append(1))
    assert len(steps) == 2
    photo, style = read_square(photos[1], 48), read_square(styles[1], 48)
    content_loss, style_loss = meter.measure((photo + style) / 2, photo, style)
    assert (found["content"][1], found["style"][1]) == pytest.approx((content_loss, style_loss), rel=1e-5)
    assert meter.measure(photo, photo, style)[0] == 0
    assert meter.measure(style, photo, style)[1] == pytest.approx(0, abs=1e-9)
    assert np.all(np.array(found["content"]) > 0)
