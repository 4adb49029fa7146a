"""``python -m feedbridge``."""

from feedbridge.cli import main

if __name__ == "__main__":
    main()
