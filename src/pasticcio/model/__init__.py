"""A model on disk, and what runs its graphs.

The way: `folder` finds and checks the files, `sessions` loads them into a runtime, `auto` chooses the runtime,
`machine` says what the machine has. The models that ship with the package lie in `shipped/`.
"""
