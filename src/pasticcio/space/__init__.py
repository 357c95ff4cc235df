"""The space of style embeddings: tables of them, and what is read off the tables.

The way: `embeddings` makes a table; `neighbors`, `directions` and `map` read it; `grids` and `contact_sheet`
draw pictures.
"""
