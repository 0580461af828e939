"""The script: finds its own package without site-packages, and keeps one engine."""

import signal
import sys

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path.append(__file__.rsplit("/", 4)[0])
    from onbox.standup.keeper.keep import main

    sys.exit(main(sys.argv[1:]))
