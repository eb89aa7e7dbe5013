"""Pictures of what runs delivered: tiles of a map, thumbnails, values of one pixel, numbers of a band."""
