"""L4 edge: the command line. Every command is imported only when it is called."""
