"""`python -m pasticcio`."""

from pasticcio.cli import main

main()
