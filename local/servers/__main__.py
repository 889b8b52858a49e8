"""Lets `python3 local/servers install` run the folder as a program."""

import sys
from pathlib import Path

# Python puts the folder itself first on the path; the package is importable only from the folder above it.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from servers.install import main  # noqa: E402

sys.exit(main(sys.argv[1:]))
