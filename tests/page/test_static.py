"""The static page in a browser alone: its arithmetic beside the library's, with and without isolation, offline."""

import json
import shutil

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from pages import rendered, served, watched
from pasticcio.image.read import read_picture
from pasticcio.image.resize import scaled
from pasticcio.image.texture import pattern
from pasticcio.model.folder import Model
from pasticcio.render.levels import SHARE, levels, stroke_for
from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer
from pasticcio.style.gaussian import StyleGaussian

RUN = """async ({graph, inputs}) => {
  const {run} = await import("./browser.js");
  for (const one of Object.values(inputs)) one.data = new (one.bytes ? Uint8Array : Float32Array)(one.data);
  const found = await run(graph, inputs);
  return Object.fromEntries(Object.entries(found).map(([name, one]) => [name, [...one.data]]));
}"""


@pytest.fixture(scope="module")
def address(static):
    with served(static) as address:
        yield address


@pytest.fixture(scope="module")
def alone(browser, address):
    """The static page, not isolated: no service worker, one thread."""
    with watched(browser, address, service_workers="block") as one:
        yield one.open()


@pytest.fixture(scope="module")
def native(static, tmp_path_factory):
    """The library with the graphs of the page."""
    folder = tmp_path_factory.mktemp("native") / "model"
    shutil.copytree(static / "model", folder)
    config = dict(Model.open("fast").config)
    del config["sha256"]  # hashes of the graphs that the package ships
    (folder / "config.json").write_text(json.dumps(config))
    return Stylizer(folder, threads=1, runtime="onnxruntime")


def test_a_page_that_is_not_isolated_runs_on_one_thread(alone):
    assert alone.evaluate("crossOriginIsolated") is False
    assert "CPU, 1 thread," in alone.inner_text("#about")
    assert "2.5 with a mask" in alone.inner_text("#less")


@pytest.mark.parametrize(
    ("styles", "options", "more"),
    [
        (["dance"], {}, ""),
        (["picture"], {"strength": 0.6}, ""),
        ([("dance", 0.3), ("picture", 0.7)], {"texture": 3.0}, ""),
        (["dance"], {"stroke": 2.0, "texture": 0.0}, ""),
        (["picture"], {"colors": "match"}, ""),
        (["picture"], {"colors": "luminance"}, ""),
        (["dance"], {"strength": 1.2}, "mask"),
        (["dance", "picture"], {}, "masks"),
        (["dance"], {}, "alpha"),
        (["kiss"], {}, "size"),
    ],
)
def test_the_browser_renders_what_the_library_does(alone, native, small_photo, painting, styles, options, more):
    photo, style = np.asarray(Image.open(small_photo)), np.asarray(Image.open(painting))
    mask = np.zeros(photo.shape[:2], np.uint8)
    mask[:, 60:] = 255
    mask[90:] = 120
    masks = [mask, 255 - mask] if more == "masks" else []
    if more == "alpha":
        photo = np.dstack([photo, np.full(photo.shape[:2], 255, np.uint8)])
        photo[:40, :50, 3] = 0
    given, asked = [], []
    for number, one in enumerate(styles):
        name, weight = one if isinstance(one, tuple) else (one, None)
        what = {"blob": style} if name == "picture" else {"name": name}
        given.append({**what, "weight": weight, "mask": masks[number] if masks else None})
        asked.append((style if name == "picture" else name, masks[number] if masks else weight or 1.0))
    overall = mask if more == "mask" else None
    size = 100 if more == "size" else None
    found = rendered(alone, photo, given, overall, options, size)
    content = scaled(read_picture(photo), 100 / 176).pixels if size else photo
    wanted = native.stylize(content, asked, Options(**options, mask=overall))
    if more != "alpha":  # browsers write four channels, whether or not anything is transparent
        assert (found[..., 3] == 255).all()
        found = found[..., :3]
    assert found.shape == wanted.shape
    seen = wanted[..., 3] > 0 if more == "alpha" else np.full(wanted.shape[:2], True)
    off = np.abs(found.astype(int) - wanted)[seen]
    assert off.max() <= 1
    assert off.mean() < 0.1


def test_each_graph_gives_the_numbers_of_the_native_runtime(alone, static, native):
    draw = np.random.default_rng(3)
    row = native.embed("dance").embedding[None]
    picture = draw.random((1, 3, 48, 64)).astype(np.float32)
    cases = {
        "predict": ({"style": picture}, 1e-3),
        "transfer": ({"content": picture, "embedding": row}, 1e-4),
        "pixels": ({"content": draw.integers(0, 256, (1, 40, 56, 3)).astype(np.uint8), "embedding": row}, 1),
        "regions": (regions(draw, native), 1e-4),
    }
    for graph, (inputs, most) in cases.items():
        sent = {
            name: {"data": values.ravel().tolist(), "dims": values.shape, "bytes": values.dtype == np.uint8}
            for name, values in inputs.items()
        }
        found = alone.evaluate(RUN, {"graph": graph, "inputs": sent})
        session = onnxruntime.InferenceSession(str(static / "model" / f"{graph}.onnx"))
        names = [output.name for output in session.get_outputs()]
        wanted = dict(zip(names, session.run(None, inputs), strict=True))
        first = names[0]
        off = np.abs(np.array(found[first], np.float64) - wanted[first].ravel().astype(np.float64)).max()
        assert off <= most, (graph, off)


def regions(draw, native):
    traits = native.model.settings.regions
    share = draw.random((1, 1, 64, 80)).astype(np.float32)
    inputs = {
        "content": draw.random((1, 3, 64, 80)).astype(np.float32),
        "embeddings": np.stack([native.embed(name).embedding for name in ("dance", "kiss")]),
        "given": np.zeros((2, sum(traits.layers)), np.float32),
        "known": np.zeros(sum(traits.layers), np.float32),
    }
    for scale in traits.scales:
        part = share[..., ::scale, ::scale]
        inputs[f"masks_{scale}"] = np.concatenate([part, 1 - part], 1)
        inputs[f"weights_{scale}"] = np.ones((1, 1, 1, 1), np.float32)
    return inputs


def test_a_seed_draws_the_numbers_that_numpy_draws(alone):
    gaussian = StyleGaussian.open("fast")
    script = """async seed => {
      const {embed} = await import("./browser.js"), {Random} = await import("./random.js");
      const {pattern} = await import("./texture.js"), random = new Random(seed, 3);
      const like = await embed({like: {name: "dance"}}, {seed, spread: 0.4});
      const normal = Array.from({length: 30000}, () => random.normal());
      return [normal, await embed({random: true}, {seed}), like, [...pattern().slice(0, 3000)]];
    }"""
    normal, random, like, noise = alone.evaluate(script, 2**40 + 11)
    seed = 2**40 + 11
    assert np.allclose(normal, np.random.default_rng((seed, 3)).standard_normal(30000), atol=1e-12)
    assert np.allclose(random, gaussian.sample(np.random.default_rng((seed, 0))), atol=1e-6)
    dance = Stylizer("fast").embed("dance").embedding
    assert np.allclose(like, gaussian.near(dance, 0.4, np.random.default_rng((seed, 0))), atol=1e-6)
    assert np.allclose(noise, pattern().ravel()[:3000], atol=1e-5)


def test_levels_are_those_of_the_library(alone):
    script = """async given => {
      const {levels, SHARE, strokeFor} = await import("./underpaint.js");
      return [SHARE, given.map(one => strokeFor(...one)), given.map(one => levels(strokeFor(...one)))];
    }"""
    photos = [
        (None, 4000, 3000),
        (None, 767, 900),
        (None, 768, 800),
        (3.0, 100, 100),
        (0.5, 4000, 3000),
        (1.0, 900, 900),
    ]
    share, strokes, sizes = alone.evaluate(script, photos)
    assert share == SHARE
    assert strokes == [stroke_for(asked, height, width) for asked, width, height in photos]
    assert [len(one) for one in sizes] == [len(levels(stroke)) for stroke in strokes]
    for one, stroke in zip(sizes, strokes, strict=True):
        assert np.allclose(one, levels(stroke))


def test_strength_is_the_models_curve_where_it_has_one(alone):
    script = """async graphs => {
      const {Engine} = await import("./engine.js");
      const run = async (name, {own, wanted, strength}) =>
        ({embedding: {data: [name, own.data[1], wanted.data[0], strength.data[0]]}});
      return [...await new Engine(run, {graphs}).weaken([0, 1], [2, 3], 0.5)];
    }"""
    assert alone.evaluate(script, ["predict"]) == [1, 2]
    assert alone.evaluate(script, ["predict", "strength"]) == ["strength", 1, 2, 0.5]


def test_what_is_too_large_is_made_smaller_and_said(alone):
    script = """async given => (await import("./engine.js")).fitting(...given)"""
    assert alone.evaluate(script, [2000, 1500, None, False, None]) == {"size": None, "note": ""}
    assert alone.evaluate(script, [4000, 3000, 1, False, 1280]) == {"size": 1280, "note": ""}
    found = alone.evaluate(script, [4000, 3000, 1, True, None])
    assert found["size"] == 1825
    assert found["note"].startswith(
        "12.0 megapixels are more than a browser renders at once with a mask or transparency (2.5): the picture is "
        "1826 x 1369."
    )


def test_a_file_that_is_no_picture_is_refused_in_words(alone):
    script = """async () => {
      const {embed} = await import("./browser.js");
      try { await embed({blob: new File(["no picture"], "text.jpg")}); } catch (error) { return error.message; }
    }"""
    assert alone.evaluate(script) == "text.jpg cannot be read by this browser; save it as JPEG, PNG or WebP"


def test_isolated_by_its_service_worker_it_uses_threads_and_works_offline(browser, static, small_photo, tmp_path):
    folder = tmp_path / "page"
    shutil.copytree(static, folder)
    with served(folder) as address:
        context = browser.new_context()
        page = context.new_page()
        page.goto(address)
        page.wait_for_selector("html[data-provider]", timeout=60_000)
        assert page.evaluate("crossOriginIsolated") is True
        assert page.evaluate("navigator.hardwareConcurrency") == 1 or " threads," in page.inner_text("#about")
        stylized(page, small_photo)
    # Nobody answers any more at this address.
    page.reload()
    page.wait_for_selector("html[data-provider]", timeout=60_000)
    stylized(page, small_photo)
    context.close()


def stylized(page, photo):
    page.set_input_files("#photo-file", photo)
    page.click("[data-style=dance]")
    page.wait_for_selector("#history li", timeout=60_000)
    assert "176 \N{MULTIPLICATION SIGN} 140 pixels" in page.inner_text("#status")
