"""Cloud Storage's JSON API: buckets, objects with generations and preconditions, media, uploads."""
