"""Measuring models and exploring their embeddings."""
