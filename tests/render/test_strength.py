from types import SimpleNamespace

import numpy as np
import pytest

from pasticcio.render.strength import at_strength
from pasticcio.render.stylizer import Stylizer
from pasticcio.style.style import towards


@pytest.fixture(scope="module")
def stylizer():
    return Stylizer("default", runtime="onnxruntime")


@pytest.fixture(scope="module")
def two(stylizer):
    """Embeddings of two styles of the model."""
    styles = stylizer.model.styles
    return styles["dance"].embedding, styles["kiss"].embedding


def test_without_a_graph_it_is_the_straight_line(two):
    plain = SimpleNamespace(model=SimpleNamespace(strength=None))
    for strength in (0.0, 0.4, 1.3):
        np.testing.assert_array_equal(at_strength(plain, *two, strength), towards(*two, strength))


def test_the_way_begins_at_the_photos_own_embedding_and_ends_at_the_styles(stylizer, two):
    own, wanted = two
    np.testing.assert_allclose(at_strength(stylizer, own, wanted, 0.0), own, atol=1e-5)
    np.testing.assert_allclose(at_strength(stylizer, own, wanted, 1.0), wanted, atol=1e-5)


def test_beyond_the_style_the_straight_line_goes_on(stylizer, two):
    np.testing.assert_allclose(at_strength(stylizer, *two, 1.4), towards(*two, 1.4), atol=1e-4)


def test_strength_between_leaves_the_straight_line(stylizer, two):
    own, wanted = two
    found = at_strength(stylizer, own, wanted, 0.5)
    across = found - own
    along = (wanted - own) * (across @ (wanted - own)) / np.square(wanted - own).sum()
    assert np.linalg.norm(across - along) > 0.05 * np.linalg.norm(across)


def test_rows_have_strengths_of_their_own(stylizer, two):
    own, wanted = two
    rows = at_strength(stylizer, own, np.stack([wanted, own]), np.array([[0.3], [0.8]], np.float32))
    assert rows.shape == (2, len(own))
    np.testing.assert_allclose(rows[0], at_strength(stylizer, own, wanted, 0.3), atol=1e-5)
    np.testing.assert_allclose(rows[1], at_strength(stylizer, own, own, 0.8), atol=1e-5)
