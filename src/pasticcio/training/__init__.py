"""From a recipe and folders of pictures to a model folder.

The way: `config` reads the recipe, `pictures`, `crops` and `batches` make the batches, `start` gives the network its
first weights, `train` takes the steps, `model_folder` writes the weights, `export` and `quantize` the graphs.
"""
