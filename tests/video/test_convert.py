"""Clips from file to file: with a renderer that changes nothing, for what is kept; with others for what changes."""

import os
import signal
import subprocess
import sys
import threading
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from clips import make_clip, scene, see
from conftest import ROOT
from pasticcio.errors import ImageError, OptionError, OutputError
from pasticcio.files import PREFIX
from pasticcio.video.convert import Made, Request, convert
from pasticcio.video.frames import Selection
from pasticcio.video.looks import Look, constant
from pasticcio.video.parts import folder_of
from pasticcio.video.steady import Steadiness

av = pytest.importorskip("av")
pytest.importorskip("cv2")
ALONE = Steadiness(anchor=False, carry=0)
WHOLE = {  # of a clip with all that one may have
    "sound": "aac", "subtitles": [(0.1, "Hello"), (0.5, "again")], "chapters": [(0, "One"), (0.4, "Two")],
    "metadata": {"title": "A cup", "artist": "me"},
}  # fmt: skip


def same(size):
    return Made(constant(Look(lambda frame, *masks: frame)))


def change(source, out, make=same, report=lambda done, total: None, **request):
    return convert(Request(source, Path(out), **{"steadiness": ALONE, **request}), make, report)


def apart(one, other):
    return np.abs(np.asarray(one, float) - np.asarray(other, float)).mean()


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


def test_ten_bits_become_eight_by_name(tmp_path):
    source = make_clip(tmp_path / "in.mkv", scene(2), form="yuv420p10le")
    assert change(source, tmp_path / "out.mp4").notes == ("its 10 bits a color become 8",)
    assert see(tmp_path / "out.mp4").form == "yuv420p"


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


@pytest.mark.parametrize(("suffix", "keep"), [(".mkv", 0.6), (".mp4", 0.6), (".webm", 0.5)])
def test_a_clip_that_ends_too_early_gives_the_frames_that_it_has(tmp_path, suffix, keep):
    codec = {"codec": "libvpx-vp9"} if suffix == ".webm" else {}
    extra = {"container": {"movflags": "faststart"}} if suffix == ".mp4" else {}
    noise = np.random.default_rng(0).integers(0, 256, (40, 48, 64, 3), dtype=np.uint8)
    source = make_clip(tmp_path / f"in{suffix}", list(noise), **codec, **extra)
    source.write_bytes(source.read_bytes()[: int(source.stat().st_size * keep)])
    outcome = change(source, tmp_path / "out.mp4")
    assert 10 < outcome.frames < 36
    assert "ends early" in outcome.damage or "damaged" in outcome.damage
    assert len(see(tmp_path / "out.mp4").frames) == outcome.frames


def test_a_clip_that_does_not_end_too_early_is_not_called_so(tmp_path):
    for suffix in (".mp4", ".mkv", ".mov", ".avi", ".ts"):
        source = make_clip(tmp_path / f"in{suffix}", scene(12), **({} if suffix == ".ts" else {"sound": "libmp3lame"}))
        assert change(source, tmp_path / "out.mp4").damage == ""


def test_a_clip_without_frames_or_of_text_is_refused_and_nothing_is_left(tmp_path):
    make_clip(tmp_path / "none.mkv", [])
    (tmp_path / "text.mp4").write_text("no clip")
    (tmp_path / "text.gif").write_bytes(b"GIF89a")
    before = sorted(os.listdir(tmp_path))
    for name in ("none.mkv", "text.mp4", "text.gif", "no.mp4"):
        with pytest.raises(ImageError):
            change(tmp_path / name, tmp_path / "out.mp4")
    assert sorted(os.listdir(tmp_path)) == before


def test_outputs_that_cannot_be_are_refused_before_anything_is_read(tmp_path):
    source = make_clip(tmp_path / "in.mp4", scene(1))
    (tmp_path / "folder.mp4").mkdir()
    for out, message in (
        ("out.xyz", "suffix '.xyz' is not one of"),
        ("no/out.mp4", "there is no folder"),
        ("folder.mp4", "it is a folder"),
        ("in.mp4", "it is read for the output"),
    ):
        with pytest.raises(OutputError, match=message):
            change(source, tmp_path / out)
    for options, out, message in (
        ({"codec": "h266"}, "out.mp4", "did you mean h26"),
        ({"codec": "h264"}, "out.webm", ".webm holds vp9, av1"),
        ({"codec": "h264"}, "out.gif", "which has none"),
        ({"quality": 50}, "out.gif", "no losses to choose"),
        ({"quality": 101}, "out.mp4", "from 1 to 100"),
    ):
        with pytest.raises(OptionError, match=message):
            change(source, tmp_path / out, **options)
    assert sorted(os.listdir(tmp_path)) == ["folder.mp4", "in.mp4"]


def test_no_permission(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    source = make_clip(tmp_path / "in.mp4", scene(1))
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(OutputError, match="no permission"):
        change(source, tmp_path / "closed" / "out.mp4")


def test_a_full_disk_is_one_error_and_the_next_run_goes_on(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "none", place], capture_output=True).returncode:
        pytest.skip("needs the right to mount a disk")
    try:
        noise = np.random.default_rng(0).integers(0, 256, (40, 48, 64, 3), dtype=np.uint8)
        source = make_clip(tmp_path / "in.mkv", list(noise), codec="ffv1", form="bgr0")
        with pytest.raises(OutputError, match=r"cannot write .*: No space left on device"):
            change(source, place / "out.mp4", part=4, quality=90)
        assert not (place / "out.mp4").exists()
        assert not [name for _, _, names in os.walk(place) for name in names if name.startswith(PREFIX)]
        subprocess.run(["mount", "-o", "remount,size=4m", place], check=True)
        drawn = []

        def make(size):
            return Made(constant(Look(lambda frame: drawn.append(0) or frame)))

        assert change(source, place / "out.mp4", make, part=4, quality=90, resume=True).frames == 40
        assert 0 < len(drawn) < 40
        assert os.listdir(place) == ["out.mp4"]
    finally:
        subprocess.run(["umount", "-l", place], check=True)


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


SLOW = """
import sys, time
from pathlib import Path
from pasticcio.video.convert import Made, Request, convert
from pasticcio.video.looks import Look, constant

def draw(frame):
    time.sleep(float(sys.argv[3]))
    return 255 - frame // 2

request = Request(Path(sys.argv[1]), Path(sys.argv[2]), part=4, resume="resume" in sys.argv)
convert(request, lambda size: Made(constant(Look(draw)), {"look": "slow"}))
"""


def slow(*arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.Popen([sys.executable, "-c", SLOW, *map(str, arguments)], env=environment)


def test_a_killed_run_goes_on_as_if_it_had_not_been(tmp_path):
    source = make_clip(tmp_path / "in.mp4", scene(18), **WHOLE)
    assert slow(source, tmp_path / "whole.mp4", 0).wait() == 0
    out = tmp_path / "out.mp4"
    killed = slow(source, out, 0.1)
    listed = folder_of(out) / "00001.mkv"
    ends = time.monotonic() + 60
    while not listed.exists() and killed.poll() is None and time.monotonic() < ends:
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not out.exists()
    with pytest.raises(OptionError, match=r"look changed; leave --resume out"):
        convert(Request(source, out, part=4, resume=True), same)
    assert slow(source, out, 0, "resume").wait() == 0
    whole, resumed = see(tmp_path / "whole.mp4"), see(out)
    np.testing.assert_array_equal(resumed.frames, whole.frames)
    assert (resumed.times, resumed.packets) == (whole.times, whole.packets)
    assert not folder_of(out).exists()


class StopError(Exception):
    """What stops a run in a test."""


def stopped(source, out, after, **request):
    """Run until so many frames are done, and stop."""

    def report(done, total):
        if done >= after:
            raise StopError

    with pytest.raises(StopError):
        change(source, out, report=report, part=4, **request)


def test_a_part_of_which_a_byte_changed_is_made_anew(tmp_path):
    source, out = make_clip(tmp_path / "in.mp4", scene(12)), tmp_path / "out.mp4"
    stopped(source, out, 10)
    part = folder_of(out) / "00000.mkv"
    data = bytearray(part.read_bytes())
    data[-20] ^= 1
    part.write_bytes(data)
    counts = []
    change(source, out, report=lambda done, total: counts.append(done), part=4, resume=True)
    assert counts[0] == 0
    stopped(source, out, 10)
    counts.clear()
    change(source, out, report=lambda done, total: counts.append(done), part=4, resume=True)
    assert counts[0] == 8
    stopped(source, out, 10)
    counts.clear()
    change(source, out, report=lambda done, total: counts.append(done), part=4)
    assert counts[0] == 0


def test_a_run_that_stops_before_its_first_part_leaves_nothing(tmp_path):
    source, out = make_clip(tmp_path / "in.mp4", scene(6)), tmp_path / "out.mp4"
    stopped(source, out, 2)
    assert os.listdir(tmp_path) == ["in.mp4"]


def test_two_runs_do_not_write_one_output(tmp_path):
    source, out = make_clip(tmp_path / "in.mp4", scene(2)), tmp_path / "out.mp4"

    def report(done, total):
        if done == 1:
            with pytest.raises(OutputError, match="another process is writing it"):
                change(source, out)

    change(source, out, report=report)
    assert len(see(out).frames) == 2


def test_the_aspect_of_pixels_stays(tmp_path):
    source = make_clip(tmp_path / "in.mp4", scene(1), aspect=Fraction(4, 3))
    change(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as file:
        ratio = file.streams.video[0].sample_aspect_ratio
        assert (ratio.numerator, ratio.denominator) == (4, 3)


def test_where_writing_fails_no_thread_goes_on_with_the_clip(tmp_path, monkeypatch):
    def full(*given):
        raise OSError(28, "No space left on device")

    source = make_clip(tmp_path / "in.mp4", scene(12))
    monkeypatch.setattr("pasticcio.video.convert.PartWriter.add", full)
    before = set(threading.enumerate())
    with pytest.raises(OutputError, match="No space left on device") as caught:
        change(source, tmp_path / "out.mp4")
    assert set(threading.enumerate()) <= before
    assert caught.value.__cause__  # which holds the run's objects until here


def test_attachments_go_along_and_cover_pictures_are_named(tmp_path):
    source = tmp_path / "in.mkv"
    make_clip(source, scene(2), attachment=b"a font")
    assert change(source, tmp_path / "out.mkv").notes == ()
    with av.open(str(tmp_path / "out.mkv")) as file:
        (attachment,) = file.streams.attachments
        assert (attachment.name, bytes(attachment.data)) == ("font.ttf", b"a font")
    assert change(source, tmp_path / "out.mp4").notes == ("its attachment cannot go along: .mp4 does not take that",)


def test_a_name_that_looks_like_an_address_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_clip(tmp_path / "in.mp4", scene(2)).rename(tmp_path / "http:in.mp4")
    assert change(Path("http:in.mp4"), tmp_path / "out.mp4").frames == 2
    with pytest.raises(ImageError, match="no such file"):
        change("http://127.0.0.1:9/in.mp4", tmp_path / "out.mp4")
    with pytest.raises(ImageError, match="cannot read"):
        change(tmp_path, tmp_path / "out.mp4")


def test_a_video_that_begins_after_its_sound_is_not_called_too_short(tmp_path):
    source = make_clip(tmp_path / "in.mkv", scene(25), range(250, 275), sound="libmp3lame")
    reports = []
    outcome = change(source, tmp_path / "out.mkv", report=lambda *counts: reports.append(counts))
    assert (outcome.frames, outcome.damage, reports[-1]) == (25, "", (25, 25))
    assert see(tmp_path / "out.mkv").times[0] == 10


def test_a_tag_of_the_duration_that_says_nothing_is_passed_over(tmp_path):
    source = make_clip(tmp_path / "in.mkv", scene(25), range(250, 275), sound="libmp3lame")
    source.write_bytes(source.read_bytes().replace(b"00:00:", b"oo:oo:"))
    assert change(source, tmp_path / "out.mkv").frames == 25


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_titles_in_another_encoding_are_no_error(tmp_path, suffix):
    source = make_clip(tmp_path / f"in{suffix}", scene(3), chapters=[(0, "Caxxx")], metadata={"title": "Tazzz"})
    data = source.read_bytes()
    assert b"Caxxx" in data
    assert b"Tazzz" in data
    source.write_bytes(data.replace(b"Caxxx", b"Caf\xe9x").replace(b"Tazzz", b"T\xe9zzz"))
    assert change(source, tmp_path / f"out{suffix}").frames == 3


@pytest.mark.parametrize("end", [1.5, None])
def test_times_without_frames_are_named(tmp_path, end):
    source = make_clip(tmp_path / "in.mp4", scene(2), [0, 50])
    span = "from 1.2 to 1.5 seconds; give another start or end" if end else "from 7 seconds on; give a lower start"
    with pytest.raises(ImageError, match=f"in.mp4 has no frames {span}"):
        change(source, tmp_path / "out.mp4", selection=Selection(start=1.2 if end else 7, end=end))


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
