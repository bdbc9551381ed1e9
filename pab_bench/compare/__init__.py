"""Two folders of videos that anyone made, measured against each other without any model."""
