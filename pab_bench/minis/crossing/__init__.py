"""A harder procedural world: two patterned objects cross over photographs while a camera moves."""
