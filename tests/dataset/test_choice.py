import hashlib
from collections import Counter

import numpy as np
import pytest

from pasticcio.dataset.choice import Chooser, Palette
from pasticcio.errors import ImageError, OptionError, StyleError
from pasticcio.model.folder import Model
from pasticcio.space.embeddings import Embeddings
from pasticcio.style.gaussian import StyleGaussian

TABLE = Palette(tuple("abcde"), np.arange(5, dtype=np.float32)[:, None])


def test_a_choice_depends_on_the_seed_and_the_key_alone():
    one, again, other = (Chooser(TABLE, seed, 1, (0.25, 1.0)) for seed in (1, 1, 2))
    names = [f"key{number}" for number in range(50)]
    drawn = [one.choose(name) for name in names]
    assert [again.choose(name) for name in reversed(names)] == drawn[::-1]
    assert [other.choose(name) for name in names] != drawn
    # Fixed for ever: data sets that were begun with one version can be finished with another.
    (first,) = one.choose("key0")
    numbers = np.frombuffer(hashlib.sha256(b"1\x000\x00key0").digest(), "<u8").tolist()
    assert first.style == "abcde"[numbers[0] % 5]
    assert first.strength == pytest.approx(0.25 + 0.75 * numbers[1] / 2**64, rel=1e-12)
    assert first.seed == numbers[2] // 2


def test_styles_are_drawn_evenly_and_strengths_between_their_limits():
    chooser = Chooser(TABLE, 0, 1, (0.25, 0.75))
    drawn = [chooser.choose(str(number))[0] for number in range(2000)]
    counts = Counter(choice.style for choice in drawn)
    assert all(abs(counts[name] - 400) < 80 for name in "abcde")  # four standard deviations and more
    strengths = [choice.strength for choice in drawn]
    assert min(strengths) >= 0.25
    assert max(strengths) <= 0.75
    assert abs(np.mean(strengths) - 0.5) < 0.02


def test_the_styles_of_one_picture_differ_and_more_of_them_leave_the_first_as_it_was():
    for key in "xyz":
        several = Chooser(TABLE, 0, 5, (1.0, 1.0)).choose(key)
        assert sorted(choice.style for choice in several) == list("abcde")
        assert Chooser(TABLE, 0, 1, (1.0, 1.0)).choose(key) == several[:1]
    for choice in several:
        assert choice.embedding == "abcde".index(choice.style)
    with pytest.raises(OptionError, match="6 styles for each picture are asked for, and there are 5"):
        Chooser(TABLE, 0, 6, (1.0, 1.0))


def test_a_random_style_can_be_drawn_again_from_its_seed(palette):
    one, two = Chooser(palette, 0, 2, (1.0, 1.0)).choose("key")
    assert not np.array_equal(one.embedding, two.embedding)
    assert np.array_equal(StyleGaussian.open().sample(one.seed), one.embedding)


def test_a_table_of_embeddings_is_taken_as_it_is(tmp_path):
    model = Model.open()
    vectors = np.ones((2, model.embedding), np.float32)
    Embeddings(["p", "q"], vectors, [tmp_path, tmp_path], model.fingerprint, 256).save(tmp_path / "t.npz")
    assert Palette.open(tmp_path / "t.npz", model).names == ("p", "q")
    Embeddings(["p", "q"], vectors, [tmp_path, tmp_path], "other", 256).save(tmp_path / "o.npz")
    with pytest.raises(StyleError, match="belong to model other"):
        Palette.open(tmp_path / "o.npz", model)
    with pytest.raises(ImageError, match="no such file"):
        Palette.open(tmp_path / "nowhere", model)


def test_styles_of_one_name_are_told_apart(tmp_path):
    model = Model.open()
    table = Embeddings(["p", "q", "p"], np.eye(3, 100, dtype=np.float32), [tmp_path] * 3, model.fingerprint, 256)
    table.save(tmp_path / "t.npz")
    assert Palette.open(tmp_path / "t.npz", model).names == ("p", "q", "p#2")


def test_a_folder_is_embedded_and_bad_pictures_are_kept_for_the_caller(style_file):
    (style_file.parent / "bad.png").write_text("no picture")
    found = Palette.open(style_file.parent, Model.open())
    assert found.names == ("style",)
    assert len(found.bad) == 1
    assert found.digest != TABLE.digest
