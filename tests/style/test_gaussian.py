import numpy as np
import pytest

from pasticcio.errors import StyleError
from pasticcio.model.folder import list_models
from pasticcio.style.gaussian import StyleGaussian
from pasticcio.style.named import list_styles


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
    (tmp_path / "cut.npz").write_bytes((tmp_path / "g.npz").read_bytes()[:200])
    np.save(tmp_path / "array.npz", np.zeros(3))
    (tmp_path / "array.npz.npy").rename(tmp_path / "array.npz")
    np.savez(tmp_path / "shapes.npz", mean=np.zeros(3), factor=np.zeros((2, 2)), model="m", count=1, side=1)
    np.savez(tmp_path / "lacks.npz", mean=np.zeros(3))
    for path in ("lacks.npz", "bad.npz", "none.npz", "cut.npz", "array.npz", "shapes.npz"):
        with pytest.raises(StyleError, match="Gaussian of styles"):
            StyleGaussian.load(tmp_path / path)
    with pytest.raises(StyleError, match="has no Gaussian"):
        StyleGaussian.open("no such model")


@pytest.mark.parametrize("model", list_models(), ids=lambda model: model.name)
def test_shipped_gaussian_belongs_to_the_shipped_model(model):
    gaussian = StyleGaussian.open(model.name, model.fingerprint)
    assert gaussian.mean.shape == (model.embedding,)
    assert gaussian.count > 1500
    spread = np.linalg.norm(gaussian.factor, axis=0)
    assert (np.diff(spread) <= 1e-6).all()
    # the named styles lie inside it
    inside = np.stack([style.embedding for style in list_styles(model.name).values()]) - gaussian.mean
    along = inside @ (gaussian.factor / spread)[:, :5] / spread[:5]
    assert np.abs(along).mean() < 1.5


def test_gaussians_are_compared_by_their_content():
    vectors = correlated()
    gaussian = StyleGaussian.fit(vectors, "m", 256)
    assert gaussian == StyleGaussian.fit(vectors, "m", 256)
    assert hash(gaussian) == hash(StyleGaussian.fit(vectors, "m", 256))
    assert gaussian != StyleGaussian.fit(vectors + 1, "m", 256)
    assert gaussian != StyleGaussian.fit(vectors, "n", 256)
