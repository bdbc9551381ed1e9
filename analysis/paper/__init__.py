"""What the PAB paper prints, as facts with their sources; unconfirmed numbers stay marked."""
