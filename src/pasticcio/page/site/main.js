// The page: wires its parts together.
import * as backEnd from "./backend.js";
import { $, element } from "./dom.js";
import { changed, onChange, state } from "./state.js";
import * as controls from "./controls.js";
import * as history from "./history.js";
import * as map from "./map.js";
import * as renders from "./renders.js";
import * as styles from "./styles.js";
import * as view from "./view.js";

let shown = null;  // the photo that the view has

async function takePhoto(file) {
  $("photo-error").textContent = "";
  try {
    if (file.type && !file.type.startsWith("image/")) throw new Error("no picture");
    const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
    const { width, height } = bitmap;
    state.photo = { file, name: file.name || "photo.png", width, height, bitmap };
  } catch {
    $("photo-error").textContent = `${file.name || "The picture"} cannot be read; choose a JPEG, PNG or WebP`;
    return;
  }
  changed("photo");
}

function showPhoto() {
  if (shown === state.photo) return;
  shown = state.photo;
  $("empty").hidden = true;
  $("tools").hidden = false;
  $("choose-photo").textContent = "Another photo";
  $("choose-photo").classList.remove("main");
  view.setPhoto(shown.bitmap);
}

/** Pictures from outside: a single one is the photo where there is none, or where it was dropped on the picture. */
function take(files, onPicture) {
  if (!files.length) return;
  if (onPicture || (!state.photo && files.length === 1)) takePhoto(files[0]);
  else styles.takeFiles(files);
}

function sources() {
  const file = $("photo-file");
  $("choose-photo").onclick = $("empty").onclick = () => file.click();
  file.onchange = () => { if (file.files[0]) takePhoto(file.files[0]); file.value = ""; };
  const over = on => $("stage").classList.toggle("over", on);
  addEventListener("dragover", event => {
    event.preventDefault();
    over($("stage").contains(event.target));
  });
  addEventListener("dragleave", () => over(false));
  addEventListener("drop", event => {
    event.preventDefault();
    over(false);
    take([...event.dataTransfer.files], $("left").contains(event.target));
  });
  addEventListener("paste", event => {
    const files = [...event.clipboardData.files];
    if (!files.length) return;
    event.preventDefault();
    take(files, !state.photo);
  });
}

const RUNS = { auto: "the best there is", cpu: "the CPU", webgpu: "WebGPU", int8: "the CPU, in 8 bits" };

async function tell() {
  const about = await backEnd.about();
  renders.setAbout(about);
  state.model = about.name;
  $("about").textContent = [about.text, about.note].filter(Boolean).join(". ") + ".";
  $("lacks").replaceChildren(...about.lacks.map(text => element("li", { textContent: text })));
  $("less").hidden = !about.lacks.length;
  $("runs-label").hidden = !about.choices.length;
  $("runs").replaceChildren(...about.choices.map(value => element("option", { value, textContent: RUNS[value] })));
  if (about.choices.length) $("runs").value = backEnd.runs();
  document.documentElement.dataset.provider = about.provider;
}

async function begin() {
  view.start();
  sources();
  onChange(({ what }) => { if (what === "photo" || what === "all") showPhoto(); });
  renders.start(backEnd, history.keep);
  try {
    const [found, schema] = await Promise.all([backEnd.styles(), backEnd.options()]);
    controls.start(schema);
    styles.start(found);
    map.start(found);
    document.documentElement.dataset.ready = "true";
    $("runs").onchange = async () => {
      backEnd.choose($("runs").value);
      await tell();
      if (state.photo && state.styles.length) renders.again();
    };
    await backEnd.prepare?.(() => !state.photo && !state.styles.length);
    await tell();
  } catch (error) {
    $("error").textContent = error.message;
  }
}

begin();
