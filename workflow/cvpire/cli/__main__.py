"""`python -m cvpire.cli`."""

from cvpire.cli import main

main()
