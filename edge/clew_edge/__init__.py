"""clew at the edge: the same decisions on server-rendered pages, while they stream."""
