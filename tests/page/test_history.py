"""The history of the page: a picture that is made again is one entry, two pictures whose lines agree are two."""

import re

import pytest

pytest.importorskip("starlette", reason="needs the extra serve")

from pages import watched
from pasticcio.render.stylizer import Stylizer
from server_made import serving

LONG = 60_000  # milliseconds
# Calls `keep` with what the page would be showing, without rendering it: one step after another, of files that bear the
# same names. Returns how many entries there are after each.
STEPS = """async () => {
  const {keep} = await import("./history.js"), {snapshot, state} = await import("./state.js");
  const blob = await new Promise(done => document.createElement("canvas").toBlob(done));
  const photo = () => ({file: new File(["x"], "cat.png"), name: "cat.png", width: 40, height: 30});
  let id = 0;
  const style = (kind, more) => ({id: ++id, kind, weight: 1, ...more});
  const picture = file => style("picture", {name: file.name, file}), like = file => style("like", {of: picture(file)});
  const one = new File(["1"], "style.png"), other = new File(["2"], "style.png"), first = {}, second = {};
  for (const one of [first, second]) Object.assign(one, {target: null, erase: false, size: 0.1, points: [[0, 0]]});
  const steps = {
    "a style": () => { state.photo = photo(); state.styles = [style("named", {name: "dance"})]; },
    "another style": () => { state.styles = [style("named", {name: "kiss"})]; },
    "the first one again": () => { state.styles = [style("named", {name: "dance"})]; },
    "a stroke": () => { state.strokes = [first]; },
    "undone": () => { state.strokes = []; },
    "another stroke": () => { state.strokes = [second]; },
    "another photo": () => { state.strokes = []; state.photo = photo(); },
    "a picture": () => { state.styles = [picture(one)]; },
    "another picture": () => { state.styles = [picture(other)]; },
    "like a picture": () => { state.styles = [like(one)]; },
    "like another": () => { state.styles = [like(other)]; },
    "like that one again": () => { state.styles = [like(other)]; },
  };
  const counts = {};
  for (const [name, step] of Object.entries(steps)) {
    step();
    await keep(snapshot(), blob);
    counts[name] = document.querySelectorAll("#history li").length;
  }
  return counts;
}"""
REMOVE = """async () => {
  const {state} = await import("./state.js"), dance = {id: 1001, kind: "named", name: "dance", weight: 1};
  const names = [], rest = [2, 3].map(id => ({...dance, id: 1000 + id})), click = HTMLAnchorElement.prototype.click;
  HTMLAnchorElement.prototype.click = function () { names.push(this.download); };
  state.photo = {file: new File(["x"], "cat.png"), name: "cat.png", width: 40, height: 30};
  state.strokes = [{target: 1003, erase: false, size: 0.1, points: [[0.5, 0.5]]}];
  for (const styles of [[dance, ...rest], rest]) {
    state.styles = styles;
    await document.getElementById("save-mask").onclick();
  }
  HTMLAnchorElement.prototype.click = click;
  return names;
}"""


@pytest.fixture
def one(browser):
    """The page over a server, once it can be used."""
    stylizer = Stylizer(threads=1, runtime="onnxruntime")
    with serving(stylizer) as server, watched(browser, f"http://127.0.0.1:{server.place.port}/") as one:
        one.page.goto(one.address)
        one.page.wait_for_selector("html[data-ready]", timeout=LONG)
        yield one


def newest(page, line):
    """Wait until the line of the first entry is this one."""
    page.locator("#history li:first-child p", has_text=re.compile(line)).wait_for(timeout=LONG)


def test_a_picture_that_is_rendered_again_comes_first_and_once(one, small_photo):
    page = one.page
    page.set_input_files("#photo-file", small_photo)
    for name in ("dance", "kiss", "dance"):
        page.click(f"#list [data-style={name}]")
        newest(page, f"-s {name}$")
    assert page.locator("#history li").count() == 2
    page.click("#history li:last-child .again")
    newest(page, "-s kiss$")
    assert page.locator("#history li").count() == 2


def test_pictures_are_one_entry_where_files_and_strokes_are_the_same_not_where_names_are(one):
    assert one.page.evaluate(STEPS) == {
        "a style": 1,
        "another style": 2,
        "the first one again": 2,
        "a stroke": 3,
        "undone": 3,
        "another stroke": 4,
        "another photo": 5,
        "a picture": 6,
        "another picture": 7,
        "like a picture": 8,
        "like another": 9,
        "like that one again": 9,
    }


def test_a_mask_bears_the_number_that_its_style_has_now(one):
    names = one.page.evaluate(REMOVE)
    assert names == [f"cat-mask-{number}.png" for number in (1, 2, 3, 1, 2)]
