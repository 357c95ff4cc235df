"""Styles: embeddings with a name and the model they belong to, and the Gaussian that random ones are drawn from."""
