from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pasticcio.baselines.measure import measure, square_photos
from pasticcio.baselines.objective import Objective
from pasticcio.baselines.settings import LOSS
from pasticcio.image.crop import center_crop
from pasticcio.image.read import open_image
from pasticcio.nn.tensors import to_array, to_batch
from pasticcio.training.config import TrainConfig
from pasticcio.training.model_folder import load_network
from pasticcio.training.pictures import Pictures
from pasticcio.training.pretrained import load_vgg


def test_losses_are_means_over_photos_and_paintings(two, pictures):
    """The total is that of `Objective`, with the row of each painting."""
    network = load_network(two)
    vgg = load_vgg("vgg19-small", LOSS.layers(), "random", padding="reflect")
    photos, styles = Pictures([str(pictures / "photos")]), Pictures([str(pictures / "styles" / "001.png")])
    run = SimpleNamespace(
        device=torch.device("cpu"),
        config=TrainConfig(loss=LOSS),
        batches=SimpleNamespace(photos=photos, styles=styles),
        vgg=vgg,
        first_row=1,
    )
    found = measure(network, run, photos=2, side=48)
    painting = open_image(center_crop(styles.load(0), 48, 48))
    wanted = []
    for photo in square_photos(photos, 2, 48):
        with torch.no_grad():
            output = to_array(network(to_batch(photo), torch.tensor([1])))
        wanted.append(Objective(vgg, photo, [(painting, 1.0)]).measure(np.clip(output, 0, 1))["total"])
    assert found["total"] == pytest.approx(np.mean(wanted), rel=1e-3)
    assert found["content"] > 0
    assert found["style"] > 0
