import numpy as np
import pytest

from pasticcio.model.config import RegionsConfig
from pasticcio.render.plan import TILES, Plan, plan, smaller
from pasticcio.render.scene import Scene
from pasticcio.render.statistics import Survey

TRAITS = RegionsConfig(multiple=8, margin=8, reach=88, scales=(1, 4, 8), layers=(128, 64, 32), at=(8, 4, 1))


def scene(height, width, **more):
    pixels = np.lib.stride_tricks.as_strided(np.zeros(1, np.uint8), (height, width, 3), (0, 0, 0))
    return Scene(pixels, np.zeros((1, 6), np.float32), **more)


def test_one_pass_where_memory_holds_it_and_else_tiles():
    assert plan(scene(3000, 4000), TRAITS, None, 16e9).tile == 0
    found = plan(scene(3000, 4000), TRAITS, None, 4e9)
    assert found.tile in TILES
    assert found.why == ": 12 megapixels in one pass would take 9.0 GB"
    assert plan(scene(30, 40), TRAITS, None, 4e9).tile == 0


def test_tiles_are_the_largest_that_memory_holds():
    sides = [plan(scene(3000, 4000), TRAITS, None, memory).tile for memory in (5e9, 2e9, 1e8)]
    assert sides == sorted(sides, reverse=True)
    assert sides[-1] == min(TILES)
    assert len(set(sides)) > 2


@pytest.mark.parametrize("more", ["alpha", "masks"])
def test_masks_and_transparency_take_more(more):
    plane = np.zeros((1, 1), np.uint8)
    values = {"alpha": plane} if more == "alpha" else {"masks": (plane,)}
    assert plan(scene(3000, 4000), TRAITS, None, 10e9).tile == 0
    assert plan(scene(3000, 4000, **values), TRAITS, None, 10e9).tile > 0


def test_what_is_asked_for_is_done():
    assert plan(scene(3000, 4000), TRAITS, 0, 1e6).tile == 0
    assert plan(scene(30, 40), TRAITS, 64, 1e12).tile == 64
    assert plan(scene(30, 40), None, None, 1e9).tile == 0  # a model folder without the regions graph


def test_where_memory_did_not_suffice_smaller_tiles_follow_until_none_would_take_less():
    large, sides, planned = scene(3000, 4000), [], Plan(0)
    while planned := smaller(large, planned):
        sides.append(planned.tile)
    assert sides[: len(TILES)] == list(TILES)
    assert set(sides[len(TILES) :]) <= {TILES[-1]}  # then the statistics are measured on fewer pixels
    assert len(sides) < 10
    assert smaller(large, Plan(0)).why == ": memory did not suffice for one pass"
    assert smaller(large, Plan(768)).why == ": memory did not suffice for tiles of 768"
    assert smaller(scene(300, 390), Plan(0)) is None


def test_statistics_are_measured_on_as_many_pixels_as_memory_holds():
    assert plan(scene(6000, 8000), TRAITS, None, 16e9).survey == plan(scene(3000, 4000), TRAITS, 512, 16e9).survey
    some, few = (plan(scene(3000, 4000), TRAITS, None, memory).survey for memory in (8e8, 1e6))
    assert 100_000 < some < 1_000_000
    assert few == 150_000
    full, less = Survey.within("sample", 384, 5_000_000), Survey.within("sample", 384, some)
    assert full == Survey("sample", 384)
    assert less.reduced_pixels == some
    assert 1 <= less.crops * (384 + 96) ** 2 <= some
