"""From a clip to the same clip in the manner of a style.

A file is opened (`opening`) as a clip (`reading`) or an animated picture (`animation`), whose frames (`frames`) come
upright, in RGB (`color`), each with its time. `stylize` goes from frames to frames: `motion` is what moved between two
of them, `steady` renders frame after frame so that they do not flicker, `looks` and `keyframes` are how frames are
rendered at a time, and `pipeline` does it all at once, in threads. `convert` goes from file to file: outputs are
encoded (`encoding`) in parts (`parts`), which are joined with the sound and all else (`joining`). `live` renders the
frames of a `camera` as they come and shows them in `sinks`. The extra `video` installs what is needed.
"""
