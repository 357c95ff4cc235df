"""The experiments of the paper, repeated.

The way: `material` holds the pictures, `losses` measures, each experiment has a module, and `run`
writes the tables.
"""
