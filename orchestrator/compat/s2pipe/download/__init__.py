"""Step one: downloading."""
