// Pictures that were rendered, to go back to.
import { $, element } from "./dom.js";
import { commandLine } from "./command.js";
import { restore } from "./state.js";

const MOST = 30, SIDE = 120;
const entries = [];

async function small(blob) {
  const bitmap = await createImageBitmap(blob), side = Math.min(bitmap.width, bitmap.height);
  const canvas = element("canvas", { width: SIDE, height: SIDE }), pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(bitmap, (bitmap.width - side) / 2, (bitmap.height - side) / 2, side, side, 0, 0, SIDE, SIDE);
  bitmap.close();
  return canvas.toDataURL("image/jpeg", 0.8);
}

const alike = (ones, others, same) => ones.length === others.length && ones.every((one, i) => same(one, others[i]));
const fileOf = style => style.of ? fileOf(style.of) : style.file;

/** Whether two entries are one picture: a line names files, and two files may have one name. */
const same = (one, other) => one.line === other.line && one.kept.photo.file === other.kept.photo.file &&
  alike(one.kept.styles, other.kept.styles, (style, old) => fileOf(style) === fileOf(old)) &&
  alike(one.kept.strokes, other.kept.strokes, (stroke, old) => stroke === old);

/** Keep a picture; one that is there already comes first again. */
export async function keep(kept, blob) {
  const entry = { kept, line: commandLine(kept), picture: await small(blob) }, place = entries.findIndex(old => same(old, entry));
  if (place >= 0) entries.splice(place, 1);
  entries.unshift(entry);
  entries.length = Math.min(entries.length, MOST);
  show();
}

function show() {
  $("no-history").hidden = entries.length > 0;
  $("history").replaceChildren(...entries.map(entry => {
    const text = entry.line.replace(/^pasticcio stylize /, "").replace(/ -o .*$/, "");
    const again = element("button", { className: "again", "aria-label": `Go back to ${text}` }, element("img", { src: entry.picture, alt: "" }));
    again.onclick = () => restore(entry.kept);
    const copy = element("button", { textContent: "Copy", "aria-label": `Copy the command line of ${text}` });
    copy.onclick = async () => {
      try { await navigator.clipboard.writeText(entry.line); copy.textContent = "Copied"; } catch { copy.textContent = "No clipboard"; }
      setTimeout(() => { copy.textContent = "Copy"; }, 2500);
    };
    return element("li", {}, again, element("p", { textContent: text, title: entry.line }), copy);
  }));
}
