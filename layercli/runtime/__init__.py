"""The torch side of layercli: layer modules that hold state, execution, training, export, analysis.

This is the only package that imports torch at the top of its modules.
"""
