"""``python -m dlgeom`` is the ``dlgeom`` command."""

from dlgeom.cli import main

if __name__ == "__main__":
    main()
