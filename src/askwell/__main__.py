"""`python -m askwell` is `askwell`."""

from askwell.cli import main

if __name__ == "__main__":
    main()
