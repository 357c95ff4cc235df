// The styles in use: named ones, pictures, random ones and those like another, each with a weight.
import { $, element } from "./dom.js";
import { drawn } from "./meaning.js";
import { changed, MOST_STYLES, onChange, percents, state } from "./state.js";

let named = [], counter = 0;
const urls = new WeakMap();

const urlOf = file => {
  if (!urls.has(file)) urls.set(file, URL.createObjectURL(file));
  return urls.get(file);
};

/** A style is { id, kind: "named" | "picture" | "random" | "like", name, file, of, weight, problem }. */
const made = (kind, more) => ({ id: ++counter, kind, weight: 1, ...more });

/** A name for people. */
export function label(style) {
  if (style.kind === "like") return `like ${label(style.of)}`;
  if (style.kind === "random") return "random";
  return style.name;
}

const work = name => named.find(one => one.name === name);

/** Take styles into use: in place of those there are, or beside them. */
function take(styles, add = $("adding").checked) {
  const kept = add ? state.styles.filter(old => !(styles.some(drawn) && drawn(old))) : [];
  const all = [...kept, ...styles], many = all.length > MOST_STYLES;
  state.styles = all.slice(0, MOST_STYLES).sort((a, b) => drawn(b) - drawn(a));  // a drawn one is the first: its seed is for it
  $("style-error").textContent = many ? `${all.length} styles; the page mixes ${MOST_STYLES} at most, the others were left out` : "";
  changed("styles");
}

export function takeFiles(files) {
  const pictures = files.filter(file => file.type.startsWith("image/"));
  if (pictures.length) take(pictures.map(file => made("picture", { name: file.name || "pasted.png", file })), $("adding").checked);
  const others = files.length - pictures.length;
  if (others) $("style-error").textContent = `${files.find(file => !file.type.startsWith("image/")).name} is no picture; choose a JPEG, PNG or WebP`;
}

export function takeNamed(name, add = $("adding").checked) {
  const there = state.styles.find(style => style.kind === "named" && style.name === name);
  if (there && add) remove(there);
  else take([made("named", { name })], add);
}

/** A mix of named styles: pairs of name and weight. */
export function takeMix(pairs, moving) {
  const same = pairs.length === state.styles.length && pairs.every(([name], i) => state.styles[i].kind === "named" && state.styles[i].name === name);
  state.styles = pairs.map(([name, weight], i) => same ? { ...state.styles[i], weight } : made("named", { name, weight }));
  changed("styles", moving);
}

const seed = () => Math.floor(Math.random() * 100_000);

export function takeRandom() {
  state.options.seed = seed();
  take([made("random", {})]);
}

function takeLike(style) {
  state.options.seed = seed();
  take([made("like", { of: style.kind === "like" ? style.of : { ...style } })], false);
}

function remove(style) {
  state.styles = state.styles.filter(one => one.id !== style.id);
  changed("styles");
}

function picture(style) {
  if (style.kind === "picture") return element("img", { src: urlOf(style.file), alt: "" });
  if (style.kind === "named" && work(style.name)?.thumbnail) return element("img", { src: work(style.name).thumbnail, alt: "" });
  if (style.kind === "like") return picture(style.of);
  return element("span", { className: "blank", textContent: style.kind === "random" ? "?" : "≈", "aria-hidden": "true" });
}

function entry(style, share) {
  const about = style.kind === "named" ? work(style.name) : null, name = label(style);
  const second = about ? [about.title, about.artist].filter(Boolean).join(", ") : { picture: "your picture", random: "drawn by chance", like: "drawn nearby" }[style.kind] ?? "";
  const like = element("button", { textContent: "Like this", title: "A random style near this one", "aria-label": `A random style like ${name}` });
  like.onclick = () => takeLike(style);
  like.hidden = style.kind === "random";
  const close = element("button", { textContent: "×", "aria-label": `Remove ${name}` });
  close.onclick = () => remove(style);
  const item = element("li", {}, picture(style), element("span", { className: "name", title: name }, name, element("small", { textContent: second })), like, close);
  if (state.styles.length > 1) {
    const output = element("output", { textContent: `${share}%` });
    const slider = element("input", { type: "range", min: 0, max: 100, value: share, "aria-label": `Weight of ${name}` });
    const weigh = moving => {
      style.weight = slider.valueAsNumber / 100;
      const shares = percents();
      [...$("chosen").querySelectorAll("output")].forEach((one, i) => { one.textContent = `${shares[i]}%`; });
      changed("weights", moving);
    };
    slider.oninput = () => weigh(true);
    slider.onchange = () => weigh(false);
    item.append(element("div", { className: "weight" }, slider, output));
  }
  if (style.problem) item.append(element("p", { className: "error", role: "alert", textContent: style.problem }));
  return item;
}

export function show() {
  const shares = percents();
  $("chosen").replaceChildren(...state.styles.map((style, i) => entry(style, shares[i])));
  for (const button of document.querySelectorAll("[data-style]")) {
    button.setAttribute("aria-pressed", String(state.styles.some(style => style.kind === "named" && style.name === button.dataset.style)));
  }
}

/** The button of a named style. */
export function button(style) {
  const image = style.thumbnail
    ? element("img", { src: style.thumbnail, alt: "", loading: "lazy", draggable: false })
    : element("span", { className: "blank" });
  const title = [style.title, style.artist, style.year].filter(Boolean).join(", ");
  const one = element("button", { className: "style", title, "aria-pressed": "false", "aria-label": `${style.name}: ${title}` }, image);
  one.dataset.style = style.name;
  return one;
}

export function start(styles) {
  named = styles;
  $("list").replaceChildren(...styles.map(style => {
    const one = button(style);
    one.append(element("span", { textContent: style.name }));
    one.onclick = event => takeNamed(style.name, event.shiftKey || event.ctrlKey || event.metaKey || $("adding").checked);
    return one;
  }));
  $("choose-styles").onclick = () => $("style-files").click();
  $("style-files").onchange = () => { takeFiles([...$("style-files").files]); $("style-files").value = ""; };
  $("random").onclick = takeRandom;
  const tabs = [$("tab-list"), $("tab-map")];
  const open = tab => {
    for (const one of tabs) {
      one.setAttribute("aria-selected", String(one === tab));
      one.tabIndex = one === tab ? 0 : -1;
      $(one.getAttribute("aria-controls")).hidden = one !== tab;
    }
  };
  for (const tab of tabs) {
    tab.onclick = () => open(tab);
    tab.onkeydown = event => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      const other = tabs[1 - tabs.indexOf(tab)];
      open(other);
      other.focus();
    };
  }
  onChange(({ what }) => { if (what === "styles" || what === "all") show(); });
  show();
}
