"""Resource ids: parsed once, compared in lower case, echoed as they were first written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """What a request's path names: a resource, a collection of them, or an action on one."""

    path: str
    """As the client wrote it, without a trailing slash."""
    scope: str
    """Everything before the last `/providers/`."""
    subscription: str | None
    group: str | None
    namespace: str
    types: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def key(self) -> str:
        """The path as the store knows it."""
        return self.path.lower()

    @property
    def full_type(self) -> str:
        """Namespace and types in lower case: `microsoft.network/virtualnetworks/subnets`."""
        return "/".join((self.namespace, *self.types)).lower()

    @property
    def is_collection(self) -> bool:
        """Whether the path ends in a type instead of a name."""
        return len(self.names) < len(self.types)

    @property
    def name(self) -> str:
        """The last name."""
        return self.names[-1] if self.names else ""

    @property
    def type_and_names(self) -> str:
        """`Microsoft.Network/virtualNetworks/a/subnets/b`, as error texts have it."""
        pairs = [part for pair in zip(self.types, self.names, strict=False) for part in pair]
        return "/".join((self.namespace, *pairs))

    @property
    def parent(self) -> Target:
        """The resource above this one: two segments less."""
        return parse(self.path.rsplit("/", 1 if self.is_collection else 2)[0])

    @property
    def group_key(self) -> str | None:
        """The store's key of the resource group, if the path is in one."""
        if self.group is None:
            return None
        return f"/subscriptions/{self.subscription}/resourcegroups/{self.group}".lower()


def parse(path: str) -> Target:
    """Reads a path; never fails, an odd path simply names a type that nobody has."""
    path = "/" + path.strip("/")
    scope, found, rest = _split_provider(path)
    segments = scope.strip("/").split("/") if scope.strip("/") else []
    lowered = [segment.lower() for segment in segments]
    subscription = _after(segments, lowered, "subscriptions")
    group = _after(segments, lowered, "resourcegroups")
    if not found:
        return _parse_scope(path, subscription, group, segments)
    namespace, *pairs = rest.split("/")
    return Target(path, scope, subscription, group, namespace, tuple(pairs[0::2]), tuple(pairs[1::2]))


def _split_provider(path: str) -> tuple[str, bool, str]:
    at = path.lower().rfind("/providers/")
    if at < 0:
        return path, False, ""
    return path[:at], True, path[at + len("/providers/") :]


def _after(segments: list[str], lowered: list[str], word: str) -> str | None:
    if word not in lowered:
        return None
    at = lowered.index(word) + 1
    return segments[at] if at < len(segments) else None


def _parse_scope(path: str, subscription: str | None, group: str | None, segments: list[str]) -> Target:
    """A path without a provider: a subscription, a resource group, or a list of either."""
    types, names = tuple(segments[0::2]), tuple(segments[1::2])
    if len(segments) > 2:
        types, names = types[1:], names[1:]
    return Target(path, path, subscription, group, "Microsoft.Resources", types, names)


def same(first: str, second: str) -> bool:
    """Azure's ids are equal whatever their case."""
    return first.rstrip("/").lower() == second.rstrip("/").lower()
