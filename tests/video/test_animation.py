"""GIF, animated WebP and APNG, both ways."""

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from clips import make_clip, scene, see
from pasticcio.errors import ImageError, OutputError
from pasticcio.video.animation import Animation, is_animation, milliseconds, write_animation
from pasticcio.video.convert import Made, Request, convert
from pasticcio.video.frames import Selection
from pasticcio.video.looks import Look, constant
from pasticcio.video.steady import Steadiness

pytest.importorskip("av")
pytest.importorskip("cv2")
KINDS = [".gif", ".webp", ".png"]
DURATIONS = [40, 100, 250, 70]


def same(size):
    return Made(constant(Look(lambda frame, *masks: frame)))


def change(source, out, **request):
    return convert(Request(source, out, **{"steadiness": Steadiness(anchor=False, carry=0), **request}), same)


def pictures(count=4, alpha=False):
    frames = scene(count, step=6)
    if not alpha:
        return [Image.fromarray(frame) for frame in frames]
    clear = np.full((48, 64), 255, np.uint8)
    clear[:, :20] = 0
    return [Image.fromarray(np.dstack([frame, clear])) for frame in frames]


def animate(path, alpha=False, durations=DURATIONS, **options):
    first, *others = pictures(len(durations), alpha)
    extra = {"lossless": True} if path.suffix == ".webp" else {"disposal": 2} if path.suffix == ".gif" else {}
    first.save(path, save_all=True, append_images=others, duration=durations, **{**extra, **options})
    return path


def shown(path):
    """Durations in milliseconds and pixels, (H, W, 4)."""
    found = []
    with Image.open(path) as image:
        for number in range(image.n_frames):
            image.seek(number)
            image.load()
            found.append((image.info["duration"], np.asarray(image.convert("RGBA"))))
    return found


@pytest.mark.parametrize("into", KINDS)
@pytest.mark.parametrize("of", KINDS)
def test_each_becomes_each_with_durations_and_alpha(tmp_path, of, into):
    source = animate(tmp_path / f"in{of}", alpha=True, loop=0)
    outcome = change(source, tmp_path / f"out{into}", part=3)
    before, after = shown(source), shown(tmp_path / f"out{into}")
    assert [duration for duration, _ in after] == DURATIONS
    for (_, one), (_, other) in zip(before, after, strict=True):
        np.testing.assert_array_equal(one[..., 3], other[..., 3])
        assert np.abs(one[:, 20:, :3].astype(int) - other[:, 20:, :3]).mean() < 8
    assert outcome.notes == (("its alpha is cut to all or nothing: GIF holds no more",) if into == ".gif" else ())


@pytest.mark.parametrize(
    ("of", "loop", "plays"), [(".gif", None, 1), (".gif", 0, 0), (".gif", 2, 3), (".webp", 3, 3), (".png", 2, 2)]
)
def test_it_is_played_as_often(tmp_path, of, loop, plays):
    source = animate(tmp_path / f"in{of}", **({} if loop is None else {"loop": loop}))
    for into in KINDS:
        change(source, tmp_path / f"out{into}")
        again = Animation(tmp_path / f"out{into}")
        assert again.facts.plays == plays
        again.close()


def test_to_a_clip_and_from_a_clip(tmp_path):
    source = animate(tmp_path / "in.gif", alpha=True)
    outcome = change(source, tmp_path / "out.mp4")
    seen = see(tmp_path / "out.mp4")
    assert seen.times == pytest.approx([0, 0.04, 0.14, 0.39])
    assert seen.duration == pytest.approx(0.46, abs=0.001)
    assert outcome.notes[0].startswith("its alpha is left out, over white")
    assert seen.frames[0][:, :16].min() > 235
    clip = make_clip(tmp_path / "in.mp4", scene(4), [0, 2, 3, 9], rate=50)
    for into in KINDS:
        change(clip, tmp_path / f"out{into}")
        assert [duration for duration, _ in shown(tmp_path / f"out{into}")] == [40, 20, 120, 20]
    fast = make_clip(tmp_path / "fast.mp4", scene(4), rate=100)
    assert "less than 20 ms" in change(fast, tmp_path / "out.gif").notes[0]


def test_a_picture_of_one_frame(tmp_path):
    pictures(1)[0].save(tmp_path / "in.png")
    assert change(tmp_path / "in.png", tmp_path / "out.gif").frames == 1


def test_a_selection(tmp_path):
    source = animate(tmp_path / "in.png", durations=[100] * 6, loop=0)
    outcome = change(source, tmp_path / "out.png", selection=Selection(start=0.1, end=0.5, every=3, size=32))
    assert outcome.size == (24, 32)
    assert [duration for duration, _ in shown(tmp_path / "out.png")] == [300, 100]


def test_frames_without_a_duration_are_shown_as_browsers_do(tmp_path):
    source = animate(tmp_path / "in.gif", durations=[0, 50])
    change(source, tmp_path / "out.png")
    assert [duration for duration, _ in shown(tmp_path / "out.png")] == [100, 50]


def test_rounding_of_durations_does_not_add_up():
    times = [Fraction(i, 30) for i in range(31)]
    assert sum(milliseconds(times, "GIF")) == 1000
    assert set(milliseconds(times, "GIF")) == {30, 40}
    assert sum(milliseconds(times, "WEBP")) == 1000


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_ends_too_early(tmp_path, kind):
    source = animate(tmp_path / f"in{kind}", durations=[50] * 8)
    data = source.read_bytes()
    source.write_bytes(data[: len(data) * 2 // 3])
    if kind == ".webp":  # of which nothing is decoded then
        with pytest.raises(ImageError, match=r"in\.webp"):
            change(source, tmp_path / "out.gif")
        return
    outcome = change(source, tmp_path / "out.gif")
    assert 2 <= outcome.frames < 8
    assert "ends early or is damaged" in outcome.damage


def test_what_is_an_animation_is_seen_by_its_content(tmp_path):
    animate(tmp_path / "a.gif")
    (tmp_path / "a.gif").rename(tmp_path / "a.mp4")
    (tmp_path / "sound.webp").write_bytes(b"RIFF\0\0\0\0WAVE")
    assert [is_animation(tmp_path / name) for name in ("a.mp4", "sound.webp", "no.gif")] == [True, False, False]


def test_damaged_and_endless_sizes_are_refused(tmp_path):
    data = animate(tmp_path / "a.gif").read_bytes()
    (tmp_path / "huge.gif").write_bytes(data[:6] + b"\xff\xff\xff\xff" + data[10:])
    (tmp_path / "cut.gif").write_bytes(data[:30])
    for name in ("huge.gif", "cut.gif"):
        with pytest.raises(ImageError, match=name):
            change(tmp_path / name, tmp_path / "out.gif")
    at = data.index(b"!\xf9\x04", data.index(b"!\xf9\x04") + 3)
    (tmp_path / "odd.gif").write_bytes(data[: at + 3])  # the second frame ends within its own header
    assert "ends early or is damaged after 1 frames" in change(tmp_path / "odd.gif", tmp_path / "out.gif").damage


def test_the_picture_for_viewers_that_do_not_know_apng_is_no_frame(tmp_path):
    first, *others = pictures(4)
    first.save(tmp_path / "in.png", save_all=True, append_images=others, default_image=True, duration=[50, 60, 70])
    animation = Animation(tmp_path / "in.png")
    assert [shown.ticks for shown in animation.frames()] == [0, 50_000, 110_000]
    np.testing.assert_array_equal(next(animation.frames()).pixels, np.asarray(others[0]))
    animation.close()


@pytest.mark.parametrize("kind", [".gif", ".png", ".webp"])
def test_more_than_a_format_holds_is_one_error_or_its_most(tmp_path, kind):
    path, frames = tmp_path / f"out{kind}", [np.full((16, 16, 3), 90 * number, np.uint8) for number in range(2)]
    long = Fraction(20_000_001, 1000)
    with pytest.raises(OutputError, match=r"longer than the format holds, .*; write"):
        write_animation(path, iter(frames), [Fraction(0), long, long + 1], 0)
    write_animation(path, iter(frames), [Fraction(0), Fraction(1), Fraction(2)], 100_000)
    animation = Animation(path)
    assert animation.facts.plays in (65_535, 65_536)
    animation.close()


def test_a_picture_that_cannot_be_decoded_is_closed(tmp_path, monkeypatch):
    data = bytearray(animate(tmp_path / "in.png").read_bytes())
    place = data.index(b"IDAT") + 4
    data[place : place + 8] = bytes(8)
    (tmp_path / "in.png").write_bytes(data)
    closed, close = [], Animation.close
    monkeypatch.setattr(Animation, "close", lambda self: closed.append(close(self)))
    with pytest.raises(ImageError, match="cannot read"):
        Animation(tmp_path / "in.png")
    assert closed == [None]
