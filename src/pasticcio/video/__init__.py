"""From a clip to the same clip in the manner of a style.

`motion` is what moved between two frames; `steady` renders frame after frame so that they do not flicker. The extra
`video` installs what is needed.
"""
