"""The pages of the documentation that follow from the source, and the tree that Sphinx reads.

Nothing here is typed in twice: tasks, methods, metrics, figures, tables, models, presets, sweeps
and keys come from the registries and configuration files that the program itself reads.
"""
