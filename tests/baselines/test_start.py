import torch

from pasticcio.baselines.measure import square_photos
from pasticcio.baselines.settings import LOSS
from pasticcio.baselines.start import nearest_row
from pasticcio.nn.tensors import to_array, to_batch
from pasticcio.training.model_folder import load_network
from pasticcio.training.pictures import Pictures
from pasticcio.training.pretrained import load_vgg


def test_the_nearest_row_has_the_lowest_style_loss(two, pictures):
    """A painting made by row 1 itself is nearest to row 1."""
    network = load_network(two)
    vgg = load_vgg("vgg19", LOSS.layers(), "random", padding="reflect")
    photos = Pictures([str(pictures / "photos")])
    painting = to_array(network(to_batch(*square_photos(photos, 1, 96)), torch.tensor([1])))
    found = nearest_row(network, vgg, photos, painting, LOSS, 96)
    assert torch.equal(found, network.heads.weight[:, 1])
