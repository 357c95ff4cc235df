"""A short run of `scripts/fuzz_video.py`."""

import pytest

pytest.importorskip("av")
pytest.importorskip("cv2")
import fuzz_video


def test_changed_clips_end_in_an_output_or_in_one_line(tmp_path):
    counts = fuzz_video.fuzz(30, 30.0, 7, tmp_path / "failures")
    assert counts["failure"] == 0
    assert counts["output"] > 0 < counts["error"]
    assert list((tmp_path / "failures").iterdir()) == []


def test_a_failure_is_found_and_its_input_kept(tmp_path, monkeypatch, capsys):
    def convert(request, make):
        raise KeyError("lost")

    monkeypatch.setattr(fuzz_video, "convert", convert)
    assert fuzz_video.fuzz(2, 30.0, 7, tmp_path)["failure"] == 2
    assert "KeyError('lost')" in capsys.readouterr().out
    assert len(list(tmp_path.iterdir())) == 2
