"""The commands stylize and demo."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from pasticcio.image.read import open_image, read_picture
from pasticcio.image.write import save_picture


def test_stylize_writes_a_picture(run, photo_file, style_file, tmp_path, model_folder):
    out = tmp_path / "out.png"
    done = run("stylize", photo_file, "--style", style_file, "-o", out, "--strength", 0.5, "--model", model_folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == str(out)
    assert open_image(out).shape == open_image(photo_file).shape


def test_default_output_is_named_after_both(run, photo_file, tmp_path):
    done = run("stylize", photo_file, "-s", "sunflowers")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "photo-sunflowers.png").exists()


def test_standard_input_to_standard_output(run, photo_file, style_file, tmp_path, model_folder):
    command = ("stylize", "-s", style_file, "--model", model_folder)
    done = run(*command, "-", "-o", "-", input=photo_file.read_bytes())
    assert (done.returncode, done.stderr) == (0, b"")
    run(*command, photo_file, "-o", tmp_path / "o.png")
    assert done.stdout == (tmp_path / "o.png").read_bytes()
    done = run(*command, "-", input=photo_file.read_bytes())
    assert done.stdout.strip() == b"stdin-style.png"
    assert (tmp_path / "stdin-style.png").read_bytes() == (tmp_path / "o.png").read_bytes()
    for given, message in ((b"", b"<stdin> is empty"), (b"text", b"<stdin> is not a picture")):
        done = run(*command, "-", "-o", "-", input=given)
        assert (done.returncode, done.stdout) == (2, b"")
        assert message in done.stderr
        assert done.stderr.count(b"\n") == 1


def test_a_closed_pipe_is_one_line(run, photo_file, style_file, tmp_path, model_folder):
    reader, writer = os.pipe()
    os.close(reader)
    done = run(
        "stylize", photo_file, "-s", style_file, "-o", "-", "--model", model_folder,
        capture_output=False, stdout=writer, stderr=subprocess.PIPE,
    )  # fmt: skip
    os.close(writer)
    assert done.returncode == 2
    assert done.stderr == "pasticcio: cannot write to standard output: Broken pipe\n"


def test_exif_alpha_and_depth_reach_the_file(here, photo, style_file, tmp_path, model_folder):
    exif = Image.Exif()
    exif[ExifTags.Base.Artist], exif[ExifTags.Base.Orientation] = "me", 6
    Image.fromarray(photo[:40, :60]).save(tmp_path / "photo.jpg", exif=exif)
    command = ("stylize", "photo.jpg", "-s", style_file, "--model", model_folder)
    assert here(*command, "-o", "o.jpg", "--quality", 60) == (0, "o.jpg\n", "")
    with Image.open("o.jpg") as kept:
        assert kept.size == (40, 60)
        assert kept.getexif()[ExifTags.Base.Artist] == "me"
        assert kept.getexif()[ExifTags.Base.Orientation] == 1
    assert here(*command, "-o", "s.jpg", "--strip")[0] == 0
    with Image.open("s.jpg") as stripped:
        assert not stripped.getexif()
    assert os.path.getsize("s.jpg") > os.path.getsize("o.jpg")  # of quality 95
    deep = np.dstack([photo[:40, :60].astype(np.uint16) * 257, np.full((40, 60), 999, np.uint16)])
    save_picture(read_picture(deep), tmp_path / "deep.png")
    for suffix in (".png", ".tif"):
        assert here("stylize", "deep.png", *command[2:], "-o", f"o{suffix}")[0] == 0
        found = read_picture(f"o{suffix}")
        assert found.pixels.dtype == np.uint16
        assert (found.pixels % 257).any()  # no mere 8 bits
        assert (found.alpha == 999).all()


def test_what_is_not_taken_over_is_said(here, photo, style_file, tmp_path, model_folder):
    frames = [Image.fromarray(photo[:20, :20]), Image.fromarray(photo[20:40, :20])]
    (tmp_path / "in").mkdir()
    frames[0].save(tmp_path / "in" / "a.gif", save_all=True, append_images=frames[1:])
    code, out, error = here("stylize", "in/a.gif", "-s", style_file, "-o", "o.png", "--model", model_folder)
    assert (code, out, error) == (0, "o.png\n", "pasticcio: in/a.gif: animation of 2 frames: the first is used\n")
    code, out, error = here("stylize", "in", "-s", style_file, "-o", "out", "--model", model_folder)
    assert (code, out) == (0, "1 pictures made, 0 not\n")
    assert error.endswith("pasticcio: in/a.gif: animation of 2 frames: the first is used\n")


def test_names_that_are_no_text(run, photo_file, style_file, tmp_path, model_folder):
    name = os.fsencode(tmp_path) + b"/\xff\xfe.jpg"
    Path(os.fsdecode(name)).write_bytes(photo_file.read_bytes())
    done = run("stylize", os.fsdecode(name), "-s", style_file, "--model", model_folder, cwd=tmp_path, input=b"")
    assert (done.returncode, done.stderr, done.stdout) == (0, b"", b"\xff\xfe-style.png\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("zero.jpg", "zero.jpg is empty; it holds no picture"),
        ("text.jpg", "text.jpg is not a picture"),
        ("cut.png", "cut.png is damaged or cut off"),
        ("folder.jpg", "folder.jpg is a folder: name the folder of the outputs with --out"),
        ("folder.jpg -o -", "folder.jpg is a folder: name the folder of the outputs with --out"),
        ("folder.jpg -o out", "no pictures in folder folder.jpg"),
        ("none.jpg", "no such file: none.jpg"),
        ("n" * 300, "File name too long"),
        ("n" * 240 + ".jpg", "File name too long"),  # of the output, with the style's name
        ("photo.jpg -o out.doc", "suffix '.doc' is not one of .png,"),
        ("photo.jpg -o none/out.png", "there is no folder none"),
        ("photo.jpg -o folder.jpg", "it is a folder"),
        ("photo.jpg -o out.png --quality 50", "--quality is only for JPEG, WEBP, AVIF, and the output is none of them"),
        ("photo.jpg -o out.jpg --quality 0", "quality is 0; it must be from 1 to 100"),
        ("photo.jpg -o out.jpg --quality 101", "quality is 101; it must be from 1 to 100"),
        ("photo.jpg -o - --json", "--out - is for a picture alone, without --json"),
        ("photo.jpg --max-megapixels 0", "max_megapixels is 0; it must be above 0"),
        ("photo.jpg --max-megapixels nan", "max_megapixels is nan; it must be above 0"),
        ("photo.jpg --max-megapixels 0.1", "is 451 x 300, 0.136 million pixels; the limit is 0.1; if you trust it"),
        ("long.png -o out.webp", "WEBP holds at most 16383 pixels a side, and the picture has 17000"),
    ],
)
def test_every_refused_file_is_one_line(arguments, message, here, photo_file, tmp_path):
    (tmp_path / "zero.jpg").touch()
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "folder.jpg").mkdir()
    save_picture(read_picture(np.zeros((1, 17000, 3), np.uint8)), tmp_path / "long.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "long.png").read_bytes()[:-40])
    if arguments.startswith("nnn") and len(arguments) < 255:
        (tmp_path / arguments).write_bytes(photo_file.read_bytes())
    before = sorted(tmp_path.rglob("*"))
    code, out, error = here("stylize", "-s", "wheat-field-with-cypresses", *arguments.split())
    assert (code, out) == (2, "")
    assert message in error
    assert error.startswith("pasticcio: ")
    assert error.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_saved_and_weighted_styles(run, photo_file, style_file, tmp_path, model_folder):
    saved = tmp_path / "mine.json"
    done = run("embed", style_file, "-o", saved, "--style-size", 200, "--model", model_folder)
    assert (done.returncode, done.stdout.strip()) == (0, str(saved)), done.stderr
    done = run(
        "stylize", photo_file, "-s", f"{saved}:0.25", "-s", f"{style_file}:0.75", "--colors", "match",
        "--model", model_folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "photo-mine-style.png").exists()
    done = run("stylize", photo_file, "-s", saved, "-s", f"{style_file}:1", "--model", model_folder)
    assert done.returncode == 2
    assert "has no weight; write" in done.stderr
    assert run("embed", style_file, "-o", tmp_path / "mine.txt").returncode == 2


def test_a_folder_of_photos(run, photo_file, style_file, tmp_path, model_folder):
    folder, out = tmp_path / "photos", tmp_path / "out"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg"):
        (folder / name).write_bytes(photo_file.read_bytes())
    (folder / "bad.jpg").write_bytes(photo_file.read_bytes()[:500])
    arguments = ("stylize", folder, "-s", style_file, "-s", "dance", "--all-pairs", "-o", out, "--json")
    done = run(*arguments)
    assert done.returncode == 1
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == 6
    assert sorted(Path(line["out"]).name for line in lines if line["out"]) == [
        "a-dance.jpg", "a-style.jpg", "b-dance.jpg", "b-style.jpg",
    ]  # fmt: skip
    assert [line["photo"] for line in lines if line["error"]] == [str(folder / "bad.jpg")] * 2
    assert "bad.jpg is damaged or cut off" in done.stderr
    (folder / "bad.jpg").unlink()
    done = run(*arguments[:-1], "--resume")
    assert (done.returncode, done.stdout.strip()) == (0, "0 pictures made, 4 were there already, 0 not")
    assert run("stylize", folder, "-s", style_file).returncode == 2
    assert run("stylize", photo_file, "-s", style_file, "--resume").returncode == 2


def test_a_folder_says_of_which_photos_the_strokes_grow(here, photo, style_file, model_folder):
    Path("photos").mkdir()
    Image.fromarray(photo[:64, :80]).save("photos/small.png")
    Image.fromarray(photo).resize((1024, 800)).save("photos/large.png")
    command = ("stylize", "photos", "-s", style_file, "--model", model_folder, "-o", "out")
    code, _, error = here(*command)
    assert code == 0
    assert "\npasticcio: one photo is large: strokes are up to 1.6 times larger, as suits its size; --stroke 1" in error
    code, _, error = here(*command, "--stroke", 1)
    assert code == 0
    assert "strokes" not in error


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"photo": "none.jpg"}, "no such file: none.jpg"),
        ({"photo": "text.jpg"}, "is not a picture"),
        ({"photo": "cut.jpg"}, "cut off"),
        ({"style": "sunflowerz"}, "did you mean sunflowers"),
        ({"model": "defaul"}, "did you mean default"),
        ({"out": "no/folder/out.png"}, "no folder"),
        ({"out": "out.doc"}, "suffix '.doc'"),
        ({"strength": "3"}, "strength is 3"),
        ({"style": "sunflowers:0.5"}, "sum to 0.5"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(here, change, message, photo_file, tmp_path):
    (tmp_path / "text.jpg").write_text("not a picture")
    (tmp_path / "cut.jpg").write_bytes(photo_file.read_bytes()[:9000])
    before = set(tmp_path.iterdir())
    values = {
        "photo": photo_file.name,
        "style": "sunflowers",
        "out": "out.png",
        "model": "default",
        "strength": "1",
    } | change
    code, said, error = here(
        "stylize", values["photo"], "--style", values["style"], "-o", values["out"], "--model", values["model"],
        "--strength", values["strength"],
    )  # fmt: skip
    assert (code, said) == (2, "")
    assert error.count("\n") == 1
    assert message in error
    assert set(tmp_path.iterdir()) == before


def test_demo_says_where_the_pictures_are(run, tmp_path):
    done = run("demo", "-o", tmp_path / "demo")
    assert done.returncode == 0, done.stderr
    pictures = list((tmp_path / "demo").iterdir())
    assert len(pictures) == 16
    assert f"16 pictures are in {tmp_path / 'demo'}" in done.stdout


def test_a_folder_and_a_photo_by_a_named_runtime(here, photo_file, style_file, model_folder, tmp_path):
    command = ("stylize", "-s", style_file, "--model", model_folder, "--runtime")
    assert here(*command, "onnxruntime", photo_file, "-o", "one.png")[0] == 0
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(photo_file.read_bytes())
    code, _, error = here(*command, "opnvino", tmp_path / "photos", "-o", "out")
    assert (code, error) == (
        2,
        "pasticcio: runtime is 'opnvino'; did you mean openvino or openvino-int8 or openvino-bf16?\n",
    )
    assert not Path("out").exists()
    pytest.importorskip("openvino", reason="needs OpenVINO: pip install 'pasticcio[openvino]'")
    assert here(*command, "openvino", photo_file, "-o", "two.png")[0] == 0
    assert np.abs(open_image("one.png") - open_image("two.png")).max() <= 1.01 / 255


def test_masks_tiles_and_strokes_from_the_command_line(here, photo_file, photo, model_folder, style_file):
    ramp = np.tile(np.linspace(0, 255, 90).astype(np.uint8), (60, 1))
    Image.fromarray(ramp).save("ramp.png")
    Image.fromarray(255 - ramp).save("back.png")
    command = ("stylize", photo_file, "--model", model_folder, "-s", style_file)
    assert here(*command, "-o", "plain.png")[0] == 0
    assert here(*command, "-o", "masked.png", "--mask", "ramp.png")[0] == 0
    assert here(*command, "-s", photo_file, "-o", "two.png", "--mask", "ramp.png", "--mask", "back.png")[0] == 0
    assert here(*command, "-o", "stroke.png", "--stroke", 2)[0] == 0
    plain, *others = (open_image(f"{name}.png") for name in ("plain", "masked", "two", "stroke"))
    assert all(other.shape == plain.shape and np.abs(other - plain).mean() > 0.5 / 255 for other in others)
    code, _, error = here(*command, "-o", "tiled.png", "--tile", 128)
    assert code == 0
    assert "tiles, statistics of a sample" in error
    assert np.abs(open_image("tiled.png") - plain).mean() < 1 / 255
    code, _, error = here(*command, "-s", photo_file, "-o", "x.png", *["--mask", "ramp.png"] * 3)
    assert (code, error) == (2, "pasticcio: 3 masks for 2 styles; give one for all, or one for each\n")
    code, _, error = here(*command, "-o", "x.png", "--tile", 7)
    assert (code, error) == (2, "pasticcio: tile is 7; it must be 64 pixels or more, or 0 for one pass\n")
    assert not Path("x.png").exists()


def test_random_styles_from_the_command_line(here, photo_file):
    for out in ("a.png", "b.png"):
        assert here("stylize", photo_file, "-s", "random", "--seed", 7, "-o", out)[0] == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    code, said, _ = here("stylize", photo_file, "-s", "like:dance", "--spread", 0.5)
    assert (code, said) == (0, "photo-like-dance.png\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("-s dance --seed 3", "seed is 3"),
        ("-s dance --spread 0.5", "spread is 0.5"),
        ("-s random --spread 0.5", "spread is 0.5"),
        ("-s dance --style-size 300", "style_size is 300"),
        ("-s dance --statistics exact --tile 0", "statistics is 'exact' and tile is 0"),
        ("-s dance --all-pairs", "--all-pairs is only for folders, and photo.jpg is none; leave it out"),
        ("-s dance --resume", "--resume is only for folders, and photo.jpg is none; leave it out"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(arguments, message, here, photo_file, tmp_path):
    code, said, error = here("stylize", photo_file.name, "-o", "o.png", *arguments.split())
    assert (code, said) == (2, "")
    assert error.startswith("pasticcio: ")
    assert message in error
    assert "leave" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "o.png").exists()


def test_styles_without_weights_have_equal_ones(here, photo_file):
    command = ("stylize", photo_file)
    assert here(*command, "-s", "dance", "-s", "sunflowers", "-o", "bare.png")[0] == 0
    assert here(*command, "-s", "dance:0.5", "-s", "sunflowers:0.5", "-o", "half.png")[0] == 0
    assert Path("bare.png").read_bytes() == Path("half.png").read_bytes()
    code, _, error = here(*command, "-s", "dance:0.5", "-s", "sunflowers", "-o", "x.png")
    assert (code, error) == (
        2,
        "pasticcio: style sunflowers has no weight; write sunflowers:0.5, or leave out the weights of all styles\n",
    )


def test_old_spellings_are_understood_and_not_shown(here, photo_file):
    command = ("stylize", photo_file, "-s", "dance")
    assert here(*command, "--colors", "luminance", "-o", "new.png")[0] == 0
    assert here(*command, "--colours=luminance", "-o", "old.png")[0] == 0
    assert Path("new.png").read_bytes() == Path("old.png").read_bytes()
    assert "colours" not in here("stylize", "--help")[1]


def test_a_name_of_a_style_that_is_a_file_too_is_said(here, photo_file, tmp_path, photo):
    Image.fromarray(photo[:60, :60]).save(tmp_path / "style.png")
    os.rename(tmp_path / "style.png", tmp_path / "dance")
    code, _, error = here("stylize", photo_file, "-s", "dance", "-o", "o.png")
    assert (code, error) == (0, "pasticcio: style dance is the file of that name here, not the named style\n")
    (tmp_path / "photos").mkdir()
    os.rename(photo_file, tmp_path / "photos" / "a.jpg")
    os.remove(tmp_path / "dance")
    for _ in range(2):  # the second time the folder "dance" is there
        code, said, error = here("stylize", "photos", "-s", "dance", "-o", "dance")
        assert (code, said) == (0, "1 pictures made, 0 not\n")
        assert "pasticcio:" not in error
    for out, message in (
        ("photos", "--out photos would put a-dance.jpg among the photos in photos; name a folder of its own"),
        ("photos/a.jpg", "cannot make folder photos/a.jpg"),
    ):
        code, _, error = here("stylize", "photos", "-s", "sunflowers", "-o", out)
        assert code, message in error
    assert os.listdir(tmp_path / "photos") == ["a.jpg"]
    assert os.listdir(tmp_path / "dance") == ["a-dance.jpg"]


def test_no_output_replaces_what_is_read_for_it(here, photo_file, style_file, tmp_path):
    Image.new("L", (451, 300), 200).save(tmp_path / "mask.png")
    before = {path: path.read_bytes() for path in (photo_file, style_file, tmp_path / "mask.png")}
    for path in before:
        code, _, error = here("stylize", photo_file, "-s", style_file, "--mask", "mask.png", "-o", path)
        assert (code, error) == (2, f"pasticcio: cannot write {path}: it is read for the output; name another file\n")
    assert {path: path.read_bytes() for path in before} == before


def test_the_demo_takes_named_styles_wherever_it_is_called(here, tmp_path, monkeypatch):
    (tmp_path / "dance").mkdir()
    monkeypatch.setattr("pasticcio.cli.stylize.DEMO_PHOTOS", ("chelsea",))
    monkeypatch.setattr("pasticcio.cli.stylize.DEMO_STYLES", ("dance",))
    assert here("demo", "-o", "out")[0] == 0
    assert os.listdir(tmp_path / "out") == ["chelsea-dance.jpg"]


def test_style_pictures_are_fitted_to_the_photo(here, photo_file, style_file, tmp_path):
    for out, more in (("fitted.png", ()), ("eight.png", ("--adapt", 8)), ("plain.png", ("--adapt", 0))):
        code, _, error = here("stylize", photo_file, "-s", style_file, "-o", out, *more)
        assert (code, error) == (0, "")
    fitted, eight, plain = (open_image(tmp_path / f"{name}.png") for name in ("fitted", "eight", "plain"))
    assert np.abs(fitted - eight).mean() < 0.2 * np.abs(fitted - plain).mean()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / photo_file.name).write_bytes(photo_file.read_bytes())
    assert here("stylize", "photos", "-s", style_file, "-o", "out")[0] == 0
    (made,) = (tmp_path / "out").iterdir()
    assert np.abs(open_image(made) - eight).mean() < 0.4 * np.abs(open_image(made) - plain).mean()


def test_only_style_pictures_are_fitted(here, photo_file, style_file, model_folder):
    code, _, error = here("stylize", photo_file, "-s", "dance", "-o", "named.png")
    assert (code, error) == (0, "")
    code, _, error = here("stylize", photo_file, "-s", "dance", "-o", "out.png", "--adapt", 2)
    assert code == 2
    assert "adapt is 2, and nothing that was asked for uses it: it applies to style pictures" in error
    code, _, error = here(
        "stylize", photo_file, "-s", style_file, "-o", "out.png", "--adapt", 2, "--model", model_folder
    )
    assert code == 2
    assert "can neither adapt nor refine styles" in error
