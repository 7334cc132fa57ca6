"""The resources of Rhythm, one module each."""
