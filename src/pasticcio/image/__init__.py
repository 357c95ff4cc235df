"""Pictures: files, bytes, PIL images and arrays come in and go out; in between they are upright `Picture`s in sRGB.

The way: `picture` reads, `color`, `mask`, `resize` and `detail` work on what was read, and `picture` writes.
"""
