"""A short run of `scripts/kill_video.py`."""

import kill_video
import pytest

pytest.importorskip("av")
pytest.importorskip("cv2")


def test_a_killed_command_goes_on_as_if_it_had_not_been():
    counts, wrong = kill_video.torture(kills=1, frames=12, seed=1)
    assert wrong == []
    assert counts[kill_video.KILLED] == 1


def test_another_output_is_found(tmp_path):
    one, other = (kill_video.see(kill_video.make_source(tmp_path / f"{count}.mp4", count)) for count in (6, 7))
    assert kill_video.differences(one, one) == []
    assert {"frames", "times", "packets"} <= set(kill_video.differences(one, other))
