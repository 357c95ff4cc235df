import numpy as np

from pasticcio.image.read import read_picture
from pasticcio.render.options import Options
from pasticcio.render.statistics import Survey
from pasticcio.render.stylizer import Stylizer
from pasticcio.render.tiles import in_tiles


def test_tiles_report_their_progress(stylizer, scene):
    canvas = stylizer.canvas(scene)
    for how, name in (("sample", "of a sample"), ("exact", "exact")):
        seen = []
        image = in_tiles(canvas, Survey(how, 128, reduced_pixels=20_000, crop_side=64), seen.append, ": why")
        assert (image.shape, image.dtype) == (scene.pixels.shape, np.uint8)
        assert [p.done for p in seen] == list(range(seen[-1].total + 1))
        tiles = seen[-1].total // (1 + len(canvas.layers) * (how == "exact"))
        assert {p.text for p in seen} == {f"{tiles} tiles, statistics {name}: why"}


def test_pictures_are_rendered_in_tiles_where_memory_is_short(model_folder, stylizer, photo, style_file):
    picture, seen = read_picture(photo), []
    small = Stylizer(model_folder, threads=1, memory=4_000_000).paint(picture, style_file, Options(), seen.append)
    assert "tiles" in seen[0].text
    seen.clear()
    whole = stylizer.paint(picture, style_file, Options(tile=0), seen.append)
    assert {p.text for p in seen} == {"one pass"}
    assert np.abs(small.pixels.astype(int) - whole.pixels).mean() < 1
