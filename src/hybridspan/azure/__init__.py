"""The only room that speaks to Azure: Resource Manager through the official SDKs, facts out, failures in our own words."""
