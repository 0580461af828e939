"""The script: finds its own package without site-packages, and keeps one engine."""

import signal
import sys

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path.append(__file__.rsplit("/", 3)[0])
    from onbox.supervisor.supervise import main

    sys.exit(main(sys.argv[1:]))
