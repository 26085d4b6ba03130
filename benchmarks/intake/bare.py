"""A handler that reads a request and answers 202: what the web framework costs by itself."""

import sys
from typing import Any

import uvicorn
from litestar import Litestar, Request, Response, post


@post("/cloudevents", status_code=202)
async def events(request: Request[Any, Any, Any]) -> Response[bytes]:
    await request.body()
    return Response(b"", status_code=202)


if __name__ == "__main__":
    app = Litestar([events], openapi_config=None, logging_config=None)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
