"""`python -m hybridspan`."""

from hybridspan.cli import main

main()
