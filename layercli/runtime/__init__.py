"""Where torch is: the mirror that holds state, execution, the meta device. The only place that imports torch at the top."""
