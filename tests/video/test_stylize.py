import numpy as np
import pytest
from skimage import data

from pasticcio.errors import OptionError
from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer
from pasticcio.video.looks import Look, constant, styling
from pasticcio.video.steady import Steadiness, Steady
from pasticcio.video.stylize import draw, for_clips, grid_of, stylize_video, workers_of

pytest.importorskip("cv2")


@pytest.fixture(scope="module")
def stylizer():
    return Stylizer(threads=1)


def pan(count=4):
    photo = data.coffee()[100:, 150:]
    return [(0.04 * i, photo[:48, 3 * i : 3 * i + 64]) for i in range(count)]


def test_frames_come_out_in_order_with_their_times_and_styles_are_embedded_once(stylizer, monkeypatch):
    asked = []
    monkeypatch.setattr(
        stylizer, "embed", lambda *given, **named: asked.append(given) or Stylizer.embed(stylizer, *given, **named)
    )
    picture = data.astronaut()[:200, :200]
    found = list(stylize_video(pan(), picture, stylizer=stylizer))
    assert [time for time, _ in found] == [time for time, _ in pan()]
    assert all(pixels.shape == (48, 64, 3) and pixels.dtype == np.uint8 for _, pixels in found)
    assert len(asked) == 1
    assert list(stylize_video([], "dance")) == []


def test_the_look_may_change_with_time():
    def looks(time):
        return Look(lambda frame: np.full_like(frame, 200 if time > 0.05 else 100))

    found = list(stylize_video(pan(), looks, steadiness=Steadiness(anchor=False, carry=0)))
    assert [int(pixels.mean()) for _, pixels in found] == [100, 100, 200, 200]


def test_a_mask_is_fixed_to_the_screen_while_the_grid_follows_the_camera():
    mask = np.zeros((48, 64), np.uint8)
    mask[:, 40:] = 255
    look = Look(lambda frame, mask: np.repeat(mask[..., None], 3, 2), (mask,))
    for _, pixels in stylize_video(pan(), look, steadiness=Steadiness(carry=0)):
        np.testing.assert_array_equal(pixels[..., 0], mask)


def test_where_a_mask_is_black_the_frame_keeps_its_own_style(stylizer):
    frame = pan(1)
    mask = np.zeros((48, 64), np.uint8)
    mask[:, 40:] = 255
    ((_, whole),), ((_, own),) = (
        list(stylize_video(frame, "dance", Options(strength=strength), stylizer=stylizer)) for strength in (1.0, 0.0)
    )
    ((_, masked),) = stylize_video(frame, "dance", Options(mask=mask), stylizer=stylizer)
    assert (
        np.abs(masked[:, :20].astype(float) - own[:, :20]).mean()
        < np.abs(masked[:, :20].astype(float) - whole[:, :20]).mean()
    )


def test_a_random_style_stays_for_the_whole_clip(stylizer):
    size = (48, 64)
    one, two, other = (styling(stylizer, "random", Options(seed=seed), size).styles[0] for seed in (3, 3, 4))
    assert one == two != other
    frame = pan(1)[0][1]
    expected = stylizer.stylize(frame, "random", Options(seed=3, texture=0))
    np.testing.assert_array_equal(
        styling(stylizer, "random", Options(seed=3), size).look(stylizer).render(frame), expected
    )
    with pytest.raises(OptionError, match="seed is 3"):
        styling(stylizer, "dance", Options(seed=3), size)


def test_another_object_goes_on_from_a_state():
    def look(frame):
        return (255 - frame) // 8 * 8

    frames = pan(6)
    unbroken = list(draw(frames, constant(Look(look)), Steady()))
    later = Steady()
    later.go_on(unbroken[2].state, frames[2][1])
    for one, other in zip(draw(frames[3:], constant(Look(look)), later), unbroken[3:], strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)


def test_the_grid_grows_with_the_strokes():
    assert [grid_of(Options(stroke=stroke)) for stroke in (1.0, 2.5, 0.5)] == [8, 20, 4]


@pytest.mark.parametrize("workers", [1, 3])
def test_in_threads_frames_come_out_as_one_by_one(workers):
    def look(frame):
        return (255 - frame) // 8 * 8

    frames, steady = pan(7), Steady()
    expected = [steady(frame, look) for _, frame in frames]
    found = [drawn.pixels for drawn in draw(frames, constant(Look(look)), Steady(), workers)]
    np.testing.assert_array_equal(found, expected)


def test_a_frame_that_does_not_differ_is_not_rendered_again():
    rendered = []

    def look(frame):
        rendered.append(frame)
        return frame

    (_, one), *_, (_, other) = pan()
    frames = [(float(time), frame.copy()) for time, frame in enumerate([one, one, one, other, other, one])]
    found = [drawn.pixels for drawn in draw(frames, constant(Look(look)), Steady(Steadiness(carry=0)), 2)]
    assert len(rendered) == 3
    np.testing.assert_array_equal(found, [frame for _, frame in frames])
    rendered.clear()
    list(draw(frames, lambda time: Look(look), Steady(), 2))
    assert len(rendered) == 6  # each time may have a look of its own


def test_a_model_for_clips_renders_as_many_frames_at_once_as_there_are_cores(monkeypatch):
    for cores, expected in ((1, (1, 1)), (2, (1, 2)), (16, (4, 4))):
        for module in ("stylize", "pipeline"):
            monkeypatch.setattr(f"pasticcio.video.{module}.cores", lambda cores=cores: cores)
        stylizer = for_clips()
        assert (stylizer.threads, workers_of(stylizer)) == expected
        assert workers_of(Stylizer()) == 1


def test_frames_of_16_bits_are_rendered_finer_and_no_brighter(stylizer):
    ramp = np.linspace(10_000, 50_000, 96) + np.linspace(0, 9_000, 64)[:, None]
    ramp = ramp[..., None].repeat(3, 2).astype(np.uint16)
    frames = [(number / 25, np.roll(ramp, number, 0)) for number in range(2)]
    deep = [frame for _, frame in stylize_video(frames, "dance", stylizer=stylizer)]
    flat = stylize_video(
        [(time, (frame // 257).astype(np.uint8)) for time, frame in frames], "dance", stylizer=stylizer
    )
    for one, (_, other) in zip(deep, flat, strict=True):
        assert (one.dtype, other.dtype) == (np.uint16, np.uint8)
        assert len(np.unique(one)) > 1000
        assert abs(one.mean() / 257 - other.mean()) < 1


def test_the_last_outputs_stay_as_they_are_while_arrays_are_used_again():
    steady, rng = Steady(), np.random.default_rng(0)
    kept = []
    for _, frame in pan(6):
        output = steady(frame, lambda picture: rng.integers(0, 256, picture.shape, dtype=np.uint8))
        kept.append((output, output.copy(), steady.state.last, steady.state.last.copy()))
    for output, before, last, last_before in kept:
        np.testing.assert_array_equal(output, before)
        np.testing.assert_array_equal(last, last_before)
