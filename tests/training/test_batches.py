import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image

from pasticcio.errors import DataError
from pasticcio.image.crop import center_crop
from pasticcio.training.batches import Batches, ResidentBatches
from pasticcio.training.config import DataConfig


@pytest.fixture
def config(pictures):
    return DataConfig(
        photos=(str(pictures / "photos"),),
        styles=(str(pictures / "styles"),),
        crop=32,
        photo_short=(40, 64),
        flip_photos=True,
        style_short=(40, 64),
        style_crop=40,
        style_size=(32, 48),
        workers=0,
    )


def same(a, b):
    return (
        torch.equal(a.photos, b.photos)
        and torch.equal(a.styles, b.styles)
        and torch.equal(a.style_index, b.style_index)
    )


def test_a_batch_depends_on_seed_step_and_process_alone(config):
    config = dataclasses.replace(config, keep_mb=1)
    first, again = Batches(config, 3, 0.0, seed=1), Batches(config, 3, 0.0, seed=1)
    for step in (7, 3, 7):
        again[step]
    assert same(first[7], again[7])
    assert not same(first[7], first[8])
    assert not same(first[7], Batches(config, 3, 0.0, seed=2)[7])
    assert not same(first[7], Batches(config, 3, 0.0, seed=1, process=1)[7])


def test_workers_give_the_same_batches(config):
    plain = list(Batches(config, 2, 0.0, seed=0).loader(2, 5))
    worked = list(Batches(dataclasses.replace(config, workers=2), 2, 0.0, seed=0).loader(2, 5))
    for one, other in zip(plain, worked, strict=True):
        assert one.skipped == other.skipped
        for name in ("photos", "styles", "style_index"):
            torch.testing.assert_close(getattr(one, name), getattr(other, name), rtol=0, atol=0)


@pytest.mark.filterwarnings("ignore:This DataLoader will create 3 worker processes")
@pytest.mark.parametrize("workers", [1, 3])
def test_epochs_are_the_same_for_any_number_of_workers(config, workers):
    """Of six photos and six styles, the styles of two rows in three are shown: 18 photos and 12 styles in 6 batches."""
    config = dataclasses.replace(config, epochs=True, workers=workers)
    batches = list(Batches(config, 3, 0.34, seed=0).loader(0, 6))
    plain = Batches(dataclasses.replace(config, workers=0), 3, 0.34, seed=0)
    assert all(same(batch, plain[number]) for number, batch in enumerate(batches))
    photos = torch.cat([batch.photo_index for batch in batches])
    styles = torch.cat([batch.style_index[batch.own :] for batch in batches])
    assert [sorted(epoch.tolist()) for epoch in (*photos.split(6), *styles.split(6))] == [list(range(6))] * 5


def test_epochs_of_resident_pictures_leave_out_those_that_cannot_be_read(config, tmp_path):
    for number in range(4):
        Image.new("RGB", (64, 64), (10, 60 * number, 30)).save(tmp_path / f"{number}.png")
    (tmp_path / "1-bad.png").write_bytes(b"not a picture")
    batches = resident(dataclasses.replace(config, photos=(str(tmp_path),), epochs=True), batch=2)
    shown = torch.cat([batch.photo_index for batch in batches.loader(0, 4)])
    assert [sorted(epoch.tolist()) for epoch in shown.split(4)] == [[0, 1, 2, 3]] * 2


def test_shapes(config):
    batch = Batches(config, 3, 0.4, seed=0)[0]
    assert batch.photos.shape == (3, 3, 32, 32)
    assert batch.photos.dtype == torch.uint8
    assert 32 <= batch.styles.shape[2] == batch.styles.shape[3] <= 48
    assert batch.own == 1


def test_own_style_is_the_photo(config):
    """With one even photo and styles of another color, the first rows' styles are the photo's color."""
    config = dataclasses.replace(config, brightness=0.0, hue=0.0, saturation=(1.0, 1.0))
    batches = Batches(config, 4, 0.5, seed=0)
    batches.photos.load = lambda index: np.full((64, 64, 3), 200, np.uint8)
    batches.styles.load = lambda index: np.zeros((64, 64, 3), np.uint8)
    batch = batches[0]
    assert [int(style.max()) for style in batch.styles] == [200, 200, 0, 0]


def test_bad_pictures_are_skipped_and_named(config, tmp_path):
    Image.new("RGB", (96, 96), (0, 128, 0)).save(tmp_path / "b-good.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "a-tiny.png")
    (tmp_path / "c-broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    batches = Batches(dataclasses.replace(config, photos=(str(tmp_path),)), 8, 0.0, seed=0)
    batch = batches[0]
    assert {name.rsplit("/")[-1] for name in batch.skipped} == {"a-tiny.png", "c-broken.jpg"}
    assert (batch.photos[:, 1] == 128).all()


@pytest.mark.parametrize(
    ("make", "message"), [(lambda p: None, "no pictures"), (lambda p: (p / "x.png").write_bytes(b""), "none of 1")]
)
def test_no_usable_picture_is_an_error(config, tmp_path, make, message):
    make(tmp_path)
    with pytest.raises(DataError, match=message):
        Batches(dataclasses.replace(config, photos=(str(tmp_path),)), 1, 0.0, seed=0)[0]


@pytest.mark.parametrize("kind", [Batches, ResidentBatches])
def test_crops_of_one_color_are_cut_elsewhere(tmp_path, config, kind):
    """A photo black for the most part: without a second try two crops in three would be all black."""
    photo = np.zeros((100, 300, 3), np.uint8)
    photo[:, 200:] = np.random.default_rng(0).integers(0, 255, (100, 100, 1))
    Image.fromarray(photo).save(tmp_path / "dark.png")
    rest = (torch.device("cpu"),) if kind is ResidentBatches else ()
    batches = kind(
        dataclasses.replace(config, photos=(str(tmp_path / "dark.png"),), photo_short=(80, 90)), 8, 0.0, 1, 0, *rest
    )
    crops = torch.cat([batches[number].photos for number in range(8)]).flatten(1)
    flat = (crops.amax(1) == crops.amin(1)).float().mean()
    assert flat < 0.2


def test_a_photo_of_one_color_is_taken_as_it_is(tmp_path, config):
    Image.new("RGB", (80, 80), (9, 9, 9)).save(tmp_path / "gray.png")
    photos = Batches(dataclasses.replace(config, photos=(str(tmp_path / "gray.png"),)), 2, 0.0, seed=1)[0].photos
    assert (photos == 9).all()


def resident(config, batch=3, own=0.0, seed=1, process=0):
    return ResidentBatches(config, batch, own, seed, process, torch.device("cpu"))


def test_resident_batches_are_functions_of_their_number_too(config):
    first, again = resident(config), resident(config)
    list(again.loader(0, 2))
    assert same(first[7], again[7])
    assert not same(first[7], first[8])
    assert not same(first[7], resident(config, process=1)[7])
    batch = resident(config, own=0.4)[0]
    assert batch.photos.shape == (3, 3, 32, 32)
    assert batch.photos.dtype == batch.styles.dtype == torch.uint8
    assert 32 <= batch.styles.shape[2] == batch.styles.shape[3] <= 48
    assert batch.own == 1


def test_resident_batches_show_what_the_others_show(config):
    """Fixed crops, so that nothing is drawn but the pictures: the same pixels, but for rounding."""
    fixed = dataclasses.replace(
        config, augment=False, fixed_photos=True, style_size=(40, 40), photo_short=(48, 96), style_short=(48, 96)
    )
    there, here = resident(fixed, batch=8)[0], Batches(fixed, 8, 0.0, seed=1)
    for n, index in enumerate(there.photo_index.tolist()):
        expected = torch.from_numpy(center_crop(here.photos.load(index), 32, 48).copy()).permute(2, 0, 1)
        assert (there.photos[n].float() - expected.float()).abs().mean() < 1
    for n, index in enumerate(there.style_index.tolist()):
        expected = torch.from_numpy(center_crop(here.styles.load(index), 40, 48).copy()).permute(2, 0, 1)
        assert (there.styles[n].float() - expected.float()).abs().mean() < 1


def test_resident_batches_name_bad_pictures(config, tmp_path):
    folder = tmp_path / "some"
    folder.mkdir()
    Image.new("RGB", (64, 64), (10, 200, 30)).save(folder / "good.png")
    (folder / "bad.png").write_bytes(b"not a picture")
    batches = resident(dataclasses.replace(config, styles=(str(folder),)))
    assert [name.endswith("bad.png") for name in batches[0].skipped] == [True]
    assert batches[1].skipped == []
    (folder / "good.png").unlink()
    with pytest.raises(DataError, match="none of 1 pictures"):
        resident(dataclasses.replace(config, styles=(str(folder),)))


def test_styles_drawn_by_code_take_the_place_of_pictures(config, tmp_path):
    """Style pictures are all white; drawn ones never are. Own styles stay the photos."""
    Image.new("RGB", (96, 96), (255, 255, 255)).save(tmp_path / "white.png")
    plain = dataclasses.replace(config, styles=(str(tmp_path),), brightness=0.0, hue=0.0, saturation=(1.0, 1.0))
    drawn = dataclasses.replace(plain, procedural=1.0)
    whites = [
        [bool((style == 255).all()) for style in Batches(data, 6, 0.0, seed=3)[0].styles] for data in (plain, drawn)
    ]
    assert whites == [[True] * 6, [False] * 6]
    own = Batches(drawn, 4, 0.5, seed=3)
    own.photos.load = lambda index: np.full((64, 64, 3), 200, np.uint8)
    assert [bool((style == 200).all()) for style in own[0].styles] == [True, True, False, False]
    assert same(Batches(drawn, 4, 0.5, seed=3)[1], Batches(drawn, 4, 0.5, seed=3)[1])


@pytest.mark.parametrize("make", [lambda config: Batches(config, 4, 0.0, seed=1), lambda config: resident(config, 4)])
def test_styles_lose_or_invert_their_colors(config, tmp_path, make):
    Image.new("RGB", (96, 96), (200, 100, 50)).save(tmp_path / "orange.png")
    plain = dataclasses.replace(config, styles=(str(tmp_path),), brightness=0.0, hue=0.0, saturation=(1.0, 1.0))
    gray = make(dataclasses.replace(plain, gray=1.0))[0].styles
    assert (gray.amax(1).int() - gray.amin(1).int()).max() <= 1
    inverted = make(dataclasses.replace(plain, invert=1.0))[0].styles.float().mean((0, 2, 3))
    torch.testing.assert_close(inverted, torch.tensor([55.0, 155.0, 205.0]), atol=1, rtol=0)


def test_texture_is_in_what_is_rendered_and_not_in_what_it_is_compared_with(config):
    config = dataclasses.replace(config, texture=1.0)
    plain = np.full((64, 64, 3), 120, np.uint8)
    batches = Batches(config, 3, 0.34, seed=1)
    batches.photos.load = lambda index: plain
    batch = batches[0]
    assert batch.own == 1
    assert (batch.photos == 120).all()
    assert torch.equal(batch.shown[0], batch.photos[0]), "a photo that is its own style has none"
    assert all(len(photo.unique()) > 2 for photo in batch.shown[1:])
    without = Batches(dataclasses.replace(config, texture=0.0), 3, 0.34, seed=1)[0]
    assert torch.equal(without.shown, without.photos)
