"""The face of rendering."""
