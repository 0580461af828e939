"""`python -m onbox`, and the command `onbox`."""

import signal


def main() -> None:
    """Run the command line.

    An interrupt that comes while it is still imported ends the process without a word: Python would show where it was.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from onbox.cli.main import run

    run()


if __name__ == "__main__":
    main()
