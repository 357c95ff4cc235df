"""Clips from file to file, with a renderer that changes nothing: what of a clip is kept, and what changes by name."""

import os
from fractions import Fraction

import numpy as np
import pytest

from clips import WHOLE, apart, change, make_clip, scene, see
from pasticcio.errors import ImageError, OptionError, OutputError
from pasticcio.video.convert import Made
from pasticcio.video.fast import SMALLER
from pasticcio.video.frames import Selection
from pasticcio.video.looks import Look, constant
from pasticcio.video.steady import Steadiness

av = pytest.importorskip("av")
pytest.importorskip("cv2")


@pytest.mark.parametrize(
    ("suffix", "codec", "name"),
    [
        (".mp4", None, "h264"),
        (".mkv", "h265", "hevc"),
        (".mp4", "av1", "libdav1d"),
        (".webm", None, "vp9"),
        (".mov", None, "h264"),
    ],
)
def test_every_codec_keeps_frames_and_their_times(tmp_path, suffix, codec, name):
    ticks = [0, 3, 4, 9, 10, 11, 20, 21]  # a variable rate
    source = make_clip(tmp_path / "in.mp4", scene(8), ticks, rate=50)
    counts = []
    outcome = change(
        source, tmp_path / f"out{suffix}", codec=codec, part=3, report=lambda done, total: counts.append(done)
    )
    seen = see(tmp_path / f"out{suffix}")
    assert (outcome.frames, outcome.notes, outcome.damage, seen.codec) == (8, (), "", name)
    assert seen.times == pytest.approx([tick / 50 for tick in ticks], abs=0 if suffix in (".mp4", ".mov") else 0.0005)
    assert seen.duration == pytest.approx(22 / 50, abs=0.001)
    for frame, original in zip(seen.frames, see(source).frames, strict=True):
        assert apart(frame, original) < 4
    assert counts == list(range(9))
    assert sorted(os.listdir(tmp_path)) == ["in.mp4", f"out{suffix}"]


def test_what_a_clip_has_besides_is_copied(tmp_path):
    source = make_clip(tmp_path / "in.mp4", scene(25), **WHOLE)
    outcome = change(source, tmp_path / "out.mp4", part=10)
    before, after = see(source), see(tmp_path / "out.mp4")
    assert outcome.notes == ()
    assert len(before.packets["audio"]) > 40
    assert after.packets == before.packets
    assert after.starts == before.starts
    assert after.chapters == before.chapters == [(0, 0.4, "One"), (0.4, 1.4, "Two")]
    assert [after.metadata[name] for name in ("title", "artist")] == ["A cup", "me"]
    assert after.languages["audio"] == "deu"
    assert after.times == before.times


def test_sound_and_subtitles_of_matroska_stay_in_matroska(tmp_path):
    source = make_clip(tmp_path / "in.mkv", scene(25), **{**WHOLE, "sound": "libmp3lame"})
    assert change(source, tmp_path / "out.mkv").notes == ()
    before, after = see(source), see(tmp_path / "out.mkv")
    assert after.packets == before.packets
    assert after.starts == before.starts
    assert set(after.packets) == {"audio", "subtitle"}


def test_what_a_container_does_not_hold_is_named(tmp_path):
    source = make_clip(tmp_path / "in.mkv", scene(3), **WHOLE)
    assert change(source, tmp_path / "out.webm").notes == (
        "its sound (aac) cannot go along: .webm does not take that",
        "its subtitles (srt) cannot go along: .webm does not take that",
    )
    assert see(tmp_path / "out.webm").packets == {}
    assert change(source, tmp_path / "out.gif").notes == ("its sound and other streams are left out: .gif holds none",)
    change(source, tmp_path / "still.mkv", sound=False)
    assert set(see(tmp_path / "still.mkv").packets) == {"subtitle"}


def test_a_selection_takes_the_sound_along(tmp_path):
    source = make_clip(tmp_path / "in.mp4", scene(50), **WHOLE)
    out = tmp_path / "out.mp4"
    outcome = change(source, out, selection=Selection(start=0.4, end=1.2, every=3, size=32))
    seen, whole = see(out), see(source)
    assert seen.times == pytest.approx([0.0, 0.12, 0.24, 0.36, 0.48, 0.6, 0.72])
    assert outcome.size == seen.frames[0].shape[:2] == (24, 32)
    expected = [data for data, at in zip(whole.packets["audio"], whole.starts["audio"], strict=True) if 0.4 <= at < 1.2]
    assert seen.packets["audio"] == expected
    assert seen.starts["audio"][0] == pytest.approx(
        next(at for at in whole.starts["audio"] if at >= 0.4) - 0.4, abs=1e-4
    )
    assert seen.chapters == [(0, pytest.approx(0.8), "Two")]
    assert seen.duration == pytest.approx(0.8, abs=0.03)
    with pytest.raises(ImageError, match="no frames from 9 seconds on"):
        change(source, out, selection=Selection(start=9))


def test_a_start_beyond_a_key_frame_is_found(tmp_path):
    source = make_clip(tmp_path / "in.mp4", scene(100, step=1), rate=25, options={"g": "20"})
    change(source, tmp_path / "out.mp4", selection=Selection(start=3.0))
    seen = see(tmp_path / "out.mp4")
    assert len(seen.times) == 25
    assert apart(seen.frames[0], see(source).frames[75]) < 3


@pytest.mark.parametrize(
    ("suffix", "codec", "size", "changed"),
    [
        (".mp4", None, (21, 33), (22, 34)),
        (".webm", None, (21, 33), None),
        (".mp4", "av1", (21, 33), None),
        (".mp4", None, (2, 2), None),
    ],
)
def test_odd_sizes(tmp_path, suffix, codec, size, changed):
    frames = scene(3, size)
    source = make_clip(tmp_path / "in.mkv", frames, codec="ffv1", form="bgr0")
    outcome = change(source, tmp_path / f"out{suffix}", codec=codec)
    seen = see(tmp_path / f"out{suffix}")
    assert seen.frames[0].shape[:2] == (changed or size)
    assert apart(seen.frames[1][: size[0], : size[1]], frames[1]) < 8
    wanted = ("its 33 x 21 become 34 x 22: H.264 asks for even sides",) if changed else ()
    assert outcome.notes == wanted


def test_a_size_that_a_codec_does_not_hold_is_refused(tmp_path):
    source = make_clip(tmp_path / "in.mkv", scene(1, (2, 2)), codec="ffv1", form="bgr0")
    with pytest.raises(OutputError, match="AV1 does not hold frames of 2 x 2"):
        change(source, tmp_path / "out.mp4", codec="av1")
    assert os.listdir(tmp_path) == ["in.mkv"]


def test_one_frame(tmp_path):
    source = make_clip(tmp_path / "in.mp4", scene(1))
    assert change(source, tmp_path / "out.mp4").frames == 1
    assert len(see(tmp_path / "out.mp4").frames) == 1


def test_a_turned_clip_is_turned_back(tmp_path):
    frames = scene(2)
    source = make_clip(tmp_path / "in.mp4", frames, rotation=90)
    outcome = change(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as file:
        (first, _) = file.decode(video=0)
        assert (first.rotation, outcome.size) == (0, (64, 48))
        turned = first.to_ndarray(format="rgb24")
    with av.open(str(source)) as file:
        wanted = next(file.decode(video=0))
    assert apart(turned, np.rot90(wanted.to_ndarray(format="rgb24"), wanted.rotation // 90)) < 3


@pytest.mark.parametrize("matrix", [1, 5])
@pytest.mark.parametrize("full", [False, True])
def test_known_colors_come_back_by_either_matrix_and_range(tmp_path, matrix, full):
    colors = np.array([[[220, 30, 40], [30, 200, 60]], [[20, 60, 230], [240, 240, 240]]], np.uint8)
    frame = colors.repeat(24, 0).repeat(32, 1)
    source = make_clip(tmp_path / "in.mp4", [frame], form="yuvj420p" if full else "yuv420p", colors=(matrix, full))
    got = []

    def make(size):
        return Made(constant(Look(lambda frame: got.append(frame) or frame)))

    change(source, tmp_path / "out.mp4", make, quality=95)
    seen = see(tmp_path / "out.mp4")
    assert np.abs(got[0][12::24, 16::32].astype(int) - colors).max() <= 3
    assert np.abs(seen.frames[0][12::24, 16::32].astype(int) - colors).max() <= 4
    assert seen.colors[1] == (2 if full else 1)
    assert (seen.colors[0] == 1) == (matrix == 1)


def test_a_clip_that_does_not_name_its_colors_has_those_of_its_size(tmp_path):
    frame, got = np.full((640, 64, 3), (200, 40, 40), np.uint8), []

    def make(size):
        return Made(constant(Look(lambda frame: got.append(frame) or frame)))

    for height, matrix in ((48, 5), (640, 1)):
        yuv = av.VideoFrame.from_ndarray(frame[:height], format="rgb24").reformat(
            format="yuv444p", dst_colorspace=matrix, src_color_range=2, dst_color_range=1
        )
        with av.open(str(tmp_path / "in.y4m"), "w") as file:  # which does not name them
            stream = file.add_stream("wrapped_avframe", rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, height, "yuv444p"
            file.mux(stream.encode(yuv))
            file.mux(stream.encode(None))
        change(tmp_path / "in.y4m", tmp_path / "out.mp4", make)
        assert np.abs(got[-1][20, 20].astype(int) - (200, 40, 40)).max() <= 3


def ramp(count):
    """Frames of uint16 over which a smooth ramp goes from dark to bright."""
    columns = np.linspace(6_000, 60_000, 640)
    return [np.tile(columns + 500 * i, (48, 1))[..., None].repeat(3, 2).astype(np.uint16) for i in range(count)]


def luma(path):
    """The pixel format, and the luma of all frames as uint16, (frames, H, W), of 8 bits by 4."""
    with av.open(str(path)) as file:
        frames = list(file.decode(video=0))
    arrays = np.stack([frame.to_ndarray()[: frame.height] for frame in frames])
    return frames[0].format.name, arrays.astype(float) * (4 if arrays.dtype == np.uint8 else 1)


def negative(size):
    def render(frame):
        assert frame.dtype in (np.uint8, np.uint16)
        return np.iinfo(frame.dtype).max - frame // 2

    return Made(constant(Look(render)))


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "h264"), (".mp4", "h265"), (".mkv", "av1")])
def test_ten_bits_are_kept_and_show_no_steps(tmp_path, suffix, codec):
    source = make_clip(tmp_path / "in.mkv", ramp(3), codec="libx265", form="yuv420p10le")
    options = {"codec": codec, "quality": 90, "steadiness": Steadiness(smaller=SMALLER)}
    deep = change(source, tmp_path / f"deep{suffix}", negative, **options)
    flat = change(source, tmp_path / f"flat{suffix}", negative, bits=8, **options)
    assert flat.notes == ("its 10 bits a color become 8",)
    assert ("which many players do not show" in str(deep.notes)) == (codec == "h264")
    (form, levels), (flat_form, eight) = luma(tmp_path / f"deep{suffix}"), luma(tmp_path / f"flat{suffix}")
    assert (form, flat_form) == ("yuv420p10le", "yuv420p")
    assert len(np.unique(levels)) > 256 > len(np.unique(eight))
    assert np.abs(levels - eight).mean() < 4
    assert abs(levels.mean() - eight.mean()) < 1
    with pytest.raises(OptionError, match="bits is 9; it must be 8 or 10"):
        change(source, tmp_path / "out.mp4", bits=9)


@pytest.mark.parametrize("alpha", [False, True])
def test_ten_bits_become_eight_by_name_where_the_output_holds_no_more(tmp_path, alpha):
    frames = [np.dstack([frame, np.full((48, 64), 128, np.uint8)]) if alpha else frame for frame in scene(2)]
    form = {"codec": "ffv1", "form": "yuva444p10le"} if alpha else {"form": "yuv420p10le"}
    source = make_clip(tmp_path / "in.mkv", frames, **form)
    out = tmp_path / ("out.webm" if alpha else "out.gif")
    assert "its 10 bits a color become 8" in change(source, out).notes
    if alpha:  # over white, with 10 bits
        outcome = change(source, tmp_path / "out.mp4", codec="h265")
        assert [note[:8] for note in outcome.notes] == ["its alph"]
        assert luma(tmp_path / "out.mp4")[0] == "yuv420p10le"


def test_interlaced_frames_are_deinterlaced_by_name(tmp_path):
    frames = scene(6, step=4)
    for frame, later in zip(frames, scene(6, step=6), strict=True):
        frame[1::2] = later[1::2]
    source = make_clip(tmp_path / "in.mkv", frames, options={"flags": "+ilme+ildct", "x264-params": "tff=1"})
    outcome = change(source, tmp_path / "out.mp4")
    assert outcome.notes == ("it is interlaced, and is deinterlaced",)
    seen = see(tmp_path / "out.mp4")
    assert seen.times == pytest.approx([i / 25 for i in range(6)])

    def comb(frame):
        return np.abs(np.diff(frame.astype(float), axis=0)).mean()

    assert comb(seen.frames[4]) < 0.8 * comb(see(source).frames[4])


def test_alpha_of_vp9_goes_to_the_renderer_unseen_and_comes_back(tmp_path):
    frames = [np.dstack([frame, np.tile(np.linspace(0, 255, 64), (48, 1)).astype(np.uint8)]) for frame in scene(4)]
    source = make_clip(
        tmp_path / "in.webm", frames, codec="libvpx-vp9", form="yuva420p", options={"crf": "10", "b": "0"}
    )
    outcome = change(source, tmp_path / "out.webm", part=3)
    assert outcome.notes == ()
    alphas = alpha_of(tmp_path / "out.webm")
    assert len(alphas) == 4
    assert apart(alphas[3], frames[3][..., 3]) < 6
    outcome = change(source, tmp_path / "out.mp4")
    assert "alpha is left out, over white" in outcome.notes[0]
    assert see(tmp_path / "out.mp4").frames[0][:, 0].mean() > 245


def alpha_of(path):
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        assert stream.metadata.get("alpha_mode", stream.metadata.get("ALPHA_MODE")) == "1"
        decoder = av.CodecContext.create("libvpx-vp9", "r")
        frames = [frame for packet in file.demux(stream) for frame in decoder.decode(packet if packet.size else None)]
    return [frame.to_ndarray(format="rgba")[..., 3] for frame in frames]


def test_no_ghost_of_one_scene_after_a_cut(tmp_path):
    from skimage import data

    other = np.ascontiguousarray(data.astronaut()[200:248, 200:264])
    source = make_clip(tmp_path / "in.mkv", [*scene(4), *[other] * 3], codec="ffv1", form="bgr0")
    change(source, tmp_path / "out.mp4", quality=95, steadiness=Steadiness())
    change(
        make_clip(tmp_path / "late.mkv", [other] * 3, codec="ffv1", form="bgr0"),
        tmp_path / "late.mp4",
        quality=95,
        steadiness=Steadiness(),
    )
    assert apart(see(tmp_path / "out.mp4").frames[4], see(tmp_path / "late.mp4").frames[0]) < 2


def test_the_aspect_of_pixels_stays(tmp_path):
    source = make_clip(tmp_path / "in.mp4", scene(1), aspect=Fraction(4, 3))
    change(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as file:
        ratio = file.streams.video[0].sample_aspect_ratio
        assert (ratio.numerator, ratio.denominator) == (4, 3)


def test_attachments_go_along_and_cover_pictures_are_named(tmp_path):
    source = tmp_path / "in.mkv"
    make_clip(source, scene(2), attachment=b"a font")
    assert change(source, tmp_path / "out.mkv").notes == ()
    with av.open(str(tmp_path / "out.mkv")) as file:
        (attachment,) = file.streams.attachments
        assert (attachment.name, bytes(attachment.data)) == ("font.ttf", b"a font")
    assert change(source, tmp_path / "out.mp4").notes == ("its attachment cannot go along: .mp4 does not take that",)


@pytest.mark.parametrize("start", [0.5, 1.4])
def test_a_subtitle_that_is_shown_at_the_start_begins_there(tmp_path, start):
    source = make_clip(tmp_path / "in.mkv", scene(50), subtitles=[(start - 0.3, "gone"), (start - 0.1, "Hello")])
    change(source, tmp_path / "out.mkv", selection=Selection(start=start))
    seen = see(tmp_path / "out.mkv")
    assert (seen.packets["subtitle"], seen.starts["subtitle"]) == ([b"Hello"], [0])
    with av.open(str(tmp_path / "out.mkv")) as file:
        (packet,) = (packet for packet in file.demux(subtitles=0) if packet.size)
        assert packet.duration == pytest.approx(100, abs=1)


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "h264"), (".mp4", "h265"), (".mp4", "av1"), (".webm", "vp9")])
def test_the_best_quality_is_the_best(tmp_path, suffix, codec):
    source = make_clip(tmp_path / "in.mp4", scene(4))
    off = []
    for quality in (65, 100):
        change(source, out := tmp_path / f"{quality}{suffix}", codec=codec, quality=quality)
        off.append(np.mean([apart(*pair) for pair in zip(see(out).frames, see(source).frames, strict=True)]))
    assert off[1] < off[0]
