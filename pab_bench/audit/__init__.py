"""An audit of somebody else's acceleration: what it really did, told by the modules themselves."""
