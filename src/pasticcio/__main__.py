"""`python -m pasticcio`."""

from pasticcio.cli.main import main

main()
