"""The networks and the losses, in torch.

The way: `predictor` gives an embedding, `network` turns it into scales and shifts, `transfer` renders with them
through the layers of `norm`; `vgg` describes pictures for `losses`. No module here knows files.
"""
