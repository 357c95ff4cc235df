"""Styles that a model was trained on against styles that it was not: the experiment "observed"."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from pasticcio.baselines.descent import Descent
from pasticcio.baselines.objective import Objective
from pasticcio.baselines.settings import LOSS, Settings
from pasticcio.experiments.context import Context
from pasticcio.experiments.loss_meter import PAIRS, SIDE, Losses, LossMeter
from pasticcio.experiments.material import Material, draw
from pasticcio.experiments.measures import SEED
from pasticcio.files import write_whole
from pasticcio.image.picture import Array
from pasticcio.nn.losses import LossConfig
from pasticcio.nn.tensors import to_array, to_batch
from pasticcio.nn.vgg import Vgg
from pasticcio.progress import Report
from pasticcio.render.stylizer import Stylizer
from pasticcio.space.figure import figure


def run(context: Context) -> str:
    """The experiment: its table; its losses are written to the results as JSON."""
    found = observed(
        Stylizer(context.model),
        context.material,
        pairs=context.amount or PAIRS,
        optimize=context.optimize,
        iterations=context.iterations,
        side=context.side,
        report=context.reporter("pairs"),
    )
    write_whole(context.results / "observed.json", json.dumps(found).encode())
    if context.out:
        observed_figure(found, context.out / "observed.png")
    return observed_text(found)


def observed(
    stylizer: Stylizer,
    material: Material,
    *,
    pairs: int = PAIRS,
    optimize: int = 0,
    iterations: int = 60,
    side: int = SIDE,
    report: Report | None = None,
) -> dict[str, Losses]:
    """Losses over paintings and textures that were trained on ("observed") and that were not, with the same photos.

    Args:
        stylizer: the model.
        material: the pictures and the loss network.
        pairs: of each group.
        optimize: number of pairs of each group for which the pixels are optimized too.
        iterations: of that optimization.
        side: of photos and styles, in pixels.
        report: called after every pair.

    Returns:
        Losses by group. Those of the optimization have the name of the group and ", optimum", and those of the network
        on the same pairs ", same pairs".
    """
    meter = LossMeter(material.loss_network(), side)
    rng = np.random.default_rng(SEED)
    photos = draw(material.files("photos", "test"), pairs, rng)
    groups = {
        f"{kind}, {name}": draw(material.files(kind, split), pairs, rng)
        for kind in ("paintings", "textures")
        for name, split in (("observed", "train"), ("unobserved", "test"))
    }

    def render(photo: Array, style: Array) -> Array:
        return stylizer.render(photo, stylizer.embed(style, side=side).embedding)

    def best(photo: Array, style: Array) -> Array:
        return optimum(photo, style, meter.vgg, iterations)

    found: dict[str, Losses] = {}
    done, total = 0, len(groups) * (pairs + optimize)

    def step() -> None:
        nonlocal done
        done += 1
        if report:
            report(done, total)

    for name, styles in groups.items():
        found[name] = meter.losses(render, photos, styles, step)
        if optimize:
            few = slice(0, optimize)
            found[f"{name}, optimum"] = meter.losses(best, photos[few], styles[few], step)
            found[f"{name}, same pairs"] = {key: values[few] for key, values in found[name].items()}
    return found


def optimum(photo: Array, style: Array, vgg: Vgg, iterations: int, loss: LossConfig = LOSS) -> Array:
    """The photo with its pixels optimized by L-BFGS (Gatys et al. 2015), by default over the training loss."""
    descent = Descent(Objective(vgg, photo, [(style, 1.0)], loss), to_batch(photo), Settings(iterations=iterations))
    return to_array(descent.run())


def observed_text(found: dict[str, Losses]) -> str:
    """Means, medians and quartiles by group, and ratios of unobserved to observed styles, in Markdown."""
    lines = ["| styles | pairs | content, mean | style, mean | median | quartiles |", "|---|---|---|---|---|---|"]
    for name, values in found.items():
        style = np.array(values["style"])
        low, middle, high = np.quantile(style, [0.25, 0.5, 0.75])
        lines.append(
            f"| {name} | {len(style)} | {np.mean(values['content']):.3f} | {style.mean():.3f} | {middle:.3f} | "
            f"{low:.3f} to {high:.3f} |"
        )
    lines.append("")
    for kind in ("paintings", "textures"):
        seen, unseen = (np.array(found[f"{kind}, {name}"]["style"]) for name in ("observed", "unobserved"))
        draws = np.random.default_rng(SEED).integers(len(seen), size=(2000, len(seen)))
        ratios = np.median(unseen[draws], axis=1) / np.median(seen[draws], axis=1)  # with the same photos
        low, high = np.quantile(ratios, [0.025, 0.975])
        lines.append(
            f"{kind.capitalize()}: median style loss of unobserved over observed styles "
            f"{np.median(unseen) / np.median(seen):.2f} (middle 95% of bootstrap draws {low:.2f} to {high:.2f})."
        )
    return "\n".join(lines)


def observed_figure(found: dict[str, Losses], out: Path) -> None:
    """Distributions of style and content loss by group, as a .png."""
    with figure(out, 9, 3.6) as drawn:
        from matplotlib.ticker import LogLocator

        for axes, key in zip(drawn.subplots(1, 2), ("style", "content"), strict=True):
            for number, name in enumerate(name for name in found if name.count(",") == 1):
                values = np.sort(found[name][key])
                shares = np.linspace(0, 1, len(values))
                axes.plot(values, shares, color=f"C{number // 2}", ls="-:"[number % 2], label=name)
            axes.set(xscale="log", xlabel=f"{key} loss", ylabel="share of pairs below")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
            axes.xaxis.set_major_formatter("{x:g}")
            axes.xaxis.set_minor_formatter("")
        axes.legend(frameon=False, fontsize=8)
