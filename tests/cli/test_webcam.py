"""The command `webcam`: its options, raw frames in and out, and how it ends."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("cv2")


def test_its_help_imports_nothing_heavy(environment):
    code = (
        "import sys; from pasticcio.cli.main import main; sys.argv = ['pasticcio', 'webcam', '--help']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print([name for name in ('numpy', 'cv2', 'av', 'PIL', 'tkinter', 'onnxruntime') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "--virtual" in done.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--input", "-"], "--input - needs --size"),
        (["--size", "640"], "size is '640'; write WIDTHxHEIGHT"),
        (["--size", "0x9"], "size is '0x9'"),
        (["--device", "1", "--input", "clip.mp4"], "--device 1 and --input clip.mp4"),
        (["--strength", "2"], "strength is 2"),
        (["--model", "nowhere", "--out", "raw"], "no model named 'nowhere'"),
        (["--input", "nowhere.mp4", "--out", "raw"], "no such file: nowhere.mp4"),
        (["--device", "99", "--out", "raw"], "cannot open camera 99"),
    ],
)
def test_bad_options_are_one_line(options, message, here, tmp_path):
    code, said, error = here("webcam", "-s", "dance", *options)
    assert (code, said) == (2, "")
    assert message in error
    assert len(error.splitlines()) == 1 or "webcam" not in error.splitlines()[0]
    assert not list(tmp_path.iterdir())


def test_without_a_display_it_says_what_to_do(here, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    if sys.platform != "linux":
        pytest.skip("there is always a display")
    code, _, error = here("webcam", "-s", "dance", "--input", "clip.mp4")
    assert code == 2
    assert "name --out FILE, --out - or --virtual" in error


def test_raw_frames_in_and_out(run):
    pixels = np.random.default_rng(0).integers(0, 256, (1, 32, 48, 3), dtype=np.uint8)
    done = run("webcam", "-s", "dance", "--input", "-", "--size", "48x32", "--out", "-", input=pixels.tobytes())
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) == pixels.nbytes
    assert b"1 frames shown, 0 dropped" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_ctrl_c_ends_it_and_keeps_what_was_written(command, environment, tmp_path):
    process = subprocess.Popen(
        command("webcam", "-s", "dance", "--input", "-", "--size", "48x32", "--out", "raw"),
        env=environment,
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdin.write(bytes(48 * 32 * 3))
    process.stdin.flush()
    while not any(path.stat().st_size for path in tmp_path.glob(".pasticcio-*")):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 0, error
    assert b"1 frames shown" in error
    assert (tmp_path / "raw").stat().st_size == 48 * 32 * 3
