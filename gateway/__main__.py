"""`python -m gateway` is `smsgw`."""

from gateway.cli.main import main

main()
