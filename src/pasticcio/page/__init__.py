"""The page on which a photo is stylized while one looks at it: its files, and the builder of its static version.

`site/` holds the page: HTML, CSS and modules. `files` says where they, the thumbnails of the named styles and their
places on the map lie. `graphs` makes model graphs with 16-bit weights, `runtime` fetches onnxruntime-web, and `build`
writes a folder of static files from the three: a page that needs no server of ours.
"""
