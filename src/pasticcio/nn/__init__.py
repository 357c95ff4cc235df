"""The networks and the losses, in plain torch: tensors in, tensors out, no files and no command line."""
