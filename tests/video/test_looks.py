import numpy as np
import pytest
from skimage import data

from clips import scene
from pasticcio.errors import OptionError
from pasticcio.image.picture import as_batch, as_float
from pasticcio.image.resize import style_view
from pasticcio.render.adapt import Sketch
from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer
from pasticcio.style.style import Style
from pasticcio.video.keyframes import Keyframe, keyed
from pasticcio.video.live import Manner, Painter
from pasticcio.video.looks import Look, Scenes, constant, styling
from pasticcio.video.steady import Steadiness, Steady
from pasticcio.video.stylize import draw

pytest.importorskip("cv2")

SIZE = (48, 64)


@pytest.fixture(scope="module")
def stylizer():
    return Stylizer("fast", threads=1, runtime="onnxruntime")


@pytest.fixture
def painting():
    return data.astronaut()[:200, :200]


def clip():
    """Four frames of a cup, and three of a cat."""
    cat = data.chelsea()[60:, 100:]
    frames = [*scene(4), *(np.ascontiguousarray(cat[:48, 2 * i : 2 * i + 64]) for i in range(3))]
    return [(0.04 * number, frame) for number, frame in enumerate(frames)]


def counting(masks=()):
    """A look that renders each scene in the mean of its first frame, and the first frames that it got."""
    first = []

    def fit(frame):
        first.append(frame)
        return np.full((1, 2), frame.mean(), np.float32)

    def look(rows):
        return Look(lambda frame, *masks: np.full_like(frame, round(float(rows[0, 0]))), masks)

    return Look(lambda frame, *masks: frame, masks, Scenes(fit, look)), first


@pytest.mark.parametrize(
    "how",
    [Steadiness(), Steadiness(anchor=False, carry=0), Steadiness(between=True), Steadiness(smaller=2)],
    ids=["usual", "alone", "between", "smaller"],
)
def test_each_scene_has_the_look_that_is_fitted_to_its_first_frame(how):
    look, first = counting()
    found = [drawn.pixels for drawn in draw(clip(), constant(look), Steady(how))]
    frames = [frame for _, frame in clip()]
    assert len(first) == 2
    for got, frame in zip(first, (frames[0], frames[4]), strict=True):
        if how.smaller == 1:
            np.testing.assert_array_equal(got[: SIZE[0], : SIZE[1]], frame)
        else:
            assert abs(got.mean() - frame.mean()) < 3
    if how.smaller == 1:
        means = [round(float(frames[0].mean()))] * 4 + [round(float(frames[4].mean()))] * 3
        assert [int(pixels.mean()) for pixels in found] == means


def test_another_object_goes_on_in_the_same_scene():
    look, first = counting()
    frames, how = clip(), Steadiness(carry=0, anchor=False)
    unbroken = list(draw(frames, constant(look), Steady(how)))
    later = Steady(how)
    later.go_on(unbroken[1].state, frames[1][1])
    for one, other in zip(draw(frames[2:], constant(look), later), unbroken[2:], strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)
        np.testing.assert_array_equal(one.state.rows, other.state.rows)
    assert len(first) == 3  # the cup was not fitted again, the cat was


def test_a_scene_with_styles_that_are_fitted_is_rendered_with_these(stylizer, painting):
    frame, options = scene(1)[0], Options(adapt=2, texture=0)
    made = styling(stylizer, painting, options, SIZE)
    scenes = made.look(stylizer).scenes
    side = 192
    style, view = stylizer.embed(painting, side=side), np.ascontiguousarray(as_batch(style_view(painting / 255, side)))
    wanted = Sketch(stylizer, as_float(frame)).fit(style.embedding, view.astype(np.float32), 2)
    assert np.abs(wanted - style.embedding).max() > 1e-3
    rows = scenes.fit(frame)
    np.testing.assert_allclose(rows, wanted[None], atol=1e-4)
    fitted = stylizer.stylize(frame, Style(rows[0], stylizer.model.fingerprint), Options(texture=0, stroke=1.0))
    np.testing.assert_array_equal(scenes.look(rows).render(frame), fitted)
    assert scenes.look(rows).scenes is None
    assert styling(stylizer, painting, Options(), SIZE).look(stylizer).scenes is None
    photo = stylizer.stylize(frame, painting, Options(adapt=2, texture=0, stroke=1.0))
    assert np.abs(photo.astype(int) - fitted).mean() < 0.1  # a clip of one frame is a photo


def test_frames_of_16_bits_are_fitted_as_those_of_8_bits_are(stylizer, painting):
    frame, look = scene(1)[0], styling(stylizer, painting, Options(adapt=1), SIZE).look(stylizer)
    deep = frame.astype(np.uint16) * 257
    rows = look.scenes.fit(deep)
    np.testing.assert_allclose(rows, look.scenes.fit(frame), atol=1e-5)
    plain = styling(stylizer, painting, Options(), SIZE).styles[0].embedding
    assert np.abs(rows - plain).max() > 1e-3
    drawn = look.scenes.look(rows).render(deep)
    assert drawn.dtype == np.uint16
    assert np.abs(drawn / 257.0 - look.scenes.look(rows).render(frame)).max() < 1


def test_of_several_styles_the_pictures_are_fitted_and_then_mixed(stylizer, painting):
    frame, other = scene(1)[0], data.coffee()[:200, :200]
    pairs = [(painting, 0.5), (other, 0.25), ("dance", 0.25)]
    rows = styling(stylizer, pairs, Options(adapt=1), SIZE).look(stylizer).scenes.fit(frame)
    alone = [
        styling(stylizer, one, Options(adapt=1), SIZE).look(stylizer).scenes.fit(frame) for one in (painting, other)
    ]
    mixed = 0.5 * alone[0] + 0.25 * alone[1] + 0.25 * stylizer.embed("dance").embedding
    np.testing.assert_allclose(rows, mixed, atol=1e-5)
    mask = np.zeros(SIZE, np.uint8)
    mask[:, 40:] = 255
    masked = styling(stylizer, [(painting, mask), (other, 255 - mask)], Options(adapt=1), SIZE).look(stylizer)
    np.testing.assert_allclose(masked.scenes.fit(frame), np.concatenate(alone), atol=1e-5)
    look = masked.scenes.look(masked.scenes.fit(frame))
    assert len(look.masks) == 2
    assert look.render(frame, *look.masks).shape == frame.shape


def test_where_nothing_is_fitted_adapt_is_refused(stylizer, painting):
    options = Options(adapt=2)
    with pytest.raises(OptionError, match="adapt is 2, and nothing that was asked for uses it"):
        styling(stylizer, "dance", options, SIZE)
    base = styling(stylizer, painting, options, SIZE)
    with pytest.raises(OptionError, match="adapt is 2, and with keyframes"):
        keyed(stylizer, [Keyframe(0.0, strength=0.5)], base, options, SIZE)
    with pytest.raises(OptionError, match="adapt is 2, and a camera has no time"):
        Painter(Manner(["dance"]), options)
