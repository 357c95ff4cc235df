"""Styles: embeddings with a name and the model they belong to.

`style` has the Style and its arithmetic, `gaussian` the distribution that random styles are drawn from, `named` the
styles that come with the package. The data of the last two lies in `library/`. Pictures become styles in `render`.
"""
