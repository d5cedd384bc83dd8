"""L4 edge: HTTP. Health on TCP; the own API on a Unix socket for the command line."""

from gateway.web.server import WebServer

__all__ = ["WebServer"]
