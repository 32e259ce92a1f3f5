"""The command line: ``main`` registers the commands; each command's file parses, asks a source, and draws."""
