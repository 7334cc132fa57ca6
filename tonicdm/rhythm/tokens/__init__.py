"""Machine tokens: the rules of minting, the issuer, the stored ledger and the broker."""
