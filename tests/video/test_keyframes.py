import json

import numpy as np
import pytest
from PIL import Image
from skimage import data

from pasticcio.errors import OptionError, StyleError
from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer
from pasticcio.video.keyframes import Keyframe, Track, keyed, read_keyframes, styles_of
from pasticcio.video.looks import styling

SIZE = (48, 64)


@pytest.fixture(scope="module")
def stylizer():
    return Stylizer(threads=1)


@pytest.fixture(scope="module")
def frame():
    return np.ascontiguousarray(data.coffee()[100:148, 150:214])


def test_json_and_csv_say_the_same(tmp_path):
    (tmp_path / "keys.json").write_text(
        json.dumps(
            [
                {"time": 2, "style": {"dance": 0.7, "sunflowers": 0.3}, "strength": 0.5},
                {"time": 0.5, "style": "dance"},
                {"time": 3, "mask": "mask.png"},
                {"time": 4, "style": ["dance", "sunflowers"]},
            ]
        )
    )
    (tmp_path / "keys.csv").write_text(
        "\ufefftime,style,strength,mask\n2,dance:0.7 + sunflowers:0.3,0.5,\n0.5,dance,,\n3,,,mask.png\n"
        "4,dance + sunflowers,,\n",
        encoding="utf-8",
    )
    found = read_keyframes(tmp_path / "keys.json")
    assert found == [
        Keyframe(0.5, (("dance", 1.0),)),
        Keyframe(2, (("dance", 0.7), ("sunflowers", 0.3)), 0.5),
        Keyframe(3, mask="mask.png"),
        Keyframe(4, (("dance", 0.5), ("sunflowers", 0.5))),
    ]
    assert read_keyframes(tmp_path / "keys.csv") == found
    assert styles_of(found) == ["dance", "sunflowers"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "is no JSON"),
        ("{}", "holds no list"),
        ("[]", "holds no list"),
        ("[3]", "keyframe 1 of .* is 3; it must be an object"),
        ('[{"style": "dance"}]', "the time of keyframe 1 of .* is None"),
        ('[{"time": -1}]', "is -1; it must be 0 seconds or more"),
        ('[{"time": 0}, {"time": "now"}]', "the time of keyframe 2 of .* is 'now'; it must be a number"),
        ('[{"time": 0, "strenght": 1}]', "did you mean strength"),
        ('[{"time": 0, "strength": 3}]', "strength is 3"),
        ('[{"time": 0, "style": {"dance": 0.5}}]', "sum to 0.5"),
        ('[{"time": 0, "style": []}]', "must be a name"),
        ('[{"time": 0, "style": 3}]', "must be a name"),
        ('[{"time": 0, "mask": 3}]', "the mask of keyframe 1"),
        ('[{"time": 0}, {"time": 0}]', "two keyframes at 0 seconds"),
    ],
)
def test_what_is_no_list_of_keyframes_is_named(tmp_path, text, message):
    (tmp_path / "keys.json").write_text(text)
    with pytest.raises(OptionError, match=message):
        read_keyframes(tmp_path / "keys.json")


def test_what_is_no_file_of_keyframes_is_named(tmp_path):
    (tmp_path / "keys.txt").write_text("")
    (tmp_path / "keys.json").write_bytes(b"\xff\xfe\x00")
    for name, message in (("no.json", "No such file"), ("keys.txt", "must be .json or .csv"), ("keys.json", "cannot")):
        with pytest.raises(OptionError, match=message):
            read_keyframes(tmp_path / name)


def test_a_track_is_constant_outside_and_a_line_inside():
    track = Track([1.0, 2.0, 4.0], [0.0, 1.0, 0.0], lambda one, other, share: one + share * (other - one))
    assert [track.at(time) for time in (0, 1, 1.25, 2, 3, 4, 9)] == [0, 0, 0.25, 1, 0.5, 0, 0]


def test_styles_and_strengths_are_mixed_between_keyframes(stylizer, frame):
    keys = [Keyframe(0, (("dance", 1.0),)), Keyframe(1, strength=0.5), Keyframe(2, (("sunflowers", 1.0),))]
    looks, styled = keyed(stylizer, keys, None, Options(), SIZE)
    assert [one.styles[0].name for one in styled] == ["dance:1", "sunflowers:1"]

    def wanted(first, strength):
        options = Options(strength=strength, texture=0)
        return stylizer.stylize(frame, [("dance", first), ("sunflowers", 1 - first)], options)

    for time, first in ((-1, 1.0), (0, 1.0), (0.5, 0.75), (5, 0.0)):
        assert np.abs(looks(time).render(frame).astype(int) - wanted(first, 0.5)).max() <= 1
    keys = [Keyframe(1, strength=1.0), Keyframe(2, strength=0.0)]
    base = styling(stylizer, "dance", Options(), SIZE)
    looks, _ = keyed(stylizer, keys, base, Options(), SIZE)
    for time, strength in ((0, 1.0), (1.25, 0.75), (3, 0.0)):
        assert np.abs(looks(time).render(frame).astype(int) - wanted(1.0, strength)).max() <= 1


def test_masks_fade_between_keyframes(stylizer, tmp_path):
    Image.new("L", (64, 48), 0).save(tmp_path / "black.png")
    Image.new("L", (64, 48), 200).save(tmp_path / "gray.png")
    keys = [
        Keyframe(0, (("dance", 1.0),), mask=str(tmp_path / "black.png")),
        Keyframe(1, mask=str(tmp_path / "gray.png")),
    ]
    looks, _ = keyed(stylizer, keys, None, Options(), SIZE)
    assert [int(looks(time).masks[0].mean()) for time in (0, 0.25, 1, 2)] == [0, 50, 200, 200]
    assert looks(0.5).masks[0].shape == SIZE


def test_without_any_style_there_is_no_look(stylizer):
    with pytest.raises(OptionError, match="no keyframe names a style"):
        keyed(stylizer, [Keyframe(0, strength=1.0)], None, Options(), SIZE)
    with pytest.raises(StyleError, match="did you mean"):
        keyed(stylizer, [Keyframe(0, (("sunflowerz", 1.0),))], None, Options(), SIZE)
