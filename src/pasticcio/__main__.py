"""`python -m pasticcio`."""

from pasticcio.cli.main import main

if __name__ == "__main__":  # processes that `multiprocessing` starts import this module too
    main()
