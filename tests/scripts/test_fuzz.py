"""A short run of `scripts/fuzz.py`, and what its long runs found."""

import io

import fuzz
import numpy as np
import pytest

from pasticcio.errors import ConfigError, StyleError
from pasticcio.style.gaussian import StyleGaussian
from pasticcio.style.style import Style
from pasticcio.training.config import read_recipe

DEEP = "[" * 100_000


@pytest.mark.parametrize("target", fuzz.targets())
def test_only_our_errors_come_out(target, tmp_path):
    tried, _, failed = fuzz.fuzz(target, 60, 1, 1, str(tmp_path), seed=7)
    assert tried > 0
    assert failed == []


def test_a_failure_is_found_and_kept(tmp_path, monkeypatch):
    def check(data, folder):
        raise KeyError("lost")

    monkeypatch.setattr(fuzz, "targets", lambda: {"broken": ([b"seed"], check)})
    _, _, failed = fuzz.fuzz("broken", 3, 1, 5, str(tmp_path))
    assert len(failed) == 1
    assert failed[0].startswith("KeyError at test_fuzz.py")
    assert len(list((tmp_path / "broken").iterdir())) == 1


def test_very_deep_brackets_are_no_style_and_no_recipe(tmp_path):
    (tmp_path / "a.json").write_text(DEEP)
    with pytest.raises(StyleError, match="no style file"):
        Style.load(tmp_path / "a.json")
    (tmp_path / "a.toml").write_text("a = " + DEEP)
    with pytest.raises(ConfigError, match="not TOML"):
        read_recipe(tmp_path / "a.toml")


@pytest.mark.parametrize("stage", ["3", "'x'", "[1]", "{a = 1}"])
def test_a_stage_of_a_recipe_is_a_table(tmp_path, stage):
    (tmp_path / "a.toml").write_text(f"stage = {stage}")
    with pytest.raises(ConfigError, match=r"headed \[\[stage\]\]"):
        read_recipe(tmp_path / "a.toml")


def test_damaged_compression_is_no_gaussian(tmp_path):
    file = io.BytesIO()
    np.savez_compressed(file, mean=np.random.default_rng(0).random(500))
    data = bytearray(file.getvalue())
    for place in range(60, 1000):
        data[place] ^= 0xFF
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(StyleError, match="no Gaussian"):
        StyleGaussian.load(tmp_path / "a.npz")
