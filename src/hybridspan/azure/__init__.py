"""The only room that imports the Azure SDKs."""
