"""The figures of Modelyard, each with its target and a yardstick of the same run: `make bench`, docs/figures.md."""
