"""Importing: the rows of a file become signals, each once, however often the file is given."""

from clew.integrations.importing.maps import CompiledMap, load_map
from clew.integrations.importing.report import Report
from clew.integrations.importing.run import check_import, import_file

__all__ = ["CompiledMap", "Report", "check_import", "import_file", "load_map"]
