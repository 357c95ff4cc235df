"""Clips from file to file: how a run ends that cannot do all, and how one goes on that was stopped."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from clips import WHOLE, change, make_clip, same, scene, see
from conftest import ROOT
from pasticcio.errors import ImageError, OptionError, OutputError
from pasticcio.files import PREFIX
from pasticcio.video.convert import Made, Request, convert
from pasticcio.video.frames import Selection
from pasticcio.video.looks import Look, Scenes, constant
from pasticcio.video.parts import folder_of

av = pytest.importorskip("av")
pytest.importorskip("cv2")


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


def test_a_run_that_goes_on_in_the_middle_of_a_scene_keeps_what_was_fitted_to_it(tmp_path):
    source, fitted = make_clip(tmp_path / "in.mp4", scene(12)), []

    def make(size):
        def fit(frame):
            fitted.append(frame)
            return np.full((1, 2), 10.0 * len(fitted), np.float32)

        def look(rows):
            return Look(lambda frame: np.full_like(frame, round(float(rows[0, 0]))))

        return Made(constant(Look(lambda frame: frame, scenes=Scenes(fit, look))))

    stopped(source, tmp_path / "out.mp4", 10, make=make)
    change(source, tmp_path / "out.mp4", make, part=4, resume=True)
    assert len(fitted) == 1
    assert {round(float(frame.mean())) for frame in see(tmp_path / "out.mp4").frames} <= {9, 10, 11}


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
