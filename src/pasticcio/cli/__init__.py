"""The command line: each command is a call of the library.

`main` lists the commands and imports the module of the command that was asked for. A module holds a family of
commands and takes the options that several of them share from `arguments`; `progress` draws progress bars; `ending`
sees to signals and to standard streams that are closed or full. No module here imports anything heavy before one of
its commands is called.
"""

BAD_INPUT = 2  # exit code: an error that the message explains; nothing was made
SOME_BAD = 1  # exit code: some pictures, named on standard error, could not be read or made; or `doctor` found a fault
INTERRUPTED = 130  # exit code: Ctrl-C; other signals that stop a command give 128 and their number
