import numpy as np
import pytest

from pasticcio.errors import OptionError
from pasticcio.space import grids as grid
from pasticcio.space.directions import principal_directions
from pasticcio.style.gaussian import StyleGaussian
from pasticcio.style.style import Style


def test_grids_show_what_they_say(stylizer, photo, monkeypatch):
    """The embeddings rendered, in the order of the sheet."""
    asked = []
    rendered = stylizer.render
    monkeypatch.setattr(stylizer, "render", lambda content, e: asked.append(e) or rendered(content, e))
    rng = np.random.default_rng(0)
    corners = [Style(rng.normal(size=6), stylizer.model.fingerprint, name) for name in "abcd"]
    e = [style.embedding for style in corners]

    def embeddings():
        values = np.stack(asked)
        asked.clear()
        return values

    grid.strength_sheet(stylizer, photo, corners[:1], 3, 64)
    values = embeddings()
    np.testing.assert_allclose(values[2], e[0], atol=1e-6)
    np.testing.assert_allclose(values[1], (values[0] + values[2]) / 2, atol=1e-6)
    grid.mix_sheet(stylizer, [photo], corners[:2], 3, 64)
    np.testing.assert_allclose(embeddings(), [e[0], (e[0] + e[1]) / 2, e[1]], atol=1e-6)
    grid.square_sheet(stylizer, photo, corners, 3, 64)
    values = embeddings().reshape(3, 3, 6)
    np.testing.assert_allclose([values[0, 0], values[0, 2], values[2, 0], values[2, 2]], e, atol=1e-6)
    np.testing.assert_allclose(values[1, 1], np.mean(e, axis=0), atol=1e-6)
    gaussian = StyleGaussian.fit(rng.normal(size=(50, 6)), stylizer.model.fingerprint, 64)
    directions = principal_directions(gaussian, 2)
    grid.walk_sheet(stylizer, photo, gaussian.mean, directions, 3, 1.0, 64)
    values = embeddings().reshape(2, 3, 6)
    np.testing.assert_allclose(values[1], gaussian.mean + np.outer([-1, 0, 1], gaussian.factor[:, 1]), atol=1e-5)
    grid.near_sheet(stylizer, photo, corners[0], gaussian, 3, (0.0, 0.5), side=64)
    values = embeddings().reshape(2, 3, 6)
    np.testing.assert_allclose(values[0], np.tile(e[0], (3, 1)), atol=1e-6)
    np.testing.assert_allclose(values[1, 2], gaussian.near(e[0], 0.5, 1), atol=1e-6)
    assert grid.styles_sheet(stylizer, [photo, photo], corners, 64).width > 5 * 64
    for call in (grid.mix_sheet, grid.square_sheet):
        with pytest.raises(OptionError, match="needs"):
            call(stylizer, [photo] if call is grid.mix_sheet else photo, corners[:3])
    with pytest.raises(OptionError, match="2 or more"):
        grid.strength_sheet(stylizer, photo, corners, 1)
