"""Pictures: files, bytes, PIL images and arrays become a `Picture`, upright and in sRGB, and are written again.

`read` reads (with `array`, `decoding`, `exif`, `icc`, `scale` and `sixteen_bit`), `picture` holds what was read,
`listing` finds picture files (with `sniffing`), `color`, `mask`, `resize` and `detail` work on pixels, and `write`
writes. Nothing here knows of styles or models.
"""
