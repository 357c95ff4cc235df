"""Clips that PyAV makes for tests, and what is in a clip."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from pasticcio.video.convert import Made, Request, convert
from pasticcio.video.looks import Look, constant
from pasticcio.video.steady import Steadiness

ALONE = Steadiness(anchor=False, carry=0)
WHOLE = {  # of a clip with all that one may have
    "sound": "aac", "subtitles": [(0.1, "Hello"), (0.5, "again")], "chapters": [(0, "One"), (0.4, "Two")],
    "metadata": {"title": "A cup", "artist": "me"},
}  # fmt: skip


def scene(count, size=(48, 64), step=2):
    """Frames over which a part of scikit-image's photo of a cup moves, (H, W, 3)."""
    from skimage import data

    photo = data.coffee()[100:, 150:]
    return [np.ascontiguousarray(photo[: size[0], step * i : step * i + size[1]]) for i in range(count)]


def make_clip(
    path,
    frames,
    ticks=None,
    codec="libx264",
    form="yuv420p",
    rate=25,
    tick=None,
    sound=None,
    subtitles=(),
    chapters=(),
    colors=None,
    options=None,
    metadata=None,
    rotation=0,
    container=None,
    aspect=None,
    attachment=None,
):
    """Write a clip.

    Args:
        path: of the file.
        frames: (H, W, 3), uint8 or uint16, or (H, W, 4), uint8.
        ticks: their times in ticks; by default 0, 1, 2 and so on.
        codec, form: FFmpeg's names of the encoder and the pixel format.
        rate: frames a second.
        tick: seconds of a tick; by default of a frame.
        sound: FFmpeg's name of an encoder, which gets a tone.
        subtitles: pairs of seconds and text.
        chapters: pairs of seconds and title.
        colors: matrix and whether the range is full.
        options, container: of the encoder and the container.
    """
    import av

    tick = Fraction(1, rate) if tick is None else tick
    chosen = {"preset": "ultrafast", "crf": "1"} if codec in ("libx264", "libx265") else {}
    with av.open(str(path), "w", options=container or {}) as file:
        stream = file.add_stream(codec, rate=rate, options={**chosen, **(options or {})})
        stream.height, stream.width = frames[0].shape[:2] if len(frames) else (48, 64)
        stream.pix_fmt = form
        stream.codec_context.time_base = tick
        matrix, full = colors or (None, False)
        if matrix is not None:
            stream.codec_context.colorspace, stream.codec_context.color_range = matrix, 2 if full else 1
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        tone = subtitle = None
        if sound:
            tone = file.add_stream(sound, rate=48000)
            tone.layout = "stereo"
            tone.metadata["language"], tone.metadata["title"] = "deu", "Ton"
        if subtitles:
            subtitle = file.add_mux_stream("mov_text" if str(path).endswith("mp4") else "subrip")
        if attachment is not None:
            file.add_attachment("font.ttf", "font/ttf", attachment)
        file.metadata.update(metadata or {})
        file.set_chapters(_chapters(chapters))
        file.start_encoding()
        for number, pixels in enumerate(frames):
            kind = "rgba" if pixels.shape[2] == 4 else "rgb24" if pixels.dtype == np.uint8 else "rgb48le"
            frame = av.VideoFrame.from_ndarray(pixels, format=kind)
            scaler = {} if matrix is None else {"dst_colorspace": matrix, "dst_color_range": 2 if full else 1}
            frame = frame.reformat(format=form, src_color_range=2, **scaler)
            frame.pts, frame.time_base = number if ticks is None else ticks[number], tick
            file.mux(stream.encode(frame))
            if tone is not None:
                file.mux(tone.encode(_tone(number, rate)))
        for text_at, text in subtitles:
            data = text.encode()
            packet = av.Packet(len(data).to_bytes(2, "big") + data if str(path).endswith("mp4") else data)
            packet.stream, packet.time_base = subtitle, Fraction(1, 1000)
            packet.pts = packet.dts = int(text_at * 1000)
            packet.duration = 200
            file.mux(packet)
        file.mux(stream.encode(None))
        if tone is not None:
            file.mux(tone.encode(None))
    return path


def _chapters(given):
    ends = [*[begin for begin, _ in given][1:], given[-1][0] + 1] if given else []
    return [
        {"id": i, "start": int(begin * 1000), "end": int(end * 1000), "time_base": Fraction(1, 1000),
         "metadata": {"title": title}}
        for i, ((begin, title), end) in enumerate(zip(given, ends, strict=True), 1)
    ]  # fmt: skip


def _tone(number, rate):
    import av

    count = 48000 // rate
    wave = 0.3 * np.sin(2 * np.pi * 440 * np.arange(number * count, (number + 1) * count) / 48000)
    frame = av.AudioFrame.from_ndarray(np.stack([wave, wave]).astype(np.float32), format="fltp", layout="stereo")
    frame.sample_rate, frame.pts = 48000, number * count
    return frame


@dataclass
class Seen:
    """What is in a clip.

    Attributes:
        times: of the frames, in seconds.
        frames: (H, W, 3).
        packets: for each kind of stream but video, the bytes of its packets.
        starts: for each kind of stream but video, the seconds of its packets.
    """

    times: list = field(default_factory=list)
    frames: list = field(default_factory=list)
    packets: dict = field(default_factory=dict)
    starts: dict = field(default_factory=dict)
    codec: str = ""
    form: str = ""
    metadata: dict = field(default_factory=dict)
    languages: dict = field(default_factory=dict)
    chapters: list = field(default_factory=list)
    duration: float = 0.0
    colors: tuple = ()


def see(path):
    """What PyAV finds in a clip."""
    import av

    seen = Seen()
    with av.open(str(path)) as file:
        video = file.streams.video[0]
        seen.metadata, seen.duration = dict(file.metadata), (file.duration or 0) / 1e6
        seen.languages = {one.type: one.metadata.get("language") for one in file.streams}
        seen.chapters = [
            (float(one["start"] * one["time_base"]), float(one["end"] * one["time_base"]), one["metadata"]["title"])
            for one in file.chapters()
        ]
        for packet in file.demux():
            kind = packet.stream.type
            if packet.size and kind != "video":
                seen.packets.setdefault(kind, []).append(bytes(packet))
                seen.starts.setdefault(kind, []).append(float(packet.pts * packet.time_base))
        file.seek(0)
        for frame in file.decode(video):
            seen.times.append(float(frame.pts * video.time_base))
            exact = frame.reformat(format="rgb24", dst_color_range=2, interpolation=4 | 8192 | 262144)
            seen.frames.append(exact.to_ndarray())
            seen.colors = int(frame.colorspace), int(frame.color_range)
        seen.codec, seen.form = video.codec_context.name, video.codec_context.pix_fmt
    return seen


def same(size):
    """A renderer that changes nothing."""
    return Made(constant(Look(lambda frame, *masks: frame)))


def change(source, out, make=same, report=lambda done, total: None, **request):
    """Convert a clip, by default without anything against flicker."""
    return convert(Request(source, Path(out), **{"steadiness": ALONE, **request}), make, report)


def apart(one, other):
    """The mean difference of two pictures."""
    return np.abs(np.asarray(one, float) - np.asarray(other, float)).mean()
