"""The command line: each command is a call of the library.

The way: `main` names the commands and imports the module of the one that was asked for.
"""
