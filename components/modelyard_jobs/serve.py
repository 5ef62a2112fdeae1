"""The serving container's program: `python -m modelyard_jobs.serve my_model:load`.

It answers as SageMaker asks (`GET /ping`, `POST /invocations`, port 8080), and keeps a part of the calls where the
deployment says so, as it must where SageMaker has no capture of its own. `GET /metrics` tells Prometheus of its calls.
Source: sagemaker/latest/dg/your-algorithms-inference-code.

`load` is given the folder of the model's files and gives what answers: a function of the payload and its content type
that gives the answer and its content type. It runs in a thread, so that `/ping` is answered meanwhile.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from modelyard_jobs.capturing import Capturing, Exchange, Settings, now

MODEL: Final = Path("/opt/ml/model")
PORT: Final = 8080
LARGEST: Final = 25 * 2**20
"""Bytes of a payload: what SageMaker lets through (sagemaker/latest/APIReference/API_runtime_InvokeEndpoint)."""
_ID: Final = "X-Amzn-SageMaker-Inference-Id"
_ATTRIBUTES: Final = "X-Amzn-SageMaker-Custom-Attributes"

Predict = Callable[[bytes, str], tuple[bytes | str, str]]


class Unanswerable(Exception):
    """What a model raises for a payload that it can't read: the caller gets its text and status 400."""


def application(predict: Predict, capturing: Capturing | None = None) -> Any:
    """The ASGI application that answers with `predict` and hands calls to `capturing`; absent, none is kept."""
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse, Response
    from starlette.routing import Route

    from modelyard_jobs.measuring import Measuring

    measuring = Measuring()

    async def ping(_: Request) -> Response:
        return Response(status_code=200)

    async def metrics(_: Request) -> Response:
        return Response(measuring.text(), media_type=measuring.content_type)

    async def invocations(request: Request) -> Response:
        return await measuring.measured(answer, request)

    async def answer(request: Request) -> Response:
        at, asked = now(), await request.body()
        if len(asked) > LARGEST:
            return PlainTextResponse(f"{len(asked)} bytes; {LARGEST} are taken", 413)
        asked_type = request.headers.get("content-type", "text/csv")
        try:
            said, said_type = await run_in_threadpool(predict, asked, asked_type)
        except Unanswerable as error:
            return PlainTextResponse(str(error), 400)
        except Exception as error:
            print(json.dumps({"failed": type(error).__name__}), file=sys.stderr)
            return PlainTextResponse("the model failed", 500)
        answered = said.encode() if isinstance(said, str) else said
        if capturing is not None:
            capturing.take(
                Exchange(
                    asked=asked,
                    asked_type=asked_type,
                    answered=answered,
                    answered_type=said_type,
                    at=at,
                    inference_id=request.headers.get(_ID, ""),
                    attributes=request.headers.get(_ATTRIBUTES, ""),
                )
            )
        return Response(answered, media_type=said_type)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        if capturing is not None:
            capturing.start()
        yield
        if capturing is not None:
            await run_in_threadpool(capturing.close)

    routes = [
        Route("/ping", ping, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
        Route("/invocations", invocations, methods=["POST"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def loaded(reference: str, folder: Path = MODEL) -> Predict:
    """What `module:function` gives for the model's files.

    Modules of the model's own folder `code/` are found as well. Raises `ValueError` for a reference that names none.
    """
    module, _, name = reference.partition(":")
    code = str(folder / "code")
    if code not in sys.path:
        sys.path.insert(0, code)
    try:
        load = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"{reference} names no function (module:function): {error}") from error
    return load(folder)


def main(arguments: Sequence[str]) -> None:
    """Load the model, then serve it until SageMaker ends the container."""
    import uvicorn

    reference = next((each for each in arguments if each != "serve"), os.environ.get("MODELYARD_MODEL", ""))
    settings = Settings.read()
    capturing = None
    if settings is not None:
        import boto3

        capturing = Capturing(settings, s3=boto3.client("s3"))
    predict = loaded(reference)
    uvicorn.run(application(predict, capturing), host="0.0.0.0", port=PORT, log_level="warning", access_log=False)


if __name__ == "__main__":
    main(sys.argv[1:])
