"""`python -m onbox`."""

from onbox.cli.main import run

if __name__ == "__main__":
    run()
