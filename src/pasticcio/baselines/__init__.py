"""Style transfer without a network for every style, over the losses of training.

`optimize` changes the pixels of one picture: `scales` plans the sizes, `objective` has the loss, `descent` the
optimizers, `settings` the settings. `tune` makes a model for a few paintings from one that exists: `start` makes the
network to start from, `measure` compares it with the result.
"""
