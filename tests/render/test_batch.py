import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from pasticcio.errors import ImageError, ModelError, OptionError, StyleError
from pasticcio.image.read import open_image, read_picture
from pasticcio.image.write import save_image, save_picture
from pasticcio.render.batch import Files, folds_case, plan, run
from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer


@pytest.fixture
def folder(tmp_path, photo):
    """Two photos, one of them in a folder of its own, a damaged one and a text."""
    folder = tmp_path / "photos"
    (folder / "trip").mkdir(parents=True)
    Image.fromarray(photo[:60, :80]).save(folder / "a.jpg")
    Image.fromarray(photo[60:120, :70]).save(folder / "trip" / "b.gif")
    (folder / "trip" / "bad.png").write_bytes((folder / "a.jpg").read_bytes()[:300])
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture
def styles(tmp_path, photo):
    names = []
    for i, name in enumerate(("one.png", "two.png")):
        Image.fromarray(photo[i * 100 : i * 100 + 100, 200:300]).save(tmp_path / name)
        names.append((str(tmp_path / name), 0.5))
    return names


def test_plan_keeps_the_tree_and_names_outputs_after_both(folder, styles, tmp_path):
    out = tmp_path / "out"
    mixed = plan(folder, styles, out)
    assert [str(job.out.relative_to(out)) for job in mixed] == [
        "a-one-two.jpg", "trip/b-one-two.png", "trip/bad-one-two.png",
    ]  # fmt: skip
    every = plan(folder, styles, out, all_pairs=True, suffix=".jpg")
    assert [job.out.name for job in every] == [f"{p}-{s}.jpg" for p in ("a", "b", "bad") for s in ("one", "two")]
    assert all(job.styles[0][1] == 1.0 for job in every)


def test_plan_leaves_its_own_outputs_alone(folder, styles):
    out = folder / "stylized"
    out.mkdir()
    Image.new("RGB", (20, 20)).save(out / "old.png")
    assert all(job.photo.parent != out for job in plan(folder, styles, out))


def test_outputs_may_go_to_the_parent_of_the_photos_but_not_among_them(folder, styles, tmp_path):
    photos = [job.photo for job in plan(folder, styles, tmp_path / "out")]
    assert [job.photo for job in plan(folder, styles, folder.parent)] == photos
    for out in (folder, folder / "trip" / ".."):
        with pytest.raises(OptionError, match=r"among the photos in .*; name a folder of its own, such as .*stylized"):
            plan(folder, styles, out)
    save_image(np.zeros((2, 2, 3), np.uint8), _made(folder / folder.name) / "deep.png")
    with pytest.raises(
        OptionError, match=r"deep-one-two\.png among the photos"
    ):  # parent/photos is the photos' own folder
        plan(folder, styles, folder.parent)
    (tmp_path / "same").symlink_to(folder)
    with pytest.raises(OptionError, match="among the photos"):
        plan(folder, styles, tmp_path / "same")


def test_names_that_differ_in_case_alone_are_two_unless_the_disk_folds_them(folder, styles, tmp_path, monkeypatch):
    (folder / "A.JPG").write_bytes((folder / "a.jpg").read_bytes())
    assert {job.out.name for job in plan(folder, styles, tmp_path / "out")} >= {"A-one-two.JPG", "a-one-two.jpg"}
    assert not folds_case(tmp_path / "Out")
    monkeypatch.setattr("pasticcio.render.batch.folds_case", lambda folder: True)
    with pytest.raises(OptionError, match="would both be"):
        plan(folder, styles, tmp_path / "out")


def test_a_style_is_found_once_before_outputs_bear_its_name(folder, tmp_path, monkeypatch, photo):
    monkeypatch.chdir(tmp_path)
    _made(folder / "dance")
    Image.fromarray(photo[60:130, :70]).save(folder / "dance" / "z.png")
    (folder / "trip" / "bad.png").unlink()
    stylizer = Stylizer(threads=1)
    wanted = {
        path: np.asarray(stylizer.stylize(path, "dance"))
        for path in folder.rglob("*.*")
        if path.suffix in (".gif", ".png")
    }
    for out in ("dance", "."):  # both times a folder "dance" comes to be in the folder of the process
        for again in (False, True):
            outcomes = list(run(stylizer, plan(folder, [("dance", 1.0)], Path(out)), Options()))
            assert [o.error for o in outcomes] == [None] * 3
            for outcome in outcomes:
                if outcome.job.photo in wanted:
                    assert np.array_equal(np.asarray(Image.open(outcome.job.out)), wanted[outcome.job.photo]), again
        save_image(photo[:40, :40], "dance/another.png")  # now it is a folder of style pictures too
        if out == "dance":
            with pytest.raises(OptionError, match="would lie in dance, among the pictures of a style"):
                list(run(stylizer, plan(folder, [("dance", 1.0)], Path(out)), Options()))
        shutil.rmtree("dance")


def test_outputs_replace_neither_styles_nor_masks(folder, styles, tmp_path, photo, model_folder):
    stylizer, paintings = Stylizer(model_folder), _made(tmp_path / "paintings")
    for name in ("p.png", "a-p.jpg"):
        Image.fromarray(photo[:50, :50]).save(paintings / name)
    before = {path: path.read_bytes() for path in paintings.iterdir()}
    for names, options, message in (
        ([(str(paintings), 1.0)], Options(), "would lie in .*paintings, among the pictures of a style"),
        ([(str(paintings / "p.png"), 0.5), (str(paintings / "a-p.jpg"), 0.5)], Options(), None),
        ([(str(paintings / "p.png"), 1.0)], Options(mask=paintings / "a-p.jpg"), "would replace .*a-p.jpg"),
        ([(str(paintings / "p.png"), paintings / "a-p.jpg")], Options(), "would replace .*a-p.jpg"),
    ):
        jobs = plan(folder, names, paintings)
        if message:
            with pytest.raises(OptionError, match=message):
                list(run(stylizer, jobs, options))
        else:
            assert not {job.out for job in jobs} & before.keys()
    assert {path: path.read_bytes() for path in paintings.iterdir()} == before


def test_a_photo_that_vanishes_after_the_listing_is_an_outcome(folder, styles, tmp_path, model_folder):
    jobs = plan(folder, styles, tmp_path / "out")
    (folder / "a.jpg").unlink()
    outcomes = {o.job.photo.name: o for o in run(Stylizer(model_folder), jobs, Options())}
    assert "no such file" in str(outcomes["a.jpg"].error)
    assert outcomes["b.gif"].error is None


def _made(path):
    path.mkdir()
    return path


def test_what_cannot_be_planned_is_explained(folder, styles, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="no pictures in folder"):
        plan(tmp_path / "empty", styles, tmp_path)
    with pytest.raises(OptionError, match=r"cannot write '.gif'"):
        plan(folder, styles, tmp_path, suffix=".gif")
    (folder / "a.jpeg").write_bytes((folder / "a.jpg").read_bytes())
    with pytest.raises(OptionError, match="would both be"):
        plan(folder, styles, tmp_path / "out", suffix=".png")


def test_a_bad_photo_is_an_outcome_and_the_others_are_made(folder, styles, tmp_path, model_folder):
    stylizer = Stylizer(model_folder, threads=1)
    jobs = plan(folder, styles, tmp_path / "out", all_pairs=True)
    outcomes = list(run(stylizer, jobs, Options(strength=0.5)))
    assert {o.job for o in outcomes} == set(jobs)
    bad = [o for o in outcomes if o.error]
    assert [o.job.photo.name for o in bad] == ["bad.png", "bad.png"]
    assert "bad.png" in str(bad[0].error)
    for outcome in outcomes:
        if not outcome.error:
            expected = stylizer.stylize(outcome.job.photo, outcome.job.styles[0][0], strength=0.5)
            found = open_image(outcome.job.out)
            assert np.abs(found - np.asarray(expected) / 255).mean() < 0.02  # JPEG's loss
            assert outcome.seconds > 0
    assert not list((tmp_path / "out").rglob(".pasticcio-*"))


@pytest.mark.parametrize("error", [StyleError, OptionError, ModelError, ImageError])
def test_any_error_of_one_photo_is_an_outcome(folder, styles, tmp_path, model_folder, monkeypatch, error):
    stylizer, paint = Stylizer(model_folder, threads=1), Stylizer.paint

    def fail(self, picture, *arguments):
        if picture.name.endswith("a.jpg"):
            raise error("this photo alone")
        return paint(self, picture, *arguments)

    monkeypatch.setattr(Stylizer, "paint", fail)
    outcomes = {o.job.photo.name: o.error for o in run(stylizer, plan(folder, styles, tmp_path / "out"), Options())}
    assert str(outcomes["a.jpg"]) == "this photo alone"
    assert outcomes["b.gif"] is None


def test_options_without_effect_are_refused_before_any_work_and_left_out_of_single_jobs(folder, tmp_path):
    stylizer, out = Stylizer(threads=1), tmp_path / "out"
    with pytest.raises(OptionError, match="seed is 1, and nothing that was asked for uses it"):
        list(run(stylizer, plan(folder, [("dance", 1.0)], out), Options(seed=1)))
    assert not out.exists()
    jobs = plan(folder, [("dance", 1.0), ("random", 1.0)], out, all_pairs=True)
    outcomes = list(run(stylizer, jobs, Options(seed=1)))
    assert {o.job.photo.name for o in outcomes if o.error} == {"bad.png"}


def test_exif_alpha_and_depth_are_kept_and_limits_hold(styles, tmp_path, photo, model_folder):
    folder, out = tmp_path / "photos", tmp_path / "out"
    folder.mkdir()
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "me"
    Image.fromarray(photo[:40, :60]).save(folder / "a.jpg", exif=exif)
    deep = np.dstack([photo[:40, :60].astype(np.uint16) * 257, np.full((40, 60), 999, np.uint16)])
    save_picture(read_picture(deep), folder / "b.png")
    Image.fromarray(photo[:100, :100]).save(folder / "large.jpg")
    frames = [Image.fromarray(photo[:20, i : i + 20]) for i in (0, 20)]
    frames[0].save(folder / "moving.gif", save_all=True, append_images=frames[1:])
    jobs = plan(folder, styles, out)
    files = Files(max_megapixels=0.005, quality=80)
    outcomes = {o.job.photo.name: o for o in run(Stylizer(model_folder), jobs, Options(), files=files)}
    assert {name: str(o.error)[:150] for name, o in outcomes.items() if o.error}.keys() == {"large.jpg"}
    assert "is 100 x 100, 0.01 million pixels; the limit is 0.005" in str(outcomes["large.jpg"].error)
    assert outcomes["moving.gif"].note == "animation of 2 frames: the first is used"
    with Image.open(out / "a-one-two.jpg") as kept:
        assert kept.getexif()[ExifTags.Base.Artist] == "me"
    found = read_picture(out / "b-one-two.png")
    assert found.pixels.dtype == np.uint16
    assert (found.alpha == 999).all()
    size = (out / "a-one-two.jpg").stat().st_size
    list(run(Stylizer(model_folder), jobs, Options(), files=Files(strip=True)))
    with Image.open(out / "a-one-two.jpg") as stripped:
        assert not stripped.getexif()
    assert (out / "a-one-two.jpg").stat().st_size > size
    assert (out / "large-one-two.jpg").exists()


def test_an_output_whose_name_is_too_long_is_an_outcome(styles, tmp_path, photo, model_folder):
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(photo[:40, :60]).save(folder / ("n" * 250 + ".png"))
    Image.fromarray(photo[:40, :60]).save(folder / "short.png")
    jobs = plan(folder, styles, tmp_path / "out")
    for resume in (False, True):
        outcomes = {o.job: o for o in run(Stylizer(model_folder), jobs, Options(), resume=resume)}
        assert ["File name too long" in str(outcomes[job].error) for job in jobs] == [True, False]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["short-one-two.png"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"quality": 0}, "quality is 0; it must be from 1 to 100"),
        ({"quality": 101}, "quality is 101; it must be from 1 to 100"),
        ({"max_megapixels": -1}, "max_megapixels is -1; it must be above 0"),
    ],
)
def test_files_have_limits(values, message):
    with pytest.raises(OptionError, match=message):
        Files(**values)


def test_resume_passes_over_what_is_there(folder, styles, tmp_path, model_folder):
    stylizer = Stylizer(model_folder, threads=1)
    jobs = plan(folder, styles, tmp_path / "out")
    list(run(stylizer, jobs, Options()))
    jobs[1].out.unlink()
    stamp = jobs[0].out.stat().st_mtime_ns
    outcomes = {o.job: o for o in run(stylizer, jobs, Options(), resume=True)}
    assert [outcomes[job].skipped for job in jobs] == [True, False, False]
    assert jobs[0].out.stat().st_mtime_ns == stamp
    assert jobs[1].out.exists()


def test_a_bad_style_is_said_before_any_work(folder, tmp_path, model_folder):
    jobs = plan(folder, [("no-such-style", 1.0)], tmp_path / "out")
    with pytest.raises(StyleError, match="no such file and no named style"):
        list(run(Stylizer(model_folder), jobs, Options()))
    assert not (tmp_path / "out").exists()
    jobs = plan(folder, [("dance", 0.6), ("sunflowers", 0.6)], tmp_path / "out")
    with pytest.raises(StyleError, match=r"sum to 1\.2"):
        list(run(Stylizer(), jobs, Options()))
    assert not (tmp_path / "out").exists()


def test_stopping_early_leaves_whole_files(folder, styles, tmp_path, model_folder):
    outcomes = run(Stylizer(model_folder), plan(folder, styles, tmp_path / "out", all_pairs=True), Options())
    next(outcomes)
    outcomes.close()
    made = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert made
    for path in made:
        open_image(path)


def test_one_stylizer_in_eight_threads(photo, style_file, model_folder):
    stylizer = Stylizer(model_folder, threads=1)
    expected = np.asarray(Stylizer(model_folder, threads=1).stylize(photo, style_file))
    found = {}

    def work(number):
        found[number] = np.asarray(stylizer.stylize(photo, style_file))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(np.array_equal(image, expected) for image in found.values())
