"""`python -m mailer` is the command `mailer`."""

from mailer.cli import main

main()
