"""What runs deliver, a folder each; `registry` names them."""
