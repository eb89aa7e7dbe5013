"""`python -m orchestrator` is the command `orchestrator`."""

from orchestrator.faces.cli.main import main

if __name__ == "__main__":
    main()
