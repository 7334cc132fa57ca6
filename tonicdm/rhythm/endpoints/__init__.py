"""The nouns of Rhythm, one file each."""
