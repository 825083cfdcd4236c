"""The gateway: what every request meets before a provider sees it, and the headers that every answer carries."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from aiohttp import web

from hybridspan_lab.arm.admission import authenticate, body_of, check_version, query_of
from hybridspan_lab.arm.context import Answer, Arm, ArmRequest
from hybridspan_lab.arm.errors import (
    ArmError,
    method_not_allowed,
    unknown_type,
)
from hybridspan_lab.arm.faults import Fault
from hybridspan_lab.arm.login import base_url
from hybridspan_lab.arm.paths import Target, parse
from hybridspan_lab.arm.providers.catalogue import Catalogue
from hybridspan_lab.arm.providers.kind import Kind
from hybridspan_lab.arm.providers.subscriptions import Subscriptions
from hybridspan_lab.arm.request_journal import RequestJournal
from hybridspan_lab.arm.throttling import Throttle
from hybridspan_lab.arm.tokens import Bearer, TokenDesk

LOG = logging.getLogger(__name__)
OPERATION: Final = re.compile(
    r"/subscriptions/[^/]+/providers/[^/]+/locations/[^/]+/(operations|operationresults)/([^/]+)"
)


class Gateway:
    """Authenticates, throttles, strikes with faults, routes, answers, and writes the request down."""

    def __init__(
        self,
        arm: Arm,
        kinds: Mapping[str, Kind],
        subscriptions: Subscriptions,
        catalogue: Catalogue,
        desk: TokenDesk,
        journal: RequestJournal,
    ) -> None:
        self._arm = arm
        self._kinds = kinds
        self._subscriptions = subscriptions
        self._catalogue = catalogue
        self._desk = desk
        self._journal = journal
        self._throttle = Throttle(enabled=arm.settings.throttling)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answers one request."""
        started, target = time.monotonic(), parse(request.path)
        who, headers = "", dict[str, str]()
        try:
            bearer = authenticate(request, self._desk, self._arm.credentials.tenant)
            who = bearer.client_id
            check_version(request, target)
            headers = self._throttle.admit(request.method, target.subscription or "", who)
            answer = await self._answer(request, target, bearer)
        except ArmError as refused:
            answer = Answer(refused.status, refused.envelope(), refused.headers)
        except ConnectionResetError:
            self._write(request, started, 0, "ConnectionReset", who)
            return web.Response()  # goes nowhere: the connection has been cut
        except Exception:  # the edge: a bug of ours must look like one, and be found in the log
            LOG.exception("%s %s", request.method, request.path)
            error = ArmError(500, "InternalServerError", "The lab's Resource Manager has a bug; see its log.")
            answer = Answer(500, error.envelope())
        self._write(request, started, answer.status, _code(answer.body), who)
        return _response(request, answer, headers)

    def _write(self, request: web.Request, started: float, status: int, code: str, who: str) -> None:
        self._journal.write(
            method=request.method,
            path=request.path,
            api_version=request.query.get("api-version", ""),
            status=status,
            code=code,
            seconds=time.monotonic() - started,
            principal=who,
        )

    # ---- before the provider

    async def _answer(self, request: web.Request, target: Target, bearer: Bearer) -> Answer:
        self._check_subscription(target)
        fault = self._arm.faults.strike(request.method, target)
        ending = await self._meet(request, target, fault)
        if found := OPERATION.fullmatch(target.key):
            return self._operation(request, found[1], found[2])
        arm_request = ArmRequest(
            method=request.method,
            target=target,
            query=query_of(request),
            headers=request.headers,
            body=await body_of(request),
            base=base_url(request),
            bearer=bearer,
            fault=ending,
        )
        answer = self._route(arm_request)
        if fault is not None and fault.kind == "lost-answer":
            raise _cut(request)
        return answer

    def _check_subscription(self, target: Target) -> None:
        known = {subscription.lower() for subscription in self._arm.credentials.subscriptions}
        if target.subscription is not None and target.subscription.lower() not in known:
            message = f"The subscription '{target.subscription}' could not be found."
            raise ArmError(404, "SubscriptionNotFound", message)

    async def _meet(self, request: web.Request, target: Target, fault: Fault | None) -> dict[str, Any] | None:
        """Lets a fault strike; what is left of it is how the operation is to end."""
        if fault is None or fault.kind == "lost-answer":
            return None
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            return None
        if fault.kind == "reset":
            raise _cut(request)
        if fault.kind == "never-ends":
            return {"never": fault.id}
        if fault.kind == "fails-at-end":
            return fault.failure()
        raise fault.refusal(target)

    # ---- to the provider

    def _route(self, request: ArmRequest) -> Answer:
        own = self._subscriptions.answer(request) or self._catalogue.answer(request)
        if own is not None:
            return own
        if request.method == "POST" and request.target.is_collection and request.target.names:
            return self._action(request)
        kind = self._kinds.get(request.target.full_type)
        if kind is None:
            LOG.error(
                "no route for %s %s (%s)", request.method, request.target.path, request.target.full_type
            )
            raise unknown_type(request.target)
        if not (request.target.is_collection and kind.lists_what_is_seen):
            self._arm.access.check(request.method, request.target, request.bearer)
        if request.method not in ("GET", "HEAD"):
            self._subscriptions.require_registered(request.target)
        if request.target.is_collection:
            if request.method != "GET":
                raise method_not_allowed(request.method, request.target)
            return kind.listing(request)
        verbs = {
            "GET": kind.get,
            "HEAD": kind.head,
            "PUT": kind.put,
            "PATCH": kind.patch,
            "DELETE": kind.delete,
        }
        if request.method not in verbs:
            raise method_not_allowed(request.method, request.target)
        return verbs[request.method](request)

    def _action(self, request: ArmRequest) -> Answer:
        path, _, action = request.target.path.rpartition("/")
        kind = self._kinds.get(parse(path).full_type)
        if kind is None:
            LOG.error("no route for %s %s", request.method, request.target.path)
            raise unknown_type(request.target)
        self._arm.access.check(request.method, request.target, request.bearer)
        return kind.post(replace(request, target=parse(path)), action.lower())

    def _operation(self, request: web.Request, what: str, operation_id: str) -> Answer:
        operation = self._arm.operations.get(operation_id)
        if operation is None or not self._arm.operations.is_verbatim(operation, what, request.query):
            message = f"The operation '{operation_id}' could not be found, or its URL was changed."
            raise ArmError(404, "OperationNotFound", message)
        wait = self._arm.operations.delay(operation) if operation.is_running else {}
        if what == "operationresults":
            if operation.is_running:
                return Answer(202, None, {**wait, "Location": f"{base_url(request)}{request.path_qs}"})
            if operation.error is not None:
                return Answer(400, {"error": operation.error})
            return Answer(204 if "delete" in operation.action else 200)
        body: dict[str, Any] = {"status": operation.status}
        if operation.namespace.lower() == "microsoft.containerservice":
            body.update(name=operation.id, startTime=operation.started)
            if operation.ended is not None:
                body["endTime"] = operation.ended
        if operation.error is not None:
            body["error"] = operation.error
        return Answer(200, body, wait)


def _cut(request: web.Request) -> ConnectionResetError:
    """Ends the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return ConnectionResetError("a fault cut the connection")


def _code(body: Any) -> str:
    error = body.get("error") if isinstance(body, dict) else None
    return str(error.get("code", "")) if isinstance(error, dict) else ""


def _response(request: web.Request, answer: Answer, limits: Mapping[str, str]) -> web.Response:
    identity = str(uuid.uuid4())
    headers = {
        "x-ms-request-id": identity,
        "x-ms-correlation-request-id": request.headers.get("x-ms-correlation-request-id", identity),
        "x-ms-routing-request-id": f"LAB:{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}:{identity}",
        "Cache-Control": "no-cache",
        "Pragma": "no-cache",
        "Expires": "-1",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        "X-Content-Type-Options": "nosniff",
        **limits,
        **answer.headers,
    }
    if "/microsoft.network/" in request.path.lower() and "x-ms-failure-cause" not in answer.headers:
        headers["x-ms-arm-service-request-id"] = str(uuid.uuid4())
    if request.headers.get("x-ms-return-client-request-id", "").lower() == "true":
        headers["x-ms-client-request-id"] = request.headers.get("x-ms-client-request-id", "")
    if answer.body is None or request.method == "HEAD":
        return web.Response(status=answer.status, headers=headers)
    return web.json_response(answer.body, status=answer.status, headers=headers)
