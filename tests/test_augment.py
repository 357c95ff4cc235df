import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from pasticcio import augment as augment_module
from pasticcio.augment import RandomStyle
from pasticcio.errors import ImageError, OptionError, StyleError
from pasticcio.image.picture import open_image
from pasticcio.model.folder import Model
from pasticcio.render.stylizer import Stylizer
from pasticcio.style.gaussian import StyleGaussian


@pytest.fixture(scope="module")
def gaussian(model_folder):
    vectors = np.random.default_rng(0).normal(0, 3, (50, 6)).astype(np.float32)
    return StyleGaussian.fit(vectors, Model.open(model_folder).fingerprint, 64)


@pytest.fixture
def make(model_folder, gaussian):
    return lambda *arguments, **options: RandomStyle(*arguments, model=model_folder, gaussian=gaussian, **options)


def test_the_styles_are_draws_mixed_with_the_pictures_own(make, gaussian, model_folder, photo):
    image = open_image(photo)[:96, :128]
    batch = np.stack([image, image[:, ::-1]]).transpose(0, 3, 1, 2)
    found = make(0.7, seed=3)(batch)
    rng = np.random.default_rng([3, 0, 0])
    rng.random(2)
    rng.uniform(0.7, 0.7, 2)
    stylizer = Stylizer(model_folder)
    for picture, output in zip(batch, found, strict=True):
        own = stylizer.run(stylizer.model.predict, style=np.ascontiguousarray(picture[None]))[0]
        wanted = own + np.float32(0.7) * (gaussian.sample(rng) - own)
        rendered = stylizer.render(picture.transpose(1, 2, 0), wanted)
        np.testing.assert_allclose(output.transpose(1, 2, 0), rendered, atol=1e-4)


def test_every_kind_of_picture_keeps_its_kind(make, photo):
    change = make(1.0, seed=1)
    picture = Image.fromarray(photo)
    assert change(picture).size == picture.size
    assert np.abs(np.asarray(change(picture), float) - photo).mean() > 5
    for shape in ((3, 40, 56), (2, 3, 40, 56), (1, 3, 5, 9), (3, 1, 1)):
        for kind in (torch.float32, torch.float16, torch.uint8):
            tensor = (torch.rand(shape) * (255 if kind == torch.uint8 else 1)).to(kind)
            changed = change(tensor)
            assert (changed.shape, changed.dtype, changed.device) == (tensor.shape, kind, tensor.device)
            assert float(changed.min()) >= 0
            assert not torch.equal(changed, tensor)


def test_probability_and_strengths(make):
    batch = np.random.default_rng(0).random((200, 3, 16, 16)).astype(np.float32)
    changed = make(1.0, 0.25, seed=1)(batch)
    share = (np.abs(changed - batch).reshape(200, -1).max(1) > 1e-6).mean()
    assert 0.15 < share < 0.35
    np.testing.assert_array_equal(make(1.0, 0.0)(batch), batch)
    weak, strong = (make(s, seed=1)(batch[:20]) for s in (0.1, 1.0))
    none = make(0.0, seed=1)(batch[:20])  # a picture in its own style
    assert np.abs(weak - none).mean() < np.abs(strong - none).mean()


def test_a_seed_repeats_and_draws_go_on(make):
    batch = np.random.default_rng(0).random((2, 3, 32, 32)).astype(np.float32)
    one, two = make(1.0, seed=5), make(1.0, seed=5)
    first = one(batch)
    np.testing.assert_array_equal(first, two(batch))
    assert not np.array_equal(first, one(batch))
    np.testing.assert_array_equal(first, pickle.loads(pickle.dumps(one))(batch))  # a copy begins anew
    assert not np.array_equal(make(1.0)(batch), make(1.0)(batch))


class Same(Dataset):
    """The same picture again and again."""

    def __init__(self, change, count=8):
        self.change, self.picture, self.count = change, torch.rand(3, 32, 32), count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        import os

        changed = self.change(self.picture)
        return changed, os.getpid(), len(augment_module._loaded)


def test_workers_draw_for_themselves_and_load_one_model_each(make):
    change = make(1.0, seed=5)
    change(torch.rand(3, 32, 32))  # loaded in the parent before the fork
    data = Same(change)

    def epoch():
        torch.manual_seed(0)
        rows = [row for batch in DataLoader(data, batch_size=2, num_workers=2) for row in zip(*batch, strict=True)]
        return torch.stack([row[0] for row in rows]), {int(row[1]) for row in rows}, {int(row[2]) for row in rows}

    pictures, processes, loaded = epoch()
    assert len(processes) == 2
    assert loaded == {1}  # in either worker one model, its own
    assert len({picture.numpy().tobytes() for picture in pictures}) == len(pictures)
    assert torch.equal(pictures, epoch()[0])
    torch.manual_seed(1)
    loader = DataLoader(data, batch_size=8, num_workers=1)
    first, second = (next(iter(loader))[0] for _ in range(2))
    assert not torch.equal(first, second)


def test_two_of_one_model_share_it(make):
    augment_module._loaded.clear()
    batch = torch.rand(1, 3, 32, 32)
    make(1.0)(batch)
    make(0.5)(batch)
    assert len(augment_module._loaded) == 1


def test_bad_values_are_explained(make, gaussian):
    for options in ({"strength": 2.0}, {"strength": (0.9, 0.1)}, {"probability": 1.5}):
        with pytest.raises(OptionError, match="must be between"):
            make(**options)
    with pytest.raises(StyleError, match="belongs to model"):
        RandomStyle(gaussian=gaussian)
    change = make(1.0)
    for bad, message in (
        (np.zeros((2, 4, 8, 8)), "no \\(3, H, W\\)"),
        (np.zeros((3, 8, 8), np.int64), "int64"),
        (np.full((3, 8, 8), 2.0), "before you normalize"),
        ("picture.png", "a str is no picture"),
    ):
        with pytest.raises(ImageError, match=message):
            change(bad)


def test_the_shipped_model_has_what_it_needs(photo):
    changed = RandomStyle(seed=0)(Image.fromarray(photo[:128, :160]))
    assert changed.size == (160, 128)
