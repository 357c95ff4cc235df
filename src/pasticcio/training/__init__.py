"""From a recipe and folders of pictures to a model folder.

The way: `config` reads the recipe, `batches` the pictures, `train` takes the steps, `export` and `quantize` write the
graphs.
"""
