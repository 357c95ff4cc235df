// Short ways to elements.

export const $ = id => document.getElementById(id);

/** A new element with properties and children; names with a dash are attributes. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.filter(child => child !== null && child !== undefined));
  return made;
}

export const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

/** Save a blob as a file. */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Make a toggle button of an element: `call` gets whether it is pressed. */
export function toggle(button, call) {
  const set = pressed => {
    button.setAttribute("aria-pressed", String(pressed));
    call(pressed);
  };
  button.addEventListener("click", () => set(button.getAttribute("aria-pressed") !== "true"));
  return set;
}
