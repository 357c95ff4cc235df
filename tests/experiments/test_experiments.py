"""The experiments' measures, and each experiment as a whole on pictures and networks of no size."""

import csv
import dataclasses
import json
import shutil
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image

from conftest import ROOT
from pasticcio.errors import DataError, OptionError
from pasticcio.experiments import generalization, knowledge, smoothness, trials
from pasticcio.experiments import run as experiments
from pasticcio.experiments.losses import Ruler
from pasticcio.experiments.material import Material
from pasticcio.experiments.trials import Outcome
from pasticcio.nn.inception import Inception
from pasticcio.render.stylizer import Stylizer


def test_nearest_neighbors_tell_what_is_there_and_nothing_else():
    rng = np.random.default_rng(0)
    labels = [str(i % 4) for i in range(200)]
    clear = (np.array([int(label) for label in labels])[:, None] * 3 + rng.normal(size=(200, 5))).astype(np.float32)
    noise = rng.normal(size=(200, 5)).astype(np.float32)
    good = knowledge.judge("clear", "label", clear[:150], labels[:150], clear[150:], labels[150:])
    bad = knowledge.judge("noise", "label", noise, labels)
    assert good.accuracy > 0.95
    assert good.low <= good.accuracy <= good.high
    assert good.silhouette > 0.3 > bad.silhouette
    assert bad.low < 0.3
    assert bad.chance == pytest.approx(0.25)
    text = knowledge.scores_text([good, bad])
    assert f"{100 * good.accuracy:.1f}%" in text
    with pytest.raises(OptionError, match="nothing to tell apart"):
        knowledge.judge("x", "label", clear, ["one"] * 200)


def test_silhouette_is_scikit_learns():
    from sklearn.metrics import silhouette_score

    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, 4)).astype(np.float32)
    labels = np.array([f"l{i % 3}" for i in range(60)])
    assert knowledge.silhouette(rows, labels) == pytest.approx(silhouette_score(rows, labels), abs=1e-4)


def test_features_see_what_they_should(photo, model_folder):
    image = np.asarray(photo[:64, :64], np.float32) / 255
    mirrored = np.ascontiguousarray(image[:, ::-1])
    np.testing.assert_array_equal(knowledge.color_feature(image), knowledge.color_feature(mirrored))
    assert np.square(knowledge.color_feature(image)).sum() == pytest.approx(1, abs=1e-5)
    grams = knowledge.gram_feature("vgg19-small", "random")
    assert grams(image).shape == (512,)
    np.testing.assert_array_equal(grams(image), grams(image))
    assert not np.allclose(grams(image), grams(image**3), atol=1e-4)
    style = knowledge.style_feature(Stylizer(model_folder))
    np.testing.assert_allclose(style(image), Stylizer(model_folder).embed(image, side=64).embedding, atol=1e-6)


def test_features_are_kept_and_bad_pictures_marked(gallery, tmp_path):
    from pasticcio.space.embeddings import Entry, find_pictures

    entries = find_pictures([gallery])[:3]
    entries.insert(1, Entry(tmp_path / "none.png"))
    calls = []

    def feature(image):
        calls.append(1)
        return image.mean((0, 1))

    for _ in range(2):
        rows, good = knowledge.compute(entries, feature, 64, tmp_path / "cache" / "f.npz")
        assert good.tolist() == [True, False, True, True]
        assert len(calls) == 3
    assert (rows[good].argmax(1) == [0, 1, 2]).all()


def test_a_way_is_measured():
    features = [
        {"relu4_1": torch.eye(3)[None, :, :, None] * (1 - t) + torch.full((1, 3, 3, 1), t)} for t in (0, 0.4, 1)
    ]
    steps = [smoothness.perceptual_distance(a, b) for a, b in pairwise(features)]
    assert smoothness.perceptual_distance(features[0], features[0]) == 0
    assert sum(steps) >= smoothness.perceptual_distance(features[0], features[2]) > 0
    way = smoothness.Way(1.0, 1.0, np.array([3.0, 2.0, 1.0]), np.array([0.0, 0.5, 0.3]))
    assert way.monotone_style
    assert not way.monotone_content
    assert smoothness.Way(1, 1, np.array([3, 1, 1.01]), way.content).monotone_style  # within 2% of the range


def test_optimized_pixels_come_nearer_to_the_style(photo):
    from pasticcio.training.pretrained import load_vgg

    layers = sorted({*generalization.CONTENT, *generalization.STYLE})
    vgg = load_vgg("vgg19-small", layers, "random", padding="reflect")
    content, style = (np.ascontiguousarray(photo[y : y + 48, 200:248], np.float32) / 255 for y in (0, 150))
    output = generalization.optimum(content, style, vgg, 8, style_weight=1000.0)
    assert output.shape == content.shape
    before, after = (Ruler(vgg, 48).measure(image, content, style)[1] for image in (content, output))
    assert after < 0.7 * before


@pytest.fixture(scope="module")
def material(tmp_path_factory) -> tuple:
    """Folders `data` and `weights` like the shared ones, of generated pictures and random networks."""
    from safetensors.torch import save_file

    from pasticcio.nn.inception import folded_names

    root = tmp_path_factory.mktemp("material")
    rng = np.random.default_rng(0)
    columns = {"photos": ("class", 4), "paintings": ("artist", 24), "textures": ("class", 24)}
    for kind, (column, count) in columns.items():
        folder = root / "data" / kind
        folder.mkdir(parents=True)
        rows = []
        for i in range(count):
            color = np.eye(3)[i % 2] * 0.6 + 0.2
            pixels = np.clip(color + rng.normal(0, 0.1, (80, 80, 1)), 0, 1)
            Image.fromarray((255 * pixels).astype(np.uint8)).save(folder / f"{i}.png")
            split = "test" if i % 4 > 1 else "train"
            rows.append({"file": f"{i}.png", "split": split, column: f"c{i % 2}", "movement": f"m{i % 2}"})
        with (root / "data" / f"{kind}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    (root / "weights").mkdir()
    state = {}
    for ours, theirs in folded_names().items():
        conv = Inception().get_submodule(ours).conv
        state |= {f"{theirs}.weight": conv.weight.detach().clone(), f"{theirs}.bias": torch.zeros(len(conv.weight))}
    save_file(state, root / "weights" / "inception_v3_mixed_6e.safetensors")
    return root / "data", root / "weights"


@pytest.fixture
def random_vgg(monkeypatch):
    """The loss networks with random weights, at a glance."""
    from pasticcio.training.pretrained import load_vgg

    def load(name, layers, weights="", pooling="max", padding="zero", progress=None):
        return load_vgg("vgg19-small", layers, "random", pooling, padding)

    for module in ("knowledge", "material", "smoothness"):
        monkeypatch.setattr(f"pasticcio.experiments.{module}.load_vgg", load)
    monkeypatch.setattr(smoothness, "STEPS", 3)


def test_experiments_on_a_model(material, random_vgg, model_folder, tmp_path):
    data, weights = material
    context = experiments.Context(
        data, weights, tmp_path / "results", tmp_path / "figures", str(model_folder), 80, 2, 1, 5
    )
    text = experiments.run("observed", context)
    assert text.count("\n| ") == 12
    assert "unobserved over observed" in text
    found = json.loads((tmp_path / "results" / "observed.json").read_text())
    assert [len(found[f"textures, unobserved{end}"]["style"]) for end in ("", ", optimum", ", same pairs")] == [2, 1, 1]
    text = experiments.run("smoothness", context)
    assert "| strength, pixels |" in text
    assert (tmp_path / "figures" / "smoothness.png").exists()
    assert (tmp_path / "figures" / "observed.png").exists()
    text = experiments.run("knowledge", dataclasses.replace(context, amount=0))
    assert (tmp_path / "figures" / "knowledge.png").exists()
    rows = [line.split(" | ") for line in text.splitlines()[2:]]
    assert len(rows) == 16
    # colors are all that these pictures differ in
    assert [row[2].split("%")[0] for row in rows if row[1] == "colors"] == ["100.0"] * 4
    with pytest.raises(OptionError, match="did you mean knowledge"):
        experiments.run("knowlege", context)


def test_an_experiment_that_trains(material, random_vgg, tmp_path):
    """Runs are kept: the second time nothing is trained, and a broken-off run goes on."""
    data, weights = material
    recipe = tmp_path / "tiny.toml"
    text = (ROOT / "recipes" / "generalization.toml").read_text()
    assert 'transfer = "fast"' in text
    recipe.write_text(
        "steps = 2\nbatch = 2\nsample_steps = 0\n[network]\nhalf = 8\nquarter = 8\neighth = 8\nquarter_blocks = 1\n"
        "eighth_blocks = 1\npredictor_widths = [4, 4, 8]\npredictor_hidden = 8\n[loss]\ncontent = { relu2_1 = 1.0 }\n"
        'style = { relu1_1 = 1.0 }\nrelative = true\n[loss_network]\nname = "vgg16"\nweights = "random"\n'
        "[data]\ncrop = 32\nphoto_short = [32, 48]\nstyle_short = [32, 48]\nstyle_crop = 32\nstyle_size = [32, 32]\n"
        "workers = 0\n"
    )
    trained = []
    context = experiments.Context(
        data, weights, tmp_path / "runs", tmp_path / "figures", side=48, amount=2, recipe=recipe, seeds=2,
        report=lambda name, done, total: trained.append(name),
    )  # fmt: skip
    first = experiments.run("kinds", context)
    assert [line.split(" | ")[0] for line in first.splitlines()[2:]] == ["| paintings", "| textures", "| both"]
    assert len(set(trained)) == 6
    trained.clear()
    assert experiments.run("kinds", context) == first
    assert not trained
    both = max((tmp_path / "runs" / "trained").glob("*/styles.txt"), key=lambda path: path.stat().st_size)
    shutil.rmtree(both.parent)
    assert experiments.run("kinds", context) == first
    assert [name.split(",")[0] for name in set(trained)] == ["both"]
    trained.clear()
    experiments.run("bottleneck", context)  # 100 numbers, all paintings: trained already, for "kinds"
    assert len(set(trained)) == 6
    assert not [name for name in trained if name.startswith("100")]
    assert (tmp_path / "figures" / "kinds.png").exists()
    with pytest.raises(DataError, match="the experiments need"):
        Material.of(tmp_path, weights).files("photos", "train")


def test_settings(material):
    tables = Material.of(*material)
    sizes = [len(setting.styles) for setting in trials.counts(tables, 0, (1, 10))]
    assert sizes == [1, 10, 12]
    one, other = (trials.counts(tables, seed, (1, 10))[1].styles for seed in (0, 1))
    assert set(one) != set(other)
    both = trials.kinds(tables, 0)[2].styles
    assert sum("textures" in str(path) for path in both) == sum("paintings" in str(path) for path in both)
    assert trials.bottlenecks(tables, 0)[0].changes == ("network.embedding=25",)


def test_intervals_are_students():
    assert trials.half_width([1.0, 2.0, 3.0]) == pytest.approx(4.30 / np.sqrt(3))
    outcomes = [Outcome("a", 1, seed, {"observed": {"style": [seed + 1.0], "content": [1.0]}}) for seed in range(3)]
    assert "| a | 2.000 ± 2.483 | 1.000 ± 0.000 | 3 |" in trials.outcomes_text(outcomes)
    for outcome in outcomes:
        outcome.groups["unobserved"] = {"style": [3 * outcome.groups["observed"]["style"][0]], "content": [1.0]}
    assert trials.outcomes_text(outcomes).endswith(" | 3.000 ± 0.000 | 3 |")
