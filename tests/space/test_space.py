"""Neighbors, contact sheets, grids and directions."""

import numpy as np
import pytest

from pasticcio.errors import OptionError, StyleError
from pasticcio.image.picture import open_image
from pasticcio.render.stylizer import Stylizer
from pasticcio.space import grids as grid
from pasticcio.space.contact_sheet import contact_sheet
from pasticcio.space.directions import (
    STATISTICS,
    explained,
    measure,
    measure_pictures,
    named_directions,
    principal_directions,
)  # fmt: skip
from pasticcio.space.neighbors import nearest_rows, neighbors, neighbors_sheet
from pasticcio.style.gaussian import StyleGaussian
from pasticcio.style.style import Style


@pytest.fixture(scope="module")
def stylizer(model_folder):
    return Stylizer(model_folder)


def test_neighbors_are_the_nearest_rows(table, stylizer, photo_file):
    _, found = neighbors(table, "work-07", 5)
    distances = np.linalg.norm(table.vectors - table.vectors[7], axis=1)
    assert [n.row for n in found] == [int(i) for i in np.argsort(distances, kind="stable") if i != 7][:5]
    assert found[0].distance == pytest.approx(np.sort(distances)[1])
    vector, other = neighbors(table, str(photo_file), 3, stylizer)
    np.testing.assert_allclose(vector, stylizer.embed(photo_file, side=64).embedding)
    assert len(other) == 3
    sheet = neighbors_sheet(table, "work-07", found)
    assert sheet.width > 5 * 190
    with pytest.raises(StyleError, match="no such file"):
        neighbors(table, "nothing", 3, stylizer)
    with pytest.raises(StyleError, match="belong to model"):
        neighbors(table, str(photo_file), 3)  # by the default model
    with pytest.raises(OptionError, match="1 or more"):
        neighbors(table, "work-07", 0)


def test_all_neighbors_at_once_are_the_same(table):
    rows, distances = nearest_rows(table.vectors, 5, block=7)
    for row in (0, 20, 44):
        _, found = neighbors(table, table.names[row], 5)
        np.testing.assert_allclose(distances[row], [n.distance for n in found], atol=1e-3)
        assert len({*rows[row]} & {n.row for n in found}) >= 4  # equal distances may change places
    assert nearest_rows(table.vectors[:2], 10)[0].shape == (2, 1)


def test_a_contact_sheet_has_its_pictures_in_place():
    red, blue = np.zeros((40, 60, 3), np.float32), np.zeros((60, 40, 3), np.float32)
    red[..., 0], blue[..., 2] = 1, 1
    sheet = np.asarray(
        contact_sheet([[red, None], [blue, red]], columns=["a", "b"], rows=["one", "two words"], side=60)
    )
    is_red = (sheet == (255, 0, 0)).all(2)
    is_blue = (sheet == (0, 0, 255)).all(2)
    assert (is_red.sum(), is_blue.sum()) == (2 * 2400, 2400)
    assert np.argwhere(is_blue)[:, 0].min() > np.argwhere(is_red)[:, 0].min() + 40
    with pytest.raises(OptionError, match="at least one"):
        contact_sheet([])


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


def test_what_is_measured_has_its_sign(photo):
    image = open_image(photo)
    at = {name: i for i, name in enumerate(STATISTICS)}
    plain = measure(image)
    assert np.isfinite(plain).all()

    def change(name, other):
        return measure(np.clip(other, 0, 1).astype(np.float32))[at[name]] - plain[at[name]]

    assert change("lightness", image + 0.1) > 0.05
    assert change("contrast", (image - 0.5) * 0.5 + 0.5) < -0.05
    assert change("saturation", image.mean(2, keepdims=True).repeat(3, 2)) < -0.02
    assert change("warmth", image * [1.2, 1.0, 0.7]) > 0.02
    assert change("magenta", image * [1.1, 0.8, 1.1]) > 0.02
    stripes = 0.2 * np.sin(np.arange(image.shape[1]) * 2.5)[None, :, None]
    assert change("fine", image + stripes) > 1
    assert change("upright", image + stripes) > 1
    assert change("upright", image + 0.2 * np.sin(np.arange(image.shape[0]) * 2.5)[:, None, None]) < -1
    waves = 0.2 * np.sin(np.arange(image.shape[1]) * 0.6)[None, :, None]
    assert change("coarse", image + waves) > 0.5


def test_directions_recover_what_was_put_in(table):
    rng = np.random.default_rng(0)
    statistics = rng.normal(size=(200, len(STATISTICS))).astype(np.float32)
    true = rng.normal(size=(len(STATISTICS), 20)).astype(np.float32)
    from dataclasses import replace

    vectors = (statistics @ true + 0.1 * rng.normal(size=(200, 20))).astype(np.float32)
    made = replace(table, names=["a"] * 200, paths=table.paths[:1] * 200, vectors=vectors, columns={})
    statistics[5] = np.nan
    found = named_directions(made, statistics)
    for direction, vector, deviation in zip(found, true, np.nanstd(statistics, axis=0), strict=True):
        np.testing.assert_allclose(direction.vector, vector * deviation, atol=0.06)
        assert direction.known > 0.95
    assert (explained(rng.normal(size=(200, 5)), rng.normal(size=(200, 2))) < 0.1).all()
    with pytest.raises(StyleError, match="could be read and measured"):
        named_directions(made, np.full_like(statistics, np.nan))
    measured = measure_pictures([*table.paths[:2], table.paths[0].with_name("none.png")])
    assert np.isfinite(measured[:2]).all()
    assert np.isnan(measured[2]).all()
