"""One data set whatever makes it; and what is done again after a break."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from conftest import ROOT
from made import encoded
from pasticcio.dataset.manifest import done, merge, part_path
from pasticcio.dataset.run import HEAD, Engines, Recipe, Run
from pasticcio.dataset.work import Look
from pasticcio.errors import DataError, OptionError, OutputError
from pasticcio.files import PREFIX

RECIPE = Recipe(seed=3, strength=(0.5, 1.0), look=Look(size=32), kind="shards", shard_size=4)  # that of the fixtures
TREE = replace(RECIPE, kind="tree")


def manifest(out):
    return [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]


def test_a_data_set_has_every_picture_once_and_a_manifest_that_says_so(reference):
    rows = manifest(reference)
    assert [row["key"] for row in rows] == sorted(row["key"] for row in rows)
    assert len(rows) == 13
    bad = [row for row in rows if row["error"]]
    assert [(row["key"], row["file"], row["sha256"]) for row in bad] == [("b/05x", "", "")]
    members = {}
    for shard in sorted((reference / "shards").iterdir()):
        with tarfile.open(shard) as tar:
            for member in tar:
                assert (member.mtime, member.uid, member.gid, member.uname, member.mode) == (0, 0, 0, "", 0o644)
                members[member.name] = shard.name, tar.extractfile(member).read()
    assert {name for name in members if name.endswith(".jpg")} == {f"{r['key']}.jpg" for r in rows if not r["error"]}
    for row in rows:
        if not row["error"]:
            shard, data = members[row["key"] + ".jpg"]
            assert row["file"] == f"shards/{shard}"
            assert row["sha256"] == hashlib.sha256(data).hexdigest()
            assert members[row["key"] + ".cls"][1] == (b"0" if row["label"] == "a" else b"1")
    assert (reference / "classes.txt").read_text() == "a\nb\n"
    pyarrow = pytest.importorskip("pyarrow.parquet")
    assert pyarrow.read_table(reference / "manifest.parquet").to_pylist() == rows


def test_two_processes_make_the_same(source, make, reference, state, tmp_path):
    make(source, tmp_path / "out", engine="processes", workers=2)
    assert state(tmp_path / "out") == state(reference)


@pytest.mark.parametrize("count", [2, 7])
def test_shards_in_any_order_make_the_same(count, source, make, reference, state, tmp_path):
    for number in reversed(range(1, count + 1)):
        assert not (tmp_path / "out" / "manifest.jsonl").exists()
        make(source, tmp_path / "out", shard=(number, count), workers=2)
    assert state(tmp_path / "out") == state(reference)


def test_a_tree_holds_the_pictures_of_the_shards(source, make, reference, tmp_path):
    make(source, tmp_path / "out", TREE)
    rows, wanted = manifest(tmp_path / "out"), manifest(reference)
    assert [row["sha256"] for row in rows] == [row["sha256"] for row in wanted]
    files = {f"pictures/{row['key']}.jpg" for row in rows if not row["error"]}
    assert {row["file"] for row in rows} - {""} == files
    assert {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.jpg")} == files


def test_several_styles_for_each_picture_are_several_outputs(source, make, reference, tmp_path):
    rows = make(source / "a", tmp_path / "out", replace(TREE, styles_per_picture=2))
    assert [row.key for row in rows[:3]] == ["00-0", "00-1", "01-0"]
    assert len({row.sha256 for row in rows}) == 12


def test_shards_made_of_shards_keep_keys_and_labels(reference, make, tmp_path):
    rows = make(reference / "shards", tmp_path / "out", replace(RECIPE, look=Look(size=16, format=".png")))
    assert [row.key for row in rows] == [row["key"] for row in manifest(reference) if not row["error"]]
    with tarfile.open(tmp_path / "out" / "shards" / "000000.tar") as tar:
        assert tar.getnames()[:2] == ["a/00.png", "a/00.cls"]
        assert tar.extractfile("a/00.cls").read() == b"0"


@pytest.mark.parametrize("fault", ["no part", "a part cut off", "a shard cut off", "no shard", "other keys"])
def test_only_groups_that_are_whole_are_kept(fault, source, make, reference, state, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(reference, out)
    for name in ("manifest.jsonl", "manifest.parquet"):
        (out / name).unlink()
    part, shard = part_path(out, 1), out / "shards" / "000001.tar"
    whole = {path: path.stat().st_ino for path in (out / "shards").iterdir() if path != shard}
    if fault in ("no part", "no shard"):
        (part if fault == "no part" else shard).unlink()
    elif fault == "other keys":
        part.write_text(part.read_text().replace('"key": "a/04"', '"key": "a/0x"'))
    else:
        path = part if "part" in fault else shard
        path.write_bytes(path.read_bytes()[:-700])
    (out / "shards" / f"{PREFIX}left.tar").write_bytes(b"half")
    with pytest.raises(OutputError, match="go on with --resume"):
        make(source, out)
    make(source, out, resume=True)
    assert state(out) == state(reference)
    assert {path: path.stat().st_ino for path in whole} == whole  # not done again


def test_a_file_of_a_tree_that_changed_is_made_again(source, make, state, tmp_path):
    make(source, tmp_path / "out", TREE)
    wanted = state(tmp_path / "out")
    (tmp_path / "out" / "pictures" / "a" / "02.jpg").write_bytes(b"other")
    assert done(tmp_path / "out", 0, ["a/00", "a/01", "a/02", "a/03"]) is None
    make(source, tmp_path / "out", TREE, resume=True)
    assert state(tmp_path / "out") == wanted


@pytest.mark.parametrize(
    ("change", "name"),
    [({"seed": 4}, "seed"), ({"look": Look(size=48)}, "size"), ({"strength": (1.0, 1.0)}, "strength")],
)
def test_another_recipe_does_not_go_on(change, name, source, make, reference):
    with pytest.raises(OptionError, match=f"was begun with {name} = "):
        make(source, reference, replace(RECIPE, **change), resume=True)


def test_other_pictures_do_not_go_on(source, make, tmp_path):
    shutil.copytree(source, tmp_path / "in")
    make(tmp_path / "in", tmp_path / "out")
    shutil.copy(tmp_path / "in" / "a" / "00.png", tmp_path / "in" / "a" / "000.png")
    with pytest.raises(OptionError, match="was begun with count = 13, and now it is 14"):
        make(tmp_path / "in", tmp_path / "out", resume=True)


def test_too_many_bad_pictures_stop_the_run(source, make, tmp_path):
    with pytest.raises(DataError, match=r"1 pictures cannot be used, and --max-bad is 0; the last: .*05x\.jpg"):
        make(source, tmp_path / "out", max_bad=0)
    assert part_path(tmp_path / "out", 0).exists()
    with pytest.raises(DataError):
        make(source, tmp_path / "out", max_bad=0, resume=True)
    assert len(make(source, tmp_path / "out", max_bad=1, resume=True)) == 13


def test_a_bad_picture_counts_once_in_however_many_styles(source, make, tmp_path):
    twice = replace(TREE, styles_per_picture=2)
    assert sum(bool(row.error) for row in make(source, tmp_path / "out", twice, max_bad=1)) == 2


def test_rows_lost_at_the_end_of_a_part_are_missed(reference, tmp_path):
    shutil.copytree(reference, tmp_path / "out")
    part = part_path(tmp_path / "out", 1)
    part.write_text("".join(part.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(OutputError, match=r"000001\.jsonl is damaged: it has 3 of 4 rows; remove it, and go on"):
        merge(tmp_path / "out", 4)


def test_another_machine_may_begin_the_data_set_at_the_same_moment(source, palette, reference, tmp_path, monkeypatch):
    listed = os.listdir

    def begun_by_another(folder):
        shutil.copy(reference / HEAD, folder)
        return listed(folder)

    monkeypatch.setattr("pasticcio.dataset.run.os.listdir", begun_by_another)
    Run(source, tmp_path / "out", palette, RECIPE, engines=Engines(shard=(2, 2)))


def test_names_that_are_no_text_make_a_data_set(source, make, tmp_path):
    folder = os.fsencode(tmp_path / "in") + b"/c\xff"
    os.makedirs(folder)
    shutil.copy(source / "a" / "00.png", folder + b"/\xfe.png")
    (row,) = make(tmp_path / "in", tmp_path / "out")
    assert (tmp_path / "out" / "classes.txt").read_bytes() == b"c\xff\n"
    with tarfile.open(tmp_path / "out" / row.file) as tar:
        assert tar.getnames() == [f"{row.key}.jpg", f"{row.key}.cls"]
    assert make(tmp_path / "in", tmp_path / "out", resume=True) == [row]


@pytest.mark.parametrize("place", ["in", "in/..", "holds a file"])
def test_a_folder_that_holds_something_else_is_refused(place, source, make, tmp_path):
    out = source / place.removeprefix("in").lstrip("/") if place.startswith("in") else tmp_path
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises((OptionError, OutputError), match="name a"):
        make(source, out)


@pytest.mark.parametrize("recipe", [RECIPE, TREE], ids=["shards", "tree"])
def test_a_full_disk_stops_the_run_and_the_next_goes_on(recipe, source, make, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=36k", "none", disk], capture_output=True).returncode:
        pytest.skip("needs the right to mount a disk")
    try:
        with pytest.raises(OutputError, match="No space left on device"):
            make(source, disk / "out", recipe)
        assert not list(disk.rglob(f"{PREFIX}*"))
        for path in disk.rglob("*.jpg"):
            Image.open(path).load()
        subprocess.run(["mount", "-o", "remount,size=4m", disk], check=True)
        assert len(make(source, disk / "out", recipe, resume=True)) == 13
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_key_with_dots_is_cut_by_no_reader(make, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.v2.png").write_bytes(encoded(Image.fromarray(np.zeros((20, 20, 3), np.uint8))))
    (row,) = make(tmp_path / "in", tmp_path / "out")
    assert row.key == "a_v2"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"engine": "cluster"}, "engine"), ({"workers": 0}, "workers is 0"), ({"shard": (0, 2)}, "shard is 0/2"),
        ({"shard": (3, 2)}, "shard is 3/2"), ({"address": "auto"}, "for engine ray"),
    ],
)  # fmt: skip
def test_engines_outside_their_range_are_refused(values, message):
    with pytest.raises(OptionError, match=message):
        Engines(**values)


def test_no_torch_is_imported():
    code = "import sys, pasticcio.dataset.run, pasticcio.cli.dataset; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert not {"torch", "ray", "pyarrow", "pandas"} & set(done.stdout.split())
