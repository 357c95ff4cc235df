"""From a photo and a style to a picture.

The way: `options` (each declared with its limits by `declare`) say how; `blend` tells what styles are asked for, `find`
what each of them is, `usage` whether the options fit them, and `embedder` makes styles of them, with colors changed by
`recolor`. `levels` are the sizes at which a photo is rendered. `stylizer` puts all of that into a `scene`; `plan`
decides whether it is rendered in one pass or in `tiles`, which are `windows` of a `canvas` that share `statistics`.
`content` checks what one forward pass takes. `stylize` is one call of all that, `batch` does whole folders. `schema`
describes the options for programs.
"""
