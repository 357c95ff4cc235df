"""From a clip to the same clip in the manner of a style.

`reading` opens a file and yields its frames, upright, each with its time; `motion` is what moved between two frames;
`steady` renders frame after frame so that they do not flicker; `looks` is how frames are rendered at a time; `stylize`
goes from frames to frames, in the threads of a `pipeline`. `live` renders the frames of a `camera` as they come
and shows them in `sinks`. The extra `video` installs what is needed.
"""
