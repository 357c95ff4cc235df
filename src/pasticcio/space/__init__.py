"""The space of style embeddings: tables of embeddings, and what is computed from them.

`pictures` finds files, `embed` makes a table of them, `embeddings` is the table and `formats` its files. `neighbors`,
`layout` and `directions` (with `statistics` of pictures) compute from a table. `map` writes a page or a picture (with
`thumbnails`), `dots` a plot; `grids` draws sheets of outputs. `contact_sheet` and `figure` are what these draw with.
"""
