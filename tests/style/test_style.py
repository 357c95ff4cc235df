import json

import numpy as np
import pytest

from pasticcio.errors import OutputError, StyleError
from pasticcio.style import style as style_module
from pasticcio.style.style import Style, StyleGaussian, list_styles, mix


def test_a_mix_is_the_weighted_mean():
    a, b = Style(np.array([1.0, 0.0]), "m", "a"), Style(np.array([0.0, 2.0]), "m", "b")
    mixed = mix([(a, 0.25), (b, 0.75)])
    np.testing.assert_allclose(mixed.embedding, [0.25, 1.5])
    assert (mixed.model, mixed.name) == ("m", "a:0.25 + b:0.75")


@pytest.mark.parametrize(
    ("weights", "models", "message"),
    [
        ((0.5, 0.6), "mm", r"sum to 1.1; they must sum to 1"),
        ((0.5, 0.5), "mn", "different models"),
        ((), "", "at least one"),
    ],
)
def test_what_does_not_mix_is_explained(weights, models, message):
    styles = [(Style(np.zeros(2), model), weight) for model, weight in zip(models, weights, strict=True)]
    with pytest.raises(StyleError, match=message):
        mix(styles)


def test_a_style_is_a_value():
    numbers = np.zeros(3)
    style = Style(numbers, "m")
    numbers[0] = 5
    assert style.embedding[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        style.embedding[0] = 1
    for bad in (np.array([np.nan]), np.zeros((2, 2))):
        with pytest.raises(StyleError, match="finite"):
            Style(bad, "m")


def test_a_saved_style_comes_back(tmp_path):
    style = Style(np.random.default_rng(0).normal(size=100), "abc", "mine", "T", "A", "1900")
    style.save(tmp_path / "mine.json")
    found = Style.load(tmp_path / "mine.json")
    np.testing.assert_allclose(found.embedding, style.embedding, rtol=1e-6)
    assert (found.model, found.name, found.title, found.artist, found.year) == ("abc", "mine", "T", "A", "1900")
    with pytest.raises(OutputError, match="cannot write"):
        style.save(tmp_path / "no" / "mine.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "no style file"), ("[1]", "no style file"), ('{"format": "other"}', "other"), (None, "No such file")],
)
def test_what_is_no_style_file_is_refused(text, message, tmp_path):
    path = tmp_path / "style.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(StyleError, match=message):
        Style.load(path)


def test_library_is_read_from_its_file(tmp_path, monkeypatch):
    work = {"title": "T", "artist": "A", "year": "1900", "embedding": [1, 2]}
    (tmp_path / "mine.json").write_text(json.dumps({"model": "abc", "styles": {"t": work}}))
    monkeypatch.setattr(style_module, "LIBRARY", tmp_path)
    style = list_styles("mine")["t"]
    assert (style.model, style.title, style.artist, style.year) == ("abc", "T", "A", "1900")
    assert list_styles("no such model") == {}


def test_shipped_styles_belong_to_the_shipped_model():
    from pasticcio.model.folder import Model

    model, styles = Model.open(), list_styles()
    assert len(styles) >= 24
    for name, style in styles.items():
        assert style.model == model.fingerprint
        assert style.embedding.shape == (model.embedding,)
        assert style.title
        assert style.artist
        assert int(style.year) < 1928
        assert name == name.lower()
    together = np.stack([style.embedding for style in styles.values()])
    assert np.linalg.matrix_rank(together - together.mean(0)) == len(styles) - 1  # no two are the same


def correlated(count=4000):
    rng = np.random.default_rng(3)
    return (rng.normal(size=(count, 3)) @ np.array([[2.0, 1.0, 0.0], [0.0, 0.5, 0.2], [0.0, 0.0, 0.1]]) + 5).astype(
        "f4"
    )


def test_random_styles_have_the_mean_and_covariance_of_what_they_were_made_of():
    vectors = correlated()
    gaussian = StyleGaussian.fit(vectors, "m", 256)
    np.testing.assert_allclose(gaussian.factor @ gaussian.factor.T, np.cov(vectors.T), rtol=1e-3, atol=1e-4)
    rng = np.random.default_rng(0)
    drawn = np.stack([gaussian.sample(rng) for _ in range(4000)])
    np.testing.assert_allclose(drawn.mean(0), vectors.mean(0), atol=0.15)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(vectors.T), atol=0.35)
    out = (drawn - gaussian.mean) @ np.linalg.inv(gaussian.factor).T
    assert 2.45 < np.abs(out).max() <= 2.5 + 1e-3
    np.testing.assert_array_equal(gaussian.sample(7), gaussian.sample(7))
    assert not np.array_equal(gaussian.sample(7), gaussian.sample(8))


def test_a_style_near_another_goes_from_that_to_an_independent_one():
    vectors = correlated()
    gaussian = StyleGaussian.fit(vectors, "m", 256)
    np.testing.assert_allclose(gaussian.near(vectors[0], 0.0, 1), vectors[0], rtol=1e-6)
    np.testing.assert_allclose(gaussian.near(vectors[0], 1.0, 1), gaussian.sample(1), rtol=1e-6)
    rng = np.random.default_rng(0)
    halfway = np.stack([gaussian.near(vector, 0.5, rng) for vector in vectors])
    np.testing.assert_allclose(np.cov(halfway.T), np.cov(vectors.T), atol=0.35)
    for embedding, spread in ((vectors[0], 1.5), (vectors[0], float("nan")), (vectors[0][:2], 0.5)):
        with pytest.raises(StyleError, match=r"must be between|not of this"):
            gaussian.near(embedding, spread, 1)


def test_a_gaussian_comes_back_from_its_file_for_its_own_model_only(tmp_path):
    gaussian = StyleGaussian.fit(correlated(), "m", 256)
    gaussian.save(tmp_path / "g.npz")
    found = StyleGaussian.load(tmp_path / "g.npz", "m")
    np.testing.assert_array_equal(found.sample(1), gaussian.sample(1))
    assert (found.model, found.count, found.side) == ("m", 4000, 256)
    with pytest.raises(StyleError, match="belongs to model m, not to n"):
        StyleGaussian.load(tmp_path / "g.npz", "n")
    (tmp_path / "bad.npz").write_bytes(b"nothing")
    for path in ("bad.npz", "none.npz"):
        with pytest.raises(StyleError, match="Gaussian of styles"):
            StyleGaussian.load(tmp_path / path)
    with pytest.raises(StyleError, match="has no Gaussian"):
        StyleGaussian.open("no such model")


def test_shipped_gaussian_belongs_to_the_shipped_model():
    from pasticcio.model.folder import Model

    model = Model.open()
    gaussian = StyleGaussian.open(model.name, model.fingerprint)
    assert gaussian.mean.shape == (model.embedding,)
    assert gaussian.count > 6000
    spread = np.linalg.norm(gaussian.factor, axis=0)
    assert (np.diff(spread) <= 1e-6).all()
    # the named styles lie inside it
    inside = np.stack([style.embedding for style in list_styles().values()]) - gaussian.mean
    along = inside @ (gaussian.factor / spread)[:, :5] / spread[:5]
    assert np.abs(along).mean() < 1.5
