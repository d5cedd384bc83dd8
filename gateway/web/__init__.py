"""L4 edge: HTTP. On TCP behind credentials; on a Unix socket for the command line; health for everyone."""

from gateway.web.app import Parts
from gateway.web.health import Place
from gateway.web.server import WebServer

__all__ = ["Parts", "Place", "WebServer"]
