"""Tables that the sandbox ships: boundaries from open sources, and units invented within them."""
