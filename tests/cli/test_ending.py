"""Signals, and standard streams that are closed, full or broken."""

import logging
import os
import signal
import subprocess
import time

import numpy as np
import pytest
from PIL import Image

from pasticcio.cli.ending import ending
from pasticcio.files import PREFIX

FULL, CLOSED = "No space left on device", "it is closed"
SENT = "pasticcio: cannot write to standard output: "
STYLIZE, PIPED, GIVEN = "photo.png -s dance -o o.png", "photo.png -s dance -o -", "- -s dance -o o.png"


@pytest.fixture
def shell(command, environment, tmp_path, photo):
    """A command of the shell, with `pasticcio` in it; exit code, standard output and error without the picture."""
    Image.fromarray(photo[:40, :50]).save(tmp_path / "photo.png")

    def call(arguments, redirections):
        line = f"set -o pipefail; {' '.join(command())} {arguments} < photo.png {redirections}"
        done = subprocess.run(["bash", "-c", line], env=environment, cwd=tmp_path, capture_output=True, timeout=120)
        return done.returncode, done.stdout, done.stderr.decode()

    return call


@pytest.mark.parametrize(
    ("arguments", "redirections", "code", "error"),
    [
        ("styles", ">/dev/full", 2, f"{SENT}{FULL}\n"),
        (f"stylize {STYLIZE}", ">/dev/full", 2, f"{SENT}{FULL}\n"),
        (f"stylize {PIPED}", ">/dev/full", 2, f"{SENT}{FULL}\n"),
        ("--help", ">/dev/full", 2, f"{SENT}{FULL}\n"),
        ("styles", ">&-", 0, ""),
        (f"stylize {STYLIZE}", ">&-", 0, ""),
        (f"stylize {PIPED}", ">&-", 2, f"{SENT}{CLOSED}; name a file with --out\n"),
        (f"stylize {STYLIZE}", "<&-", 0, ""),
        (
            f"stylize {GIVEN}", "<&-", 2,
            "pasticcio: cannot read standard input: it is closed; name a file in place of -\n",
        ),
        ("styles", "| true", 1, ""),
        (f"stylize {PIPED}", "| true", 2, f"{SENT}Broken pipe\n"),
        ("stylize nowhere -s dance", "2>/dev/full", 2, ""),
        (f"stylize {STYLIZE}", "2>&-", 0, ""),
        (f"stylize {STYLIZE}", ">/dev/full 2>/dev/full", 2, ""),
        (f"stylize {GIVEN}", "<&- >&- 2>&-", 2, ""),
    ],
)  # fmt: skip
def test_streams_that_are_closed_full_or_broken(arguments, redirections, code, error, shell, tmp_path):
    found, _, said = shell(arguments, redirections)
    assert (found, said) == (code, error)
    if (tmp_path / "o.png").exists():  # whole: nothing that was meant for a stream went into the file
        Image.open(tmp_path / "o.png").load()
    assert not [name for name in os.listdir(tmp_path) if name.startswith(PREFIX)]


@pytest.fixture
def photos(tmp_path):
    (tmp_path / "photos").mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    for number in range(60):
        Image.fromarray(np.roll(noise, number, 0)).save(tmp_path / "photos" / f"{number:02d}.png")
    return tmp_path / "photos"


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_leaves_whole_files_and_one_line(name, command, environment, photos, tmp_path):
    number = getattr(signal, name)
    process = subprocess.Popen(
        command("stylize", photos, "-s", "dance", "-o", tmp_path / "out"),
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # these tests may run under nohup
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not list(tmp_path.glob("out/*-dance.png")):
        time.sleep(0.01)
    process.send_signal(number)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    lines = [line for line in error.splitlines() if line.startswith("pasticcio:")]
    assert lines == ([] if name == "SIGINT" else [f"pasticcio: stopped by {name}; what is finished is kept"])
    assert "Traceback" not in error
    made = os.listdir(tmp_path / "out")
    assert 0 < len(made) < 60
    for one in made:
        assert one.endswith("-dance.png")
        Image.open(tmp_path / "out" / one).load()


@pytest.mark.signals
def test_a_signal_that_the_caller_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with ending():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    term = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as left, ending():
        os.kill(os.getpid(), signal.SIGTERM)
    assert left.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) == term


def test_what_is_left_out_of_folders_is_said_at_the_end_and_once(here, tmp_path, photo):
    for folder in ("photos", "paintings"):
        (tmp_path / folder).mkdir()
        Image.fromarray(photo[:40, :50]).save(tmp_path / folder / "a.png")
        (tmp_path / folder / "notes.txt").write_text("no picture")
    (tmp_path / "photos" / "b.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    code, said, error = here("stylize", "photos", "-s", "paintings", "-o", "out")
    assert (code, said) == (1, "1 pictures made, 1 not\n")
    lines = [line for line in error.splitlines() if line.startswith("pasticcio:")]
    assert lines == [
        "pasticcio: photos/b.heic is HEIC, which is not read here; save it as JPEG or PNG",
        "pasticcio: 1 file is left out of photos: notes.txt (no picture)",
        "pasticcio: 1 file is left out of paintings: notes.txt (no picture)",
    ]
    assert logging.getLogger("pasticcio.image.listing").propagate
