// What styles and strokes mean together; no elements of the page here.

/** Whether a style is drawn by chance. */
export const drawn = style => style.kind === "random" || style.kind === "like";
export const draws = styles => styles.some(drawn);

/** Whether there is a mask for all, and whether every style has one of its own. */
export function masked({ styles, strokes }) {
  const each = styles.length > 1 && strokes.some(stroke => styles.some(style => style.id === stroke.target));
  return { all: strokes.some(stroke => stroke.target === null), each };
}
