"""From a folder of pictures to a data set of the same pictures in other styles.

A picture goes through the modules in this order: `source` lists it, `choice` draws its styles and strengths, `work`
renders it, in one of the engines `local` and `ray_engine`, and `sink` writes it into a tree of files or into shards.
`manifest` says what became of every picture, and by it `run` knows which groups of pictures are done.

What a picture becomes depends on its own content, its key and the recipe, and on nothing else: not on the engine, the
number of workers, the order, or what other pictures there are.
"""
