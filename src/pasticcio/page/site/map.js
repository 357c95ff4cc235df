// The map of named styles: near means alike. A place between pictures is a mix of the nearest.
import { $, clamp, element } from "./dom.js";
import { onChange } from "./state.js";
import { button, takeMix, takeNamed } from "./styles.js";

const SIDE = 0.115, NEAREST = 3, LEAST = 0.05;  // side of a thumbnail; styles of a mix; weight below which one is left out

export function start(styles) {
  const placed = styles.filter(style => style.place), plane = $("plane"), pin = element("span", { className: "pin", hidden: true });
  if (placed.length < NEAREST) {
    $("tab-map").hidden = true;
    return;
  }
  const center = ([x, y]) => [SIDE / 2 + x * (1 - SIDE), SIDE / 2 + y * (1 - SIDE)];
  for (const style of placed) {
    const one = button(style), [x, y] = center(style.place);
    one.style.left = `${100 * (x - SIDE / 2)}%`;
    one.style.top = `${100 * (y - SIDE / 2)}%`;
    one.onclick = event => { if (event.detail === 0) takeNamed(style.name); };  // by the keyboard; pointers are seen below
    plane.append(one);
  }
  plane.append(pin);

  const mix = (x, y) => {
    const near = placed.map(style => {
      const [a, b] = center(style.place);
      return [style.name, Math.hypot(a - x, b - y)];
    }).sort((a, b) => a[1] - b[1]).slice(0, NEAREST);
    if (near[0][1] < SIDE * 0.38) return [[near[0][0], 1]];
    const weights = near.map(([name, distance]) => [name, 1 / distance ** 2]), sum = weights.reduce((total, [, weight]) => total + weight, 0);
    return weights.map(([name, weight]) => [name, weight / sum]).filter(([, weight]) => weight >= LEAST);
  };
  const put = (x, y) => {
    pin.hidden = false;
    pin.style.left = `${100 * x}%`;
    pin.style.top = `${100 * y}%`;
  };
  const at = event => {
    const box = plane.getBoundingClientRect();
    return [clamp((event.clientX - box.left) / box.width, 0, 1), clamp((event.clientY - box.top) / box.height, 0, 1)];
  };
  let held = false, moved = false, mixing = false;
  plane.onpointerdown = event => {
    held = true; moved = false;
    plane.setPointerCapture(event.pointerId);
    event.preventDefault();
  };
  plane.onpointermove = event => {
    if (!held) return;
    moved = true;
    put(...at(event));
    takeMix(mix(...at(event)), true);
  };
  plane.onpointerup = event => {
    if (!held) return;
    held = false;
    const pairs = mix(...at(event));
    if (!moved && pairs.length === 1) { takeNamed(pairs[0][0]); return; }
    put(...at(event));
    mixing = true;
    takeMix(pairs, false);
  };
  plane.onpointercancel = () => { held = false; };
  onChange(({ what }) => { if (!held && (what === "styles" || what === "all")) pin.hidden = !mixing; mixing = false; });
}
