"""``python -m leadline`` is the command ``leadline``, for launchers that take a module, such as torchrun."""

import sys

from leadline.cli import main

if __name__ == "__main__":
    sys.argv[0] = "leadline"
    main()
