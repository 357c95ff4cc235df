import numpy as np
import pytest

from pasticcio.errors import OutputError, StyleError
from pasticcio.style.style import Style, mix, towards, with_weights

TEXTS = '{"format": "pasticcio-style-1", "model": "m", "name": "", "title": "", "artist": "", "year": "", '


def test_a_mix_is_the_weighted_mean():
    a, b = Style(np.array([1.0, 0.0]), "m", "a"), Style(np.array([0.0, 2.0]), "m", "b")
    mixed = mix([(a, 0.25), (b, 0.75)])
    np.testing.assert_allclose(mixed.embedding, [0.25, 1.5])
    assert (mixed.model, mixed.name) == ("m", "a:0.25 + b:0.75")


def test_styles_without_weights_weigh_the_same():
    a, b, c = (Style([number, 3.0], "m", name) for number, name in ((0.0, "a"), (1.0, "b"), (5.0, "c")))
    np.testing.assert_allclose(mix([a, b, c]).embedding, [2, 3], rtol=1e-6)
    assert mix([a, b]) == mix([(a, 0.5), (b, 0.5)])
    assert with_weights(["dance", "kiss"]) == [("dance", 0.5), ("kiss", 0.5)]
    assert with_weights([("dance", "mask.png"), ["kiss", 0.25]]) == [("dance", "mask.png"), ("kiss", 0.25)]


@pytest.mark.parametrize(
    ("styles", "message"),
    [
        ([Style([0.0], "m"), (Style([1.0], "m"), 0.5)], "some have none"),
        ([(Style([0.0], "m"), 0.5, 0.5)], "not 3 values"),
        ([(Style([0.0], "m"), "0.5")], "weight is '0.5'; it must be a number"),
        ([(Style([0.0], "m"), float("nan"))], "sum to nan"),
        (["dance"], "a str is no Style"),
        ("dance", "a str is no Style"),
        ([Style([0.0], "m"), Style([0.0, 1.0], "m")], "of 1 and 2 numbers"),
    ],
)
def test_what_is_no_mix_is_explained(styles, message):
    with pytest.raises(StyleError, match=message):
        mix(styles)


def test_strength_goes_along_the_line_between_styles():
    own, wanted = Style([1.0, 0.0], "m", "own"), Style([0.0, 2.0], "m", "wanted")
    assert own.towards(wanted, 0.25).embedding.tolist() == [0.75, 0.5]
    assert own.towards(wanted, 1.5).embedding.tolist() == [-0.5, 3.0]
    assert own.towards(wanted, 0.25).name == "own:0.75 + wanted:0.25"
    rows = towards(np.stack([own.embedding] * 2), wanted.embedding, np.array([[0.0], [1.0]]))
    assert rows.dtype == np.float32
    assert rows.tolist() == [[1.0, 0.0], [0.0, 2.0]]
    with pytest.raises(StyleError, match="different models"):
        own.towards(Style([0.0, 2.0], "n"), 0.5)


def test_styles_are_compared_by_their_content():
    style = Style([1.0, 2.0], "m", "one", "T", "A", "1900")
    assert style == Style(np.array([1.0, 2.0]), "m", "one", "T", "A", "1900")
    assert len({style, Style([1.0, 2.0], "m", "one", "T", "A", "1900")}) == 1
    for other in (
        Style([1.0, 3.0], "m", "one", "T", "A", "1900"),
        Style([1.0, 2.0], "n", "one", "T", "A", "1900"),
        Style([1.0, 2.0], "m", "two", "T", "A", "1900"),
        Style([1.0, 2.0], "m", "one", "U", "A", "1900"),
        Style([1.0, 2.0], "m", "one", "T", "B", "1900"),
        Style([1.0, 2.0], "m", "one", "T", "A", "1901"),
        "one",
    ):
        assert style != other


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
    for bad in (np.array([np.nan]), np.zeros((2, 2)), ["a"], [[1.0], [1.0, 2.0]], [1e60], None):
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
    [
        (None, "No such file"),
        ("", "no style file"),
        ("[1]", "holds no JSON object"),
        ('{"format": "other"}', "format is 'other'"),
        ('{"format": "pasticcio-style-1", "model": "m", "embedding": [1]}', "lacks name, title, artist, year"),
        (TEXTS + '"embedding": 3}', "no list of numbers"),
        (TEXTS + '"embedding": [1, "x"]}', "no list of numbers"),
        (TEXTS + '"embedding": [NaN]}', "finite"),
    ],
)
def test_what_is_no_style_file_is_refused(text, message, tmp_path):
    path = tmp_path / "style.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(StyleError, match=message):
        Style.load(path)
