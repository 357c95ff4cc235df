"""The systems that came before the paper's, over the same losses: pixels optimized for one pair, one style tuned."""
