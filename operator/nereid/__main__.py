"""Run the command line: `python -m nereid`."""

from nereid.cli import main

main(prog_name="nereid")
