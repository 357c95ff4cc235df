"""What people do on the page, each checked by what the command line that the page names makes of the same files."""

import base64
import re
import shlex

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from pages import served, watched
from pasticcio.cli.main import app

LONG = 60_000  # milliseconds
DROP = """([target, name, data]) => {
  const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0)), transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, {type: "image/png"}));
  for (const kind of ["dragover", "drop"])
    document.querySelector(target).dispatchEvent(new DragEvent(kind, {dataTransfer: transfer, bubbles: true}));
}"""


@pytest.fixture(scope="module")
def page(browser, static):
    """The static page, isolated, in which a photo has been dropped and a style pressed."""
    with served(static) as address, watched(browser, address) as one:
        yield one.open()


def drop(page, target, path, name=None):
    page.evaluate(DROP, [target, name or path.name, base64.b64encode(path.read_bytes()).decode()])


def rest(page, change):
    """Do something, and wait until the picture that follows is shown at full size."""
    before = page.inner_text("#line") if page.is_visible("#line") else ""
    change()
    for _ in range(600):
        page.wait_for_timeout(50)
        if page.is_visible("#line") and page.inner_text("#line") != before and not page.is_visible("#progress"):
            return page.inner_text("#line")
    errors = page.locator("#error, #photo-error, .error").all_inner_texts()
    raise AssertionError(f"still {before!r}; {' '.join(filter(None, errors))}")


def slide(page, name, value):
    page.evaluate(
        """([name, value]) => {
          const slider = document.getElementById(name);
          slider.value = value;
          for (const kind of ["input", "change"]) slider.dispatchEvent(new Event(kind));
        }""",
        [name, value],
    )


def saved(page, button, folder):
    with page.expect_download(timeout=LONG) as waiting:
        page.click(button)
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def commanded(line, folder, monkeypatch):
    """The picture that a command line makes in a folder."""
    monkeypatch.chdir(folder)
    words = shlex.split(line)
    out = f"commanded{words[-1][-4:]}"
    done = CliRunner().invoke(app, [*words[1:-1], out])
    assert done.exit_code == 0, done.output
    return np.asarray(Image.open(folder / out).convert("RGB")).astype(int)


def test_drop_every_control_download_and_history(page, small_photo, painting, tmp_path, monkeypatch):
    drop(page, "#stage", small_photo)
    page.wait_for_selector("#tools", state="visible")
    line = rest(page, lambda: drop(page, "#chosen", painting))
    assert line == "pasticcio stylize cat.png -s 'my painting.png' --model fast -o 'cat-my painting.png'"
    page.check("#adding")
    assert "-s dance:0.5" in rest(page, lambda: page.click("#list [data-style=dance]"))
    slide_weight = "#chosen li:last-child input"
    rest(page, lambda: page.fill(slide_weight, "25"))
    for name, value, flag in (
        ("strength", "0.8", "--strength 0.8"),
        ("stroke", "0.5", "--stroke 1.41"),
        ("texture", "2", "--texture 2"),
        ("style_size", "224", "--style-size 224"),
    ):
        assert flag in rest(page, lambda name=name, value=value: slide(page, name, value))
    line = rest(page, lambda: page.select_option("#colors", "luminance"))
    assert "-s 'my painting.png:0.8' -s dance:0.2" in line
    for path in (small_photo, painting):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    found = saved(page, "#download", tmp_path)
    assert found.name == "cat-my painting-dance.png"
    off = np.abs(np.asarray(Image.open(found).convert("RGB")) - commanded(line, tmp_path, monkeypatch))
    assert off.mean() < 0.2  # levels; weights of 16 bits against 32

    page.select_option("#format", "jpeg")
    assert saved(page, "#download", tmp_path).read_bytes()[:3] == b"\xff\xd8\xff"
    page.select_option("#format", "png")
    assert page.locator("#history li").count() == 8
    back = rest(page, lambda: page.locator("#history .again").last.click())
    assert back == "pasticcio stylize cat.png -s 'my painting.png' --model fast -o 'cat-my painting.png'"
    assert page.input_value("#colors") == "style"


def test_random_like_this_and_the_map(page, tmp_path, small_photo, monkeypatch):
    page.uncheck("#adding")
    rest(page, lambda: page.click("#random"))
    line = rest(page, lambda: (page.fill("#seed", "7"), page.press("#seed", "Enter")))
    assert line == "pasticcio stylize cat.png -s random --seed 7 --model fast -o cat-random.png"
    (tmp_path / "cat.png").write_bytes(small_photo.read_bytes())
    found = np.asarray(Image.open(saved(page, "#download", tmp_path)).convert("RGB")).astype(int)
    off = np.abs(found - commanded(line, tmp_path, monkeypatch))
    assert off.max() <= 1  # the browser draws what numpy draws
    page.fill("#seed", "-1")
    page.press("#seed", "Enter")
    assert page.inner_text("#control-error") == "seed is -1; it must be a whole number, 0 or more"
    page.fill("#seed", "8")
    rest(page, lambda: page.press("#seed", "Enter"))

    page.click("#tab-map")
    box = page.locator("#plane [data-style=kiss]").bounding_box()
    line = rest(page, lambda: page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2))
    assert "-s kiss --model fast -o" in line
    line = rest(page, lambda: page.locator("#chosen button", has_text="Like this").click())
    assert re.search(r"-s like:kiss --seed \d+ --spread 0.3 ", line)
    plane = page.locator("#plane").bounding_box()
    line = rest(page, lambda: page.mouse.click(plane["x"] + 4, plane["y"] + plane["height"] - 4))
    assert line.count(" -s ") == 3
    page.click("#tab-list")


def test_a_mask_is_painted_undone_and_saved(page, tmp_path, small_photo, monkeypatch):
    rest(page, lambda: page.click("#list [data-style=dance]"))
    page.click("#brush")
    assert page.is_disabled("#undo")
    box = page.locator("#view").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 400, steps=4)
    line = rest(page, page.mouse.up)
    assert "-s dance --mask cat-mask.png --model fast -o" in line
    mask = np.asarray(Image.open(saved(page, "#save-mask", tmp_path)).convert("L"))
    assert mask.shape == (140, 176)
    assert set(mask[[0, -1]].ravel().tolist()) == {0}
    assert mask.max() == 255
    (tmp_path / "cat.png").write_bytes(small_photo.read_bytes())
    found = np.asarray(Image.open(saved(page, "#download", tmp_path)).convert("RGB")).astype(int)
    assert np.abs(found - commanded(line, tmp_path, monkeypatch)).mean() < 0.2
    page.focus("#view")
    assert "--mask" not in rest(page, lambda: page.keyboard.press("Control+z"))
    page.click("#brush")


def test_the_keyboard_does_what_the_mouse_does(page):
    page.focus("#view")
    before = page.inner_text("#zoom")
    page.keyboard.press("+")
    page.wait_for_timeout(100)
    assert page.inner_text("#zoom") != before
    page.keyboard.press("0")
    page.wait_for_timeout(100)
    assert page.inner_text("#zoom") == before
    for _ in range(4):
        page.keyboard.press(">")
    assert page.input_value("#divider") == "20"
    page.keyboard.press("<")
    assert page.input_value("#divider") == "15"
    page.keyboard.press("b")
    page.keyboard.press("e")
    assert page.get_attribute("#eraser", "aria-pressed") == "true"
    page.keyboard.press("ArrowRight")
    assert "--mask" in rest(page, lambda: page.keyboard.press(" "))
    rest(page, lambda: page.keyboard.press("Control+z"))
    page.keyboard.press("e")
    page.keyboard.press("b")
    page.focus("#tab-list")
    page.keyboard.press("ArrowRight")
    assert page.is_visible("#plane")
    page.keyboard.press("ArrowLeft")
    page.focus("#list [data-style=irises]")
    assert "-s irises" in rest(page, lambda: page.keyboard.press("Enter"))


def test_what_is_no_picture_is_refused_where_it_was_given(page, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    drop(page, "#stage", bad)
    page.wait_for_selector("#photo-error:not(:empty)")
    assert page.inner_text("#photo-error") == "bad.png cannot be read; choose a JPEG, PNG or WebP"
    drop(page, "#chosen", bad)
    page.wait_for_selector("#chosen .error")
    assert "bad.png cannot be read by this browser" in page.inner_text("#chosen .error")
    assert "-s dance" in rest(page, lambda: page.click("#list [data-style=dance]"))  # in its place
    assert not page.locator("#chosen .error").count()


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1200, "light")])
def test_nothing_is_cut_off_at_any_width(page, width, scheme):
    page.set_viewport_size({"width": width, "height": 740})
    page.emulate_media(color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for name in ("#download", "#random", "#zoom-in", "#strength", "#runs"):
        page.locator(name).scroll_into_view_if_needed()
        box = page.locator(name).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width


def test_everything_has_a_name_for_screen_readers(page):
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, canvas")].filter(one => one.checkVisibility() &&
          !(one.ariaLabel || one.textContent.trim() || one.labels?.length)).map(one => one.outerHTML)"""
    )
    assert nameless == []


def test_the_lines_that_are_copied_are_those_that_are_shown_and_the_command_takes_them(
    page, small_photo, painting, tmp_path, monkeypatch
):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    first = page.get_attribute("#history li:first-child p", "title")
    page.uncheck("#adding")
    photo, style = "-it's a cat.png", "-half $HOME.png"
    rest(page, lambda: drop(page, "#stage", small_photo, photo))
    line = rest(page, lambda: drop(page, "#chosen", painting, style))
    page.click("#copy")
    page.locator("#copy", has_text="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == line
    entry = page.locator("#history li", has=page.locator(f'p[title="{first}"]')).first
    entry.locator("button:not(.again)").click()
    entry.locator("button", has_text="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == first
    for name, path in ((photo, small_photo), (style, painting)):
        (tmp_path / name).write_bytes(path.read_bytes())
    words = shlex.split(line)
    assert words[2:5] == [f"./{photo}", "-s", f"./{style}"]
    assert commanded(line, tmp_path, monkeypatch).shape == (140, 176, 3)


def test_the_line_names_the_model_where_it_is_not_the_default_one(page):
    found = page.evaluate(
        """async () => {
          const [{ state, snapshot }, { commandLine }] = [await import("./state.js"), await import("./command.js")];
          const name = state.model, lines = [];
          for (state.model of [name, "default"]) lines.push(commandLine(snapshot()));
          state.model = name;
          return [name, ...lines];
        }"""
    )
    name, own, default = found
    assert name == "fast"
    assert "--model fast -o" in own
    assert default == own.replace(" --model fast", "")
