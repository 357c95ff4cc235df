"""ICC profiles made for the tests."""

import struct

import numpy as np

ADOBE = [[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]]  # colorants, D50


def icc(curve, colorants=ADOBE):
    """A display profile of RGB, or of gray where there are no colorants."""
    tags = {b"wtpt": b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)}
    if colorants:
        for i, name in enumerate("rgb"):
            values = [round(row[i] * 65536) for row in colorants]
            tags[f"{name}XYZ".encode()] = b"XYZ \0\0\0\0" + struct.pack(">3i", *values)
            tags[f"{name}TRC".encode()] = curve
    else:
        tags[b"kTRC"] = curve
    table, body, start = b"", b"", 132 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = start + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02400000 if b"para" not in curve else 0x04200000, b"mntr",
                       b"RGB " if colorants else b"GRAY", b"XYZ ")  # fmt: skip
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061) + bytes(48)
    return head + struct.pack(">I", len(tags)) + table + body


def para(kind, *values):
    return (
        b"para\0\0\0\0"
        + struct.pack(">HH", kind, 0)
        + struct.pack(f">{len(values)}i", *(round(v * 65536) for v in values))
    )


CURVES = {
    "gamma": b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)),
    "linear": b"curv\0\0\0\0" + struct.pack(">I", 0),
    "table": b"curv\0\0\0\0" + struct.pack(">I", 64) + (np.linspace(0, 1, 64) ** 1.8 * 65535).astype(">u2").tobytes(),
    "para 0": para(0, 1.8),
    "para 1": para(1, 2.4, 1 / 1.055, 0.055 / 1.055),
    "para 2": para(2, 2.0, 0.95, 0.02, 0.01),
    "para 3": para(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045),
    "para 4": para(4, 2.2, 0.98, 0.01, 0.3, 0.05, 0.004, 0.0),
}  # fmt: skip
