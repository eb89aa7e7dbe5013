"""Tables of tiles: how an area is cut into the footprints of chips, and what is known of each. Nothing is remote."""
