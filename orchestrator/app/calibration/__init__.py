"""The smallest experiments on the real service that tell what no documentation tells; the sandbox takes the answers."""
