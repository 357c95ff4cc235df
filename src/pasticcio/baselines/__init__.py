"""The systems that came before, over the same losses: pixels optimized for one pair, a model tuned to one painting."""
