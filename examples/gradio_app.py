"""A gradio app with a photo, a style picture and two sliders.

pip install pasticcio gradio
python examples/gradio_app.py
"""

from __future__ import annotations

import functools

import numpy as np

from pasticcio import Options, PasticcioError, Stylizer, list_styles


@functools.cache
def stylizer() -> Stylizer:
    """The model, loaded at the first use."""
    return Stylizer()


def render(photo: np.ndarray, picture: np.ndarray | None, name: str, strength: float, stroke: float) -> np.ndarray:
    """The photo in the manner of the picture, or of the named style where there is no picture.

    A stroke of 0 lets strokes grow with the photo.
    """
    style = stylizer().embed(picture) if picture is not None else list_styles()[name]
    return stylizer().stylize(photo, style, Options(strength=strength, stroke=stroke or None))


def page():
    """The app; `page().launch()` opens it on this machine only."""
    import gradio

    def answer(*given):
        try:
            return render(*given)
        except PasticcioError as error:
            raise gradio.Error(str(error)) from error

    return gradio.Interface(
        answer,
        [
            gradio.Image(label="Photo"),
            gradio.Image(label="Style picture"),
            gradio.Dropdown(list(list_styles()), value="dance", label="Style, where there is no picture"),
            gradio.Slider(0, 1.5, 1, label="Strength"),
            gradio.Slider(0, 8, 0, step=0.25, label="Stroke (0: as suits the photo's size)"),
        ],
        gradio.Image(label="Output", format="png"),
        title="Pasticcio",
    )


if __name__ == "__main__":
    page().launch()
