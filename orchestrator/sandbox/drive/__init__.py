"""Google Drive v3: files and folders, queries, media."""
