"""The networks and the losses, in torch.

The way: `predictor` gives an embedding, `network` turns it into scales and shifts, `paper` and `fast` render with
them through `transfer` and the layers of `norm`; `vgg` describes pictures for `losses`. No module here reads or writes
files: weights come as tensors by name.
"""
