"""Winograd's algorithm for the 3x3 convolutions of the loss networks on CPUs.

The way: `convolution` is what networks call, `tiles` is its compiled part.
"""
