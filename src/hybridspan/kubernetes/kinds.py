"""Where objects of a kind live in one cluster, as its API server itself says; asked once for each group and version."""

from __future__ import annotations

from hybridspan.errors import PermanentFailure
from hybridspan.kubernetes.access import Access, Document


class Kinds:
    """The kinds that the API server knows. One that it does not know yet is asked for again: a definition may have come."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._known: dict[str, dict[str, Document]] = {}

    async def known_path(self, api_version: str, kind: str, namespace: str | None) -> str:
        """Where objects of a kind live; PermanentFailure HS-KUBE-010 for a kind that the cluster does not know."""
        path = await self.path(api_version, kind, namespace)
        if path is None:
            raise PermanentFailure(
                "HS-KUBE-010",
                f"the cluster does not know the kind {kind} of {api_version}",
                where=self._access.name,
                hint="its CustomResourceDefinition is missing: the installer's init step brings it",
            )
        return path

    async def path(self, api_version: str, kind: str, namespace: str | None) -> str | None:
        """Where objects of a kind live, without a name at its end; None for a kind that the cluster does not know."""
        if kind not in self._known.get(api_version, {}):
            self._known[api_version] = await self._of(api_version)
        known = self._known[api_version].get(kind)
        if known is None:
            return None
        scope = f"/namespaces/{namespace}" if known["namespaced"] and namespace else ""
        return f"{known['base']}{scope}/{known['name']}"

    async def _of(self, api_version: str) -> dict[str, Document]:
        base = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
        answer = await self._access.request("GET", base, where=f"kinds of {api_version}")
        resources = (answer or {}).get("resources") or []
        return {r["kind"]: r | {"base": base} for r in resources if "/" not in r["name"]}
