import json

import numpy as np
import pytest

from pasticcio import style as style_module
from pasticcio.errors import OutputError, StyleError
from pasticcio.style import Style, list_styles, mix


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
    from pasticcio.model import Model

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
