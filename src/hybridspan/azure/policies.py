"""What our requests have in common inside the SDKs: they keep pace, and follow operations no further than to their end."""

from __future__ import annotations

from typing import Any

from azure.core.exceptions import ServiceRequestError
from azure.core.pipeline.policies import HTTPPolicy
from azure.core.polling.base_polling import LocationPolling, StatusCheckPolling
from azure.mgmt.core.polling.arm_polling import AzureAsyncOperationPolling, BodyContentPolling

from hybridspan.azure.pace import Pace, kind_of


class PacePolicy(HTTPPolicy[Any, Any]):
    """Waits, in the request's own thread, until the request may be sent; one that is given up meanwhile never is."""

    def __init__(self, pace: Pace) -> None:
        super().__init__()
        self._pace = pace

    def send(self, request: Any) -> Any:
        """Passes the request on in its turn, and listens to what the answer says of what is left."""
        kind = kind_of(request.http_request.method)
        wait = self._pace.turn(kind)
        if wait and not self._pace.wait(wait):
            raise ServiceRequestError("given up before its turn came")
        response = self.next.send(request)
        self._pace.learn(kind, response.http_response.headers)
        return response


class UntilItsEnd(AzureAsyncOperationPolling[Any, Any]):
    """Follows an operation and does not fetch the resource after it: whoever wrote looks again anyway."""

    def get_final_get_url(self, pipeline_response: Any) -> None:
        """None: there is nothing to fetch."""


def algorithms() -> list[Any]:
    """How an operation may be followed, in the order in which Azure prefers it."""
    return [UntilItsEnd(), LocationPolling(), BodyContentPolling(), StatusCheckPolling()]
