"""Measurements of models: losses beside those of the unchanged photo, and the experiments of the paper, repeated.

`evaluate` is the command of that name. For the experiments, `material` holds the pictures and the loss network,
`measures` and `loss_meter` measure outputs, `context` is what every experiment is given. Each experiment has a module:
`observed`; `knowledge`, with `features` and `neighbors`; `smoothness`; and those that train, `trials` with `settings`.
`run` starts them by name.
"""
