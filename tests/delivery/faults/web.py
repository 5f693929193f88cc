"""A web application that emits when it is loaded, and as `/NAME/COUNT` is asked for."""

import os

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from clew import AsyncClient
from delivery.faults.application import client, emit
from delivery.faults.programs import emit_all

emit("master", 20)
async_client = AsyncClient.over(client)


def wsgi(environ, start_response):
    """Answer with the process that emitted, for servers of WSGI."""
    name, count = environ["PATH_INFO"].strip("/").split("/")
    body = str(emit(name, int(count))).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


async def page(request):
    """Answer with the process that emitted, on an event loop."""
    emit_all(async_client, request.path_params["name"], request.path_params["count"])
    return PlainTextResponse(str(os.getpid()))


asgi = Starlette(routes=[Route("/{name}/{count:int}", page)])
