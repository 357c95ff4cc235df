import multiprocessing
import os
import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from pasticcio import augment as augment_module
from pasticcio.augment import RandomStyle
from pasticcio.errors import ImageError, OptionError, StyleError
from pasticcio.image.read import open_image
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


def test_the_styles_are_draws_mixed_with_the_pictures_own(make, gaussian, model_folder, photo, monkeypatch):
    image = open_image(photo)[:96, :128]
    batch = np.stack([image, image[:, ::-1]]).transpose(0, 3, 1, 2)
    drawn, sample = [], StyleGaussian.sample
    monkeypatch.setattr(StyleGaussian, "sample", lambda *values: drawn.append(sample(*values)) or drawn[-1])
    found = make(0.7, seed=3)(batch)
    assert len(drawn) == 2
    assert np.abs(drawn[0] - drawn[1]).max() > 0.1
    stylizer = Stylizer(model_folder)
    for picture, style, output in zip(batch, drawn, found, strict=True):
        own = stylizer.run(stylizer.model.predict, style=np.ascontiguousarray(picture[None]))[0]
        rendered = stylizer.render(picture.transpose(1, 2, 0), own + np.float32(0.7) * (style - own))
        np.testing.assert_allclose(output.transpose(1, 2, 0), rendered, atol=1e-4)


class Tagged(torch.Tensor):
    """A subclass, as torchvision's pictures are."""


def test_every_kind_of_picture_keeps_its_kind(make, photo):
    change = make(1.0, seed=1)
    picture = Image.fromarray(photo)
    assert change(picture).size == picture.size
    assert np.abs(np.asarray(change(picture), float) - photo).mean() > 5
    for shape in ((3, 40, 56), (2, 3, 40, 56), (1, 3, 5, 9), (3, 1, 1)):
        for kind in (torch.float32, torch.float16, torch.bfloat16, torch.uint8):
            tensor = (torch.rand(shape) * (255 if kind == torch.uint8 else 1)).to(kind)
            changed = change(tensor)
            assert (changed.shape, changed.dtype, changed.device) == (tensor.shape, kind, tensor.device)
            assert float(changed.min()) >= 0
            assert not torch.equal(changed, tensor)
    assert type(change(torch.rand(3, 40, 56).as_subclass(Tagged))) is Tagged


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


def test_a_style_depends_on_content_and_not_on_batch_or_order(make):
    batch = np.random.default_rng(0).random((4, 3, 32, 32)).astype(np.float32)
    together = make((0.2, 1.0), 0.7, seed=5)(batch)
    for order in ([0, 1, 2, 3], [2, 0, 3, 1]):
        change = make((0.2, 1.0), 0.7, seed=5)
        for i in order:
            np.testing.assert_allclose(change(batch[i]), together[i], atol=1e-4)


def test_epochs_have_other_draws_and_each_its_own(make):
    picture = np.random.default_rng(0).random((3, 32, 32)).astype(np.float32)
    change = make(1.0, seed=5)
    first = change(picture)
    change.set_epoch(1)
    assert not np.array_equal(change(picture), first)
    change.set_epoch(0)
    np.testing.assert_array_equal(change(picture), first)
    for bad in (-1, 0.5):
        with pytest.raises(OptionError, match="epoch is"):
            change.set_epoch(bad)


class Pictures(Dataset):
    """Some pictures, each the same in every run."""

    def __init__(self, change, count=8):
        self.change = change
        self.pictures = np.random.default_rng(0).random((count, 3, 32, 32)).astype(np.float32)

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, index):
        return index, self.change(torch.from_numpy(self.pictures[index])), os.getpid(), len(augment_module._loaded)


def epoch_of(loader):
    """The pictures of an epoch by their number, the processes that made them, and the models each had loaded."""
    rows = [row for batch in loader for row in zip(*batch, strict=True)]
    pictures = {int(row[0]): row[1].numpy().tobytes() for row in rows}
    return pictures, {int(row[2]) for row in rows}, {int(row[3]) for row in rows}


@pytest.mark.parametrize("persistent", [False, True])
def test_a_seed_is_enough_in_workers(make, persistent):
    """Without torch.manual_seed, whose seed a DataLoader gives to its workers."""

    augment_module._loaded.clear()  # other tests of this process may have loaded models

    def run(workers, shuffle=False):
        change = make(1.0, seed=5)
        change(torch.rand(3, 32, 32))  # loads the model before the workers are forked
        loader = DataLoader(
            Pictures(change), batch_size=2, shuffle=shuffle, num_workers=workers, persistent_workers=persistent
        )
        epochs = []
        for epoch in range(2):
            change.set_epoch(epoch)
            pictures, processes, loaded = epoch_of(loader)
            assert len(processes) == workers
            assert loaded == {1}  # each worker has loaded one model, its own
            epochs.append(pictures)
        return epochs

    first, second = run(2)
    assert len(set(first.values()) | set(second.values())) == 16  # each picture and epoch its own
    assert run(2) == [first, second]
    assert run(1, shuffle=True) == [first, second]  # nor do order and number of workers matter


def test_without_a_seed_all_draws_differ(make):
    loader = DataLoader(Pictures(make(1.0)), batch_size=2, num_workers=2)
    epochs = [epoch_of(loader)[0] for _ in range(2)]
    assert len({picture for epoch in epochs for picture in epoch.values()}) == 16


def test_a_seed_is_enough_in_a_pool(make):
    pictures = list(Pictures(None).pictures)
    wanted = [make(1.0, seed=5)(picture).tobytes() for picture in pictures]
    assert len(set(wanted)) == len(wanted)
    for method, chunk in (("fork", 1), ("fork", 3), ("spawn", 4)):
        with multiprocessing.get_context(method).Pool(2) as pool:
            found = [picture.tobytes() for picture in pool.map(make(1.0, seed=5), pictures, chunk)]
        assert found == wanted


def test_two_of_one_model_share_it(make):
    augment_module._loaded.clear()
    batch = torch.rand(1, 3, 32, 32)
    make(1.0)(batch)
    make(0.5)(batch)
    assert len(augment_module._loaded) == 1


def test_bad_values_are_explained(make, gaussian):
    for options, message in (
        ({"strength": 2.0}, r"strength is 2; it must be between 0 and 1\.5"),
        ({"strength": (0.9, 0.1)}, "the lower must be first"),
        ({"probability": 1.5}, r"probability is 1\.5; it must be between 0 and 1"),
        ({"seed": -1}, "seed is -1; it must be 0 or more"),
    ):
        with pytest.raises(OptionError, match=message):
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
