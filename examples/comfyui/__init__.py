"""A ComfyUI node: an image in the manner of another one, or of a named style.

Copy this folder to `ComfyUI/custom_nodes/pasticcio` and run `pip install pasticcio` in ComfyUI's environment. The node
is then under "image/style". Images are (B, H, W, 3) tensors in [0, 1], as everywhere in ComfyUI.
"""

from __future__ import annotations

import numpy as np
import torch

from pasticcio import Options, Stylizer, list_styles, mix

PICTURE = "(the style picture)"
_stylizer: list[Stylizer] = []  # loaded at the first use


class PasticcioStylize:
    """The node; ComfyUI reads its class attributes."""

    CATEGORY = "image/style"
    FUNCTION = "stylize"
    RETURN_TYPES = ("IMAGE",)

    @classmethod
    def INPUT_TYPES(cls):  # noqa: N802  # ComfyUI's name
        number = {"min": 0.0, "max": 1.5, "step": 0.05, "default": 1.0}
        return {
            "required": {
                "image": ("IMAGE",),
                "style": ([PICTURE, *list_styles()],),
                "strength": ("FLOAT", number),
                "stroke": ("FLOAT", {"min": 0.0, "max": 8.0, "step": 0.25, "default": 0.0}),
            },
            "optional": {"style_picture": ("IMAGE",)},
        }

    def stylize(self, image, style, strength, stroke, style_picture=None):
        """One output for each image; several style pictures are averaged. A stroke of 0: as suits an image."""
        if not _stylizer:
            _stylizer.append(Stylizer())
        stylizer = _stylizer[0]
        if style != PICTURE:
            chosen = list_styles()[style]
        elif style_picture is not None:
            chosen = mix([(stylizer.embed(one), 1 / len(style_picture)) for one in _arrays(style_picture)])
        else:
            raise ValueError("connect style_picture, or choose a named style")
        options = Options(strength=strength, stroke=stroke or None)
        outputs = [stylizer.stylize(one, chosen, options) for one in _arrays(image)]
        return (torch.from_numpy(np.stack(outputs)),)


def _arrays(images):
    return [image[..., :3].clamp(0, 1).cpu().float().numpy() for image in images]


NODE_CLASS_MAPPINGS = {"PasticcioStylize": PasticcioStylize}
NODE_DISPLAY_NAME_MAPPINGS = {"PasticcioStylize": "Stylize (Pasticcio)"}
