"""Inner loops compiled by numba, on plain arrays. Imported only where they run."""
