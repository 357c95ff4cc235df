"""The log of a run that is broken off and goes on."""

import json
from pathlib import Path

import pytest

from pasticcio.errors import OutputError
from pasticcio.training.log import LOG, Progress, Record


def progress(step):
    return Progress(step, 9, {"total": 1.0}, 0.5, 1e-3, 2.0)


def test_half_a_line_and_steps_after_the_checkpoint_are_logged_anew(tmp_path):
    with Record(tmp_path, 0) as record:
        for step in (1, 2, 3):
            record.add(progress(step))
    with (tmp_path / LOG).open("a") as file:
        file.write('{"step": 4, "tot')  # killed while it wrote
    with Record(tmp_path, 2) as record:
        record.add(progress(3))
    assert [json.loads(line)["step"] for line in (tmp_path / LOG).read_text().splitlines()] == [1, 2, 3]


def test_a_full_disk_is_explained(tmp_path):
    record = Record(tmp_path, 0)
    record.file.close()
    record.file = full = Path("/dev/full").open("w", buffering=1)  # noqa: SIM115
    with pytest.raises(OutputError, match="cannot write /dev/full: No space left on device"):
        record.add(progress(1))
    with pytest.raises(OSError, match="No space left"):  # what it could not write
        full.close()
