"""Programs as a user writes them who has read the README and the guides, and no more."""
