// The command line that equals what the page shows.
import { DEFAULTS, percents, state } from "./state.js";
import { draws, masked } from "./meaning.js";

/** A word of a command line; a name that begins with a dash would be taken for an option. */
function quoted(name) {
  const text = name.startsWith("-") ? `./${name}` : name;
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

const stem = name => name.replace(/\.[^.]*$/, "") || "photo";

function styleName(style) {
  if (style.kind === "random") return "random";
  if (style.kind === "like") return `like:${styleName(style.of)}`;
  return style.name;
}

/** A name for the output: of the photo and its styles. */
export function outputName({ photo, styles }, format = "png") {
  const parts = [stem(photo.name), ...styles.map(style => styleName(style).replace(/^like:/, "like-")).map(stem)];
  return `${parts.join("-").slice(0, 80)}.${format === "jpeg" ? "jpg" : format}`;
}

export function maskName({ photo, styles }, target) {
  const number = styles.findIndex(style => style.id === target);
  return `${stem(photo.name)}-mask${number >= 0 ? `-${number + 1}` : ""}.png`;
}

/** The line for a snapshot of the state. */
export function commandLine(kept, format = "png") {
  const { photo, styles, options } = kept, words = ["pasticcio", "stylize", quoted(photo.name)], { all, each } = masked(kept);
  const shares = percents(styles), used = styles.filter((_, i) => each || shares[i] > 0);
  styles.forEach((style, i) => {
    if (!used.includes(style)) return;
    const weight = used.length > 1 && !each ? `:${shares[i] / 100}` : "";
    words.push("-s", quoted(styleName(style) + weight));
    if (each) words.push("--mask", quoted(maskName(kept, style.id)));
  });
  if (all && !each) words.push("--mask", quoted(maskName(kept, null)));
  const shown = { strength: "strength", stroke: "stroke", colors: "colors", texture: "texture", style_size: "style-size" };
  for (const [name, flag] of Object.entries(shown)) {
    if (options[name] !== DEFAULTS[name] && options[name] !== null) words.push(`--${flag}`, String(options[name]));
  }
  if (draws(styles)) words.push("--seed", String(options.seed));
  if (styles.some(style => style.kind === "like")) words.push("--spread", String(options.spread));
  if (state.model && state.model !== "default") words.push("--model", quoted(state.model));
  words.push("-o", quoted(outputName(kept, format)));
  return words.join(" ");
}
