"""A gRPC server's own interceptors: `grpc.server(pool, interceptors=[OutriderInterceptor(monitor="http://…")])`.

Needs grpcio, which a server of gRPC has. Calls of the serving APIs that the sidecar reads (the Open Inference Protocol,
TensorFlow Serving, TorchServe) are known by the path of their method; all others pass untouched.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from collectors.decoders.registry import Registry
from collectors.intake.gathering import GatheringCounts
from collectors.intake.grpc_calls import CallCopies, CallCopy
from collectors.redaction import RedactionPolicy
from collectors.sampling import SamplingPolicy
from outrider.attachment import Attachment, gathering_of

CLOSE_SECONDS = 2.0
"""Of the server's end; what is not shipped then stays in the spool."""


class _Interceptor:
    """What both interceptors are made of."""

    def __init__(
        self,
        *,
        monitor: str | None = None,
        spool: Path | str | None = None,
        redaction: RedactionPolicy | None = None,
        sampling: SamplingPolicy | None = None,
    ) -> None:
        self._gathering = gathering_of(
            Attachment(
                monitor=monitor,
                spool=Path(spool) if spool is not None else None,
                name="grpc",
                redaction=redaction or RedactionPolicy(),
                sampling=sampling or SamplingPolicy(),
            )
        )
        self._copies = CallCopies(self._gathering, Registry())

    @property
    def counts(self) -> GatheringCounts:
        """What was offered, what had no room, what is in the spool, since the start of this process."""
        return self._gathering.counts

    @property
    def failed(self) -> int:
        """Calls that passed and whose copy failed by a fault of ours."""
        return self._copies.failed

    def close(self, timeout_s: float = CLOSE_SECONDS) -> bool:
        """Ship what can be shipped. At the end of the process this is done by itself."""
        return self._gathering.stop(timeout_s)

    def _watched(self, handler: Any, details: grpc.HandlerCallDetails) -> Any:
        """The handler of this call with a copy beside it; the same handler where it is no inference."""
        if handler is None:
            return None
        streams = bool(handler.request_streaming and handler.response_streaming)
        copy = self._copies.begin(details.method, details.invocation_metadata, streams=streams)
        return handler if copy is None else watch(handler, copy)


class OutriderInterceptor(_Interceptor, grpc.ServerInterceptor):  # type: ignore[misc]  # grpc has no types
    """For `grpc.server`."""

    def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], Any], handler_call_details: grpc.HandlerCallDetails
    ) -> Any:
        return self._watched(continuation(handler_call_details), handler_call_details)


class AioOutriderInterceptor(_Interceptor, grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpc has no types
    """For `grpc.aio.server`."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        return self._watched(await continuation(handler_call_details), handler_call_details)


def watch(handler: Any, copy: CallCopy) -> Any:
    """A handler that does the same, and hands every message to the copy after it has been read or made."""
    make, behaviour = _kind(handler)

    def read(data: bytes) -> Any:
        request = data if handler.request_deserializer is None else handler.request_deserializer(data)
        copy.asked(data)
        return request

    def write(answer: Any) -> bytes:
        data: bytes = answer if handler.response_serializer is None else handler.response_serializer(answer)
        copy.answered(data)
        return data

    return make(_told(behaviour, copy, streams=handler.response_streaming), read, write)


def _kind(handler: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """What makes a handler of its kind, and its behaviour."""
    if handler.request_streaming and handler.response_streaming:
        return grpc.stream_stream_rpc_method_handler, handler.stream_stream
    if handler.request_streaming:
        return grpc.stream_unary_rpc_method_handler, handler.stream_unary
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler, handler.unary_stream
    return grpc.unary_unary_rpc_method_handler, handler.unary_unary


def _told(behaviour: Callable[..., Any], copy: CallCopy, *, streams: bool) -> Callable[..., Any]:
    """The behaviour, of the same kind as it was: the library asks what it is."""
    if inspect.isasyncgenfunction(behaviour):

        async def generate(request: Any, context: Any) -> AsyncIterator[Any]:
            _listen(context, copy)
            try:
                async for answer in behaviour(request, context):
                    yield answer
            except Exception:
                copy.raised()
                raise
            copy.completed()

        return generate
    if inspect.iscoroutinefunction(behaviour):

        async def answer(request: Any, context: Any) -> Any:
            _listen(context, copy)
            try:
                answered = await behaviour(request, context)
            except Exception:
                copy.raised()
                raise
            copy.completed()
            return answered

        return answer
    return _told_by_thread(behaviour, copy, streams=streams)


def _told_by_thread(behaviour: Callable[..., Any], copy: CallCopy, *, streams: bool) -> Callable[..., Any]:
    def passed(answers: Iterator[Any], failed: Callable[[], None]) -> Iterator[Any]:
        try:
            yield from answers
        except Exception:
            failed()
            raise
        copy.completed()

    def answer(request: Any, context: Any) -> Any:
        context = context if hasattr(context, "code") else Overheard(context, streams=streams)
        ended = _listen(context, copy)

        def failed() -> None:
            copy.raised()
            if isinstance(context, Overheard):  # whose callbacks are of calls that went well
                ended()

        try:
            answered = behaviour(request, context)
        except Exception:
            failed()
            raise
        if hasattr(answered, "__next__"):
            return passed(answered, failed)
        copy.completed()
        return answered

    return answer


class Overheard:
    """The context of a plain function in an aio server, which forgets what it was told: the same, and it remembers."""

    def __init__(self, context: Any, *, streams: bool) -> None:
        self.streams = streams
        self._context = context
        self._code: grpc.StatusCode | None = None
        self._details = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def code(self) -> grpc.StatusCode | None:
        return self._code

    def details(self) -> str:
        return self._details

    def set_code(self, code: grpc.StatusCode) -> None:
        self._code = code
        self._context.set_code(code)

    def set_details(self, details: str) -> None:
        self._details = details
        self._context.set_details(details)

    def abort(self, code: grpc.StatusCode, details: str = "", *more: Any) -> None:
        self._code, self._details = code, details
        self._context.abort(code, details, *more)


def _listen(context: Any, copy: CallCopy) -> Callable[..., None]:
    """Be told of the end of the call, by whichever name this library has for it; answers what it calls then."""

    def ended(*_: Any) -> None:
        try:
            code, details = context.code(), context.details()
        except Exception:  # noqa: BLE001  (in the server's call; a library that changed costs the status, not the call)
            code, details = None, ""
        number = code.value[0] if isinstance(code, grpc.StatusCode) else code
        words = details.decode("utf-8", "replace") if isinstance(details, bytes) else details or ""
        copy.ended(number, words, is_answered_later=isinstance(context, Overheard) and not context.streams)

    if hasattr(context, "add_done_callback"):
        context.add_done_callback(ended)
        copy.watched()
    elif context.add_callback(ended) is not False:
        copy.watched()
    return ended
