"""The resource providers: one class a resource type, with what that type does differently."""
