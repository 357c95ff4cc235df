import sys
from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="needs matplotlib: pip install 'pasticcio[bench]'")
sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from curves import at, beside, curves, plane


def row(content, style):
    """Figures of three pairs, the same on both networks."""
    contents, styles = [content] * 3, [style, style, 4 * style]
    return {"content4": contents, "style": styles, "squeeze_content": contents, "squeeze_style": styles}


ROWS = {
    "untouched photo": row(0.0, 1.0),
    "AdaIN": row(1.5, 0.2),
    "Magenta float16": row(3.0, 0.3),
    "Pasticcio a": row(2.0, 0.1),
    "Pasticcio a, strength 0.5": row(1.0, 0.2),
    "Pasticcio a, adapt 8": row(2.0, 0.05),
}


def test_strengths_are_points_of_one_curve_and_steps_make_another():
    assert curves(ROWS) == {
        "AdaIN": ["AdaIN"],
        "Magenta float16": ["Magenta float16"],
        "Pasticcio a": ["Pasticcio a", "Pasticcio a, strength 0.5"],
        "Pasticcio a, adapt 8": ["Pasticcio a, adapt 8"],
    }


def test_a_curve_is_read_between_its_points_and_not_left_of_them():
    points = [(2.0, 0.1), (1.0, 0.2)]
    assert abs(at(points, 1.25) - 0.175) < 1e-9
    assert at(points, 5.0) == 0.1, "full strength, where the other has more content loss"
    assert at(points, 0.9) is None


def test_a_peer_is_compared_at_its_content_loss():
    lines = beside(ROWS)
    assert "| AdaIN | Pasticcio a | 0.300, -25% | 0.150, -25% | 0.300, -25% | 0.150, -25% |" in lines
    assert "| AdaIN | Pasticcio a, adapt 8 |" + " not reached |" * 4 in lines
    assert any(line.startswith("| Magenta float16 | Pasticcio a | 0.200, -67%") for line in lines)
    assert not beside({"AdaIN": row(1.0, 0.1)})


def test_the_plane_is_drawn(tmp_path):
    plane([("one", ROWS), ("two", ROWS)], tmp_path / "plane.png")
    assert (tmp_path / "plane.png").stat().st_size > 1000
