"""``python -m voiceprint`` is the command line."""

import sys

from voiceprint.cli import main

if __name__ == "__main__":
    sys.exit(main())
