"""From a photo and a style to a picture.

The way: `options` says how, `embedder` turns style pictures into styles, `stylizer` renders in one pass or in `tiles`,
`batch` does so for whole folders.
"""
