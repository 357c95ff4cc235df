// The sliders, with the library's ranges.
import { $, element } from "./dom.js";
import { changed, DEFAULTS, onChange, state } from "./state.js";
import { draws } from "./meaning.js";

const LOGARITHMIC = new Set(["stroke"]), AUTO = new Set(["style_size", "stroke"]);
const LABELS = { strength: "Strength", stroke: "Stroke", texture: "Texture", colors: "Colors", style_size: "Style size", spread: "Distance", seed: "Seed" };
const COLORS = { style: "of the style", match: "of the photo, matched", luminance: "of the photo, exactly" };
const sets = {};

function slider(name, { minimum, maximum, description }) {
  const log = LOGARITHMIC.has(name), auto = AUTO.has(name), pixels = name === "style_size";
  const there = value => log ? Math.log2(value) : value, back = value => log ? 2 ** value : value;
  const low = there(minimum), high = there(maximum), step = pixels ? 16 : log ? 0.125 : 0.01;
  // The first step means what suits the photo's size.
  const input = element("input", { type: "range", id: name, min: auto ? low - step : low, max: high, step, title: description });
  const output = element("output", { htmlFor: name });
  const value = () => auto && input.valueAsNumber < low ? null : Number(back(input.valueAsNumber).toFixed(pixels ? 0 : 2));
  const show = () => {
    const text = value() === null ? "auto" : log ? `×${value()}` : pixels ? `${value()}` : value().toFixed(2);
    output.textContent = text;
    input.setAttribute("aria-valuetext", text);
  };
  const move = moving => { state.options[name] = value(); show(); changed("options", moving); };
  input.oninput = () => move(true);
  input.onchange = () => move(false);
  input.ondblclick = () => { set(DEFAULTS[name]); move(false); };
  const set = wanted => { input.value = wanted === null ? low - step : there(wanted); show(); };
  sets[name] = set;
  return element("div", { className: "control", id: `${name}-row` }, element("label", { htmlFor: name, textContent: LABELS[name], title: description }), input, output);
}

function choice(name, { enum: values, description }) {
  const input = element("select", { id: name, title: description }, ...values.map(value => element("option", { value, textContent: COLORS[value] ?? value })));
  input.onchange = () => { state.options[name] = input.value; changed("options"); };
  sets[name] = value => { input.value = value; };
  return element("div", { className: "control", id: `${name}-row` }, element("label", { htmlFor: name, textContent: LABELS[name], title: description }), input);
}

function number(name, { minimum, description }) {
  const input = element("input", { type: "number", id: name, min: minimum, step: 1, title: description });
  input.onchange = () => {
    const fits = input.validity.valid && input.value !== "" && input.valueAsNumber <= Number.MAX_SAFE_INTEGER;
    $("control-error").textContent = fits ? "" : `seed is ${input.value || "empty"}; it must be a whole number, 0 or more`;
    if (!fits) return;
    state.options[name] = input.valueAsNumber;
    changed("options");
  };
  sets[name] = value => { input.value = value; };
  return element("div", { className: "control", id: `${name}-row` }, element("label", { htmlFor: name, textContent: LABELS[name], title: description }), input);
}

function show() {
  for (const [name, set] of Object.entries(sets)) set(state.options[name]);
  $("seed-row").hidden = !draws(state.styles);
  $("spread-row").hidden = !state.styles.some(style => style.kind === "like");
  $("style_size-row").hidden = !state.styles.some(style => style.kind === "picture" || style.of?.kind === "picture");
}

export function start({ properties }) {
  const makers = { strength: slider, stroke: slider, colors: choice, texture: slider, style_size: slider, spread: slider, seed: number };
  $("controls").replaceChildren(...Object.entries(makers).map(([name, make]) => make(name, properties[name])));
  $("reset").onclick = () => {
    state.options = { ...DEFAULTS, seed: state.options.seed };
    $("control-error").textContent = "";
    show();
    changed("options");
  };
  onChange(({ what }) => { if (what === "all" || what === "styles") show(); });
  show();
}
