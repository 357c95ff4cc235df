"""A model on disk, and the runtimes that run its graphs.

The way: `folder` finds a model and checks its files and its configuration (`config`), `names` makes sure of the
runtime that was asked for, `sessions` loads the graphs into onnxruntime or into OpenVINO (`openvino`), and `auto`
chooses between the two by a measurement. `machine` says what the machine has, `package` imports the runtimes' packages.
`hub` fetches models and publishes them; `fetched` finds those that were fetched.
The models that ship with the package lie in `shipped/`.
"""
