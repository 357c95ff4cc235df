"""pasticcio video, on tiny clips with the shipped model."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image
from skimage import data

from clips import make_clip, scene, see
from pasticcio.files import PREFIX
from pasticcio.render.stylizer import Stylizer

av = pytest.importorskip("av")
pytest.importorskip("cv2")


@pytest.fixture
def clip(tmp_path):
    return make_clip(tmp_path / "in.mp4", scene(5), sound="aac")


def test_a_clip_is_rendered_with_its_sound(here, clip, tmp_path):
    assert here("video", clip, "-s", "dance", "-o", "out.mp4", "--no-anchor", "--carry", 0, "--quality", 95)[:2] == (
        0,
        "out.mp4\n",
    )
    seen, before = see(tmp_path / "out.mp4"), see(clip)
    assert (seen.packets, seen.times) == (before.packets, before.times)
    wanted = Stylizer("fast").stylize(before.frames[0], "dance")
    assert (
        np.abs(seen.frames[0].astype(int) - wanted).mean()
        < 12
        < np.abs(seen.frames[0].astype(int) - before.frames[0]).mean()
    )
    assert sorted(os.listdir(tmp_path)) == ["in.mp4", "out.mp4"]


def test_style_pictures_are_fitted_to_each_scene_unless_told_otherwise(here, tmp_path):
    Image.fromarray(data.astronaut()[:200, :200]).save(tmp_path / "painting.png")
    clip = make_clip(tmp_path / "in.mp4", [*scene(2), *(np.ascontiguousarray(data.chelsea()[60:108, 100:164]),) * 2])
    command = "video", clip, "-s", "painting.png", "--quality", 95
    for name, more in (("usual", ()), ("eight", ("--adapt", 8)), ("none", ("--adapt", 0))):
        assert here(*command, "-o", f"{name}.mp4", *more)[0] == 0
    usual, eight, none = (np.array(see(f"{name}.mp4").frames).astype(int) for name in ("usual", "eight", "none"))
    np.testing.assert_array_equal(usual, eight)
    assert all(np.abs(one - other).mean() > 1 for one, other in zip(usual, none, strict=True))
    code, _, error = here("video", clip, "-s", "dance", "-o", "out.mp4", "--adapt", 2)
    assert (code, "adapt is 2, and nothing that was asked for uses it" in error) == (2, True)


def test_json_notes_and_options(here, clip):
    code, said, error = here(
        "video", clip, "-s", "dance:0.5", "-s", "sunflowers:0.5", "-o", "out.gif", "--json", "--start", 0.04, "--every",
        2, "--size", 32, "--strength", 0.8,
    )  # fmt: skip
    assert code == 0
    assert json.loads(said) == {
        "video": str(clip), "styles": ["dance", "sunflowers"], "out": "out.gif", "frames": 2, "width": 32, "height": 24,
        "seconds": 0.16, "notes": ["its sound and other streams are left out: .gif holds none"], "damage": None,
    }  # fmt: skip
    assert "its sound and other streams are left out" in error
    with Image.open("out.gif") as image:
        assert (image.size, image.n_frames, image.info["duration"]) == ((32, 24), 2, 80)


def test_without_a_name_the_output_is_named_after_clip_and_style(here, clip):
    assert here("video", clip, "-s", "dance", "--end", 0.04, "--no-audio")[:2] == (0, "in-dance.mp4\n")
    assert see("in-dance.mp4").packets == {}


def test_keyframes_change_style_and_mask(here, clip, tmp_path):
    (tmp_path / "keys.csv").write_text("time,style,strength\n0,dance,0\n0.16,sunflowers,1\n")
    Image.new("L", (64, 48), 255).save(tmp_path / "mask.png")
    assert here("video", clip, "--keyframes", "keys.csv", "-o", "keyed.mp4", "--mask", "mask.png")[0] == 0
    frames = see("keyed.mp4").frames
    assert len(frames) == 5
    before = see(clip).frames
    first, last = (np.abs(frames[i].astype(int) - before[i]).mean() for i in (0, 4))
    assert first < last


def test_a_clip_that_ends_too_early_is_made_with_exit_code_1(here, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (10, 48, 64, 3), dtype=np.uint8)
    source = make_clip(tmp_path / "in.mkv", list(noise))
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    code, said, error = here("video", source, "-s", "dance", "-o", "out.mp4", "--json")
    assert code == 1
    outcome = json.loads(said)
    assert 0 < outcome["frames"] < 10
    assert "in.mkv ends early" in outcome["damage"]
    assert f"; the {outcome['frames']} frames that it has are in out.mp4" in error
    assert len(see("out.mp4").frames) == outcome["frames"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("no.mp4 -s dance -o o.mp4", "no such file: no.mp4"),
        ("text.mp4 -s dance -o o.mp4", "cannot read text.mp4"),
        ("none.mkv -s dance -o o.mp4", "none.mkv has no frames"),
        ("in.mp4 -s dance -o o.doc", "suffix '.doc' is not one of .mp4"),
        ("in.mp4 -s dance -o no/o.mp4", "there is no folder no"),
        ("in.mp4 -s dance -o in.mp4", "it is read for the output"),
        ("in.mp4 -s dancer -o o.mp4", "did you mean dance"),
        ("in.mp4 -s no.jpg -o o.mp4", "no such file and no named style"),
        ("in.mp4 -o o.mp4", "no style is given"),
        ("in.mp4 -s dance -o o.mp4 --strength 2", "strength is 2"),
        ("in.mp4 -s dance -o o.mp4 --seed 2", "seed is 2"),
        ("in.mp4 -s dance -o o.mp4 --carry 1", "carry is 1"),
        ("in.mp4 -s dance -o o.mp4 --start -1", "start is -1"),
        ("in.mp4 -s dance -o o.mp4 --start 2 --end 1", "end is 1"),
        ("in.mp4 -s dance -o o.mp4 --start 7", "no frames from 7 seconds on"),
        ("in.mp4 -s dance -o o.mp4 --every 0", "every is 0"),
        ("in.mp4 -s dance -o o.mp4 --size 4", "size is 4"),
        ("in.mp4 -s dance -o o.webm --codec h264", ".webm holds vp9, av1"),
        ("in.mp4 -s dance -o o.mp4 --quality 0", "quality is 0"),
        ("in.mp4 -s dance -o o.mp4 --keyframes no.json", "cannot read keyframes no.json"),
        ("in.mp4 -s dance -o o.mp4 --mask no.png", "no.png"),
        ("in.mp4 -o sky.png --keyframes keys.csv", "cannot write sky.png: it is read for the output"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(here, clip, tmp_path, arguments, message):
    (tmp_path / "text.mp4").write_text("no clip")
    make_clip(tmp_path / "none.mkv", [])
    Image.new("L", (64, 48)).save(tmp_path / "sky.png")
    (tmp_path / "keys.csv").write_text("time,style,mask\n0,dance,sky.png\n")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    code, said, error = here("video", *arguments.split())
    assert (code, said) == (2, "")
    assert message in error
    assert error.count("\n") == 1
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_stopped_run_leaves_its_finished_parts_and_says_so(command, environment, tmp_path):
    source = make_clip(tmp_path / "in.mp4", scene(500, step=0), rate=50)
    arguments = command("video", source, "-s", "dance", "-o", "out.mp4", "--no-anchor", "--carry", 0)
    stopped = subprocess.Popen(arguments, env=environment, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    ends = time.monotonic() + 120
    while not (tmp_path / "out.mp4.parts" / "parts.json").exists() and stopped.poll() is None:
        assert time.monotonic() < ends
        time.sleep(0.02)
    stopped.send_signal(signal.SIGTERM)
    _, error = stopped.communicate(timeout=60)
    assert stopped.returncode == 128 + signal.SIGTERM
    assert "finished parts are in out.mp4.parts; the same command with --resume goes on from them" in error
    assert "Traceback" not in error
    names = os.listdir(tmp_path / "out.mp4.parts")
    assert "00000.mkv" in names
    assert not [name for name in [*names, *os.listdir(tmp_path)] if name.startswith(PREFIX)]
    assert not (tmp_path / "out.mp4").exists()
    other = subprocess.run(
        [*arguments, "--resume", "--strength", "0.5"], env=environment, cwd=tmp_path, stderr=-1, text=True
    )
    assert (other.returncode, other.stderr.count("\n")) == (2, 1)
    assert "options changed; leave --resume out to begin anew" in other.stderr
    assert subprocess.run([*arguments, "--resume"], env=environment, cwd=tmp_path, stderr=-1).returncode == 0
    assert len(see(tmp_path / "out.mp4").frames) == 500
    assert sorted(os.listdir(tmp_path)) == ["in.mp4", "out.mp4"]


def test_help_imports_nothing_heavy(environment):
    script = (
        "import sys; sys.argv[1:] = ['video', '--help']\n"
        "from pasticcio.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*({'av', 'cv2', 'torch', 'numpy', 'PIL', 'onnxruntime'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert "--keyframes" in done.stdout
    assert done.stderr.strip() == ""


def test_what_is_done_against_flicker_by_default_is_what_the_library_does():
    import inspect

    from pasticcio.cli.video import video
    from pasticcio.video.steady import Steadiness

    defaults = {name: one.default for name, one in inspect.signature(video).parameters.items()}
    assert {name: defaults[name] for name in ("anchor", "carry", "sharpness")} == {
        name: getattr(Steadiness(), name) for name in ("anchor", "carry", "sharpness")
    }
