"""The command line: ``app`` registers the commands, one file per command parses, asks and draws."""
