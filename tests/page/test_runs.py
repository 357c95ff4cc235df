"""What runs the static page's graphs: 8 bits and WebGPU, where they are chosen, beside the CPU in floats."""

import contextlib
import os

import numpy as np
import pytest

from pages import rendered, served, watched

SOFTWARE = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader")  # an emulation of WebGPU
ADAPTER = """async () => {
  const adapter = await navigator.gpu?.requestAdapter();
  return adapter ? (adapter.info.isFallbackAdapter ? "emulation" : "GPU") : null;
}"""
CHOOSE = "runs => localStorage.setItem('pasticcio-runs', runs)"


@pytest.fixture(scope="module")
def address(static):
    with served(static) as address:
        yield address


@pytest.fixture(scope="module")
def tiny_photo(photo):
    return photo[60:108, 120:184]


@pytest.fixture(scope="module")
def half(tiny_photo):
    mask = np.zeros(tiny_photo.shape[:2], np.uint8)
    mask[:, 30:] = 255
    return mask


@pytest.fixture(scope="module")
def floats(browser, address, tiny_photo, half):
    """What the CPU makes, without and with a mask."""
    with watched(browser, address, service_workers="block") as one:
        page = one.open()
        return [rendered(page, tiny_photo, [{"name": "dance"}], mask) for mask in (None, half)]


def adapter(browser, address):
    """The adapter of a browser, asked in a page of its own, whose errors nobody watches: "GPU", "emulation" or None."""
    with contextlib.closing(browser.new_context()) as context:
        page = context.new_page()
        page.goto(address + "icon.svg")
        return page.evaluate(ADAPTER)


def apart(found, wanted):
    return np.abs(found[..., :3].astype(int) - wanted[..., :3])


def test_8_bits_run_where_they_are_chosen_and_change_the_picture_little(browser, address, tiny_photo, half, floats):
    with watched(browser, address, service_workers="block") as one:
        page = one.open()
        graph = f"{address}model/pixels-int8.onnx"
        rendered(page, tiny_photo, [{"name": "dance"}])
        assert "8 bits" not in page.inner_text("#about")
        assert graph not in one.requests
        page.select_option("#runs", "int8")
        page.locator("#about", has_text=", 8 bits,").wait_for(timeout=60_000)
        off = apart(rendered(page, tiny_photo, [{"name": "dance"}]), floats[0])
        assert graph in one.requests
        assert 0 < off.mean() < 3
        masked = rendered(page, tiny_photo, [{"name": "dance"}], half)  # the regions have no graph in 8 bits
        assert (masked == floats[1]).all()
        page.reload()  # the choice is kept
        page.wait_for_selector("html[data-provider]", timeout=60_000)
        assert page.input_value("#runs") == "int8"
        assert ", 8 bits," in page.inner_text("#about")


def test_an_emulated_gpu_is_left_alone_unless_it_is_asked_for(chromium, address):
    started = chromium(*SOFTWARE)
    if adapter(started, address) is None:
        pytest.skip("needs Chromium with SwiftShader: 'navigator.gpu.requestAdapter()' finds no adapter")
    with watched(started, address, service_workers="block") as one:
        page = one.open()
        assert "CPU, 1 thread," in page.inner_text("#about")
        assert not [url for url in one.requests if "asyncify" in url]


def test_without_a_gpu_webgpu_is_said_not_to_run(browser, address):
    if adapter(browser, address) is not None:
        pytest.skip("there is a GPU")
    with watched(browser, address, service_workers="block") as one:
        one.page.add_init_script(f"({CHOOSE})('webgpu')")
        page = one.open()
        assert page.get_attribute("html", "data-provider") == "wasm"
        assert "WebGPU was asked for, and this browser offers none: the CPU runs instead." in page.inner_text("#about")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_webgpu_makes_the_picture_that_the_cpu_makes(chromium, address, tiny_photo, half, floats):
    """A GPU is taken where there is one; PASTICCIO_SWIFTSHADER=1 takes an emulation, at minutes a picture."""
    emulate = bool(os.environ.get("PASTICCIO_SWIFTSHADER"))
    started = chromium(*SOFTWARE[: 2 if emulate else 1])
    found = adapter(started, address)
    if found is None or (found == "emulation" and not emulate):
        pytest.skip(f"needs a GPU with WebGPU: the adapter is {found}; PASTICCIO_SWIFTSHADER=1 runs an emulation")
    with watched(started, address, service_workers="block") as one:
        one.page.add_init_script(f"({CHOOSE})('webgpu')")
        one.page.set_default_timeout(1_800_000)
        one.page.goto(address)
        one.page.wait_for_selector("html[data-provider]")
        assert one.page.get_attribute("html", "data-provider") == "webgpu", one.page.inner_text("#about")
        assert "In this browser: WebGPU," in one.page.inner_text("#about")
        for mask, wanted in zip((None, half), floats, strict=True):
            assert apart(rendered(one.page, tiny_photo, [{"name": "dance"}], mask), wanted).max() <= 1
